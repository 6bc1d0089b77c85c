//! What a guarded route demands, beside a login.

use std::{fmt, time::Duration};

use vestibule_token::user::{HasPermissions, HasVerifiedEmail};

use crate::{
    extract::{Login, check_email, check_permission},
    refusal::Refusal,
};

type Check<U> = Box<dyn Fn(&Login<U>) -> Result<(), Refusal> + Send + Sync>;

/// What a guarded route demands; all of it.
///
/// ```
/// use std::time::Duration;
/// use vestibule_login::Requirement;
///
/// let requirement = Requirement::<String>::scopes(["users:write"]).and_fresh(Duration::from_mins(5));
/// assert_eq!(requirement.to_string(), "logged in, scope users:write, fresh within 300 s");
/// ```
#[must_use]
pub struct Requirement<U> {
    checks: Vec<(String, Check<U>)>,
}

impl<U> Requirement<U> {
    /// A login and nothing else.
    pub const fn login() -> Self {
        Self { checks: Vec::new() }
    }

    /// A token with every one of these scopes.
    pub fn scopes<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        Self::login().and(format!("scope {}", names.join(" ")), move |login| {
            login.check_scopes(&names.iter().map(String::as_str).collect::<Vec<_>>())
        })
    }

    /// A user with this permission now.
    pub fn permission(name: impl Into<String>) -> Self
    where
        U: HasPermissions,
    {
        let name = name.into();
        Self::login().and(format!("permission {name}"), move |login| check_permission(&login.user, &name))
    }

    /// A user whose e-mail address has been verified.
    pub fn verified_email() -> Self
    where
        U: HasVerifiedEmail,
    {
        Self::login().and("verified e-mail".into(), |login| check_email(&login.user))
    }

    /// A rule of the application's own, under a name for the audit; a user who breaks it is 403 `forbidden`.
    pub fn rule(name: impl Into<String>, holds: impl Fn(&U) -> bool + Send + Sync + 'static) -> Self {
        Self::login().and(
            name.into(),
            move |login| {
                if holds(&login.user) { Ok(()) } else { Err(Refusal::Forbidden) }
            },
        )
    }

    /// This and another.
    pub fn and_also(mut self, other: Self) -> Self {
        self.checks.extend(other.checks);
        self
    }

    /// And a proof of who it is within this time.
    pub fn and_fresh(self, limit: Duration) -> Self {
        self.and(format!("fresh within {} s", limit.as_secs()), move |login| login.check_freshness(limit))
    }

    fn and(
        mut self,
        name: String,
        check: impl Fn(&Login<U>) -> Result<(), Refusal> + Send + Sync + 'static,
    ) -> Self {
        self.checks.push((name, Box::new(check)));
        self
    }

    pub(crate) fn check(&self, login: &Login<U>) -> Result<(), Refusal> {
        self.checks.iter().try_for_each(|(_, check)| check(login))
    }
}

impl<U> fmt::Display for Requirement<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("logged in")?;
        self.checks.iter().try_for_each(|(name, _)| write!(f, ", {name}"))
    }
}

impl<U> fmt::Debug for Requirement<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Requirement({self})")
    }
}
