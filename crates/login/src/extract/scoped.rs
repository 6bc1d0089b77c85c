//! Scopes that a route needs: as a type, or as a value.

use std::{marker::PhantomData, ops::Deref};

use axum::extract::FromRequestParts;
use http::request::Parts;
use vestibule_token::scope::Scopes;

use super::{Login, User, demand};
use crate::{manager::HasLogin, refusal::Refusal, rejection::Rejection};

/// Scopes as a type, for [`Scoped`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no scopes",
    note = "implement `RequiredScopes` for `{Self}`: `const SCOPES: &'static [&'static str] = &[\"users:read\"];`"
)]
pub trait RequiredScopes {
    /// All of them are needed.
    const SCOPES: &'static [&'static str];
}

/// The user who is calling with a token that has all scopes of `R`; else 403 with the challenge of RFC 6750 §3.1.
///
/// ```
/// use vestibule_login::{RequiredScopes, Scoped};
///
/// struct ReadUsers;
///
/// impl RequiredScopes for ReadUsers {
///     const SCOPES: &'static [&'static str] = &["users:read"];
/// }
///
/// async fn list(name: Scoped<String, ReadUsers>) -> String {
///     format!("{} may read users", *name)
/// }
/// # fn app(login: vestibule_login::LoginManager<String>) -> axum::Router {
/// # axum::Router::new().route("/users", axum::routing::get(list)).with_state(login)
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Scoped<U, R> {
    user: U,
    required: PhantomData<fn() -> R>,
}

impl<U, R> Scoped<U, R> {
    /// The user.
    pub fn into_user(self) -> U {
        self.user
    }
}

impl<U, R> Deref for Scoped<U, R> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.user
    }
}

impl<U, R, S> FromRequestParts<S> for Scoped<U, R>
where
    U: User,
    R: RequiredScopes,
    S: HasLogin<U> + Send + Sync,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let login = demand(parts, state, |login| login.check_scopes(R::SCOPES)).await?;
        Ok(Self { user: login.user, required: PhantomData })
    }
}

impl<U> Login<U> {
    /// Demands scopes that are known only while the request is handled, for example the name of a folder.
    ///
    /// ```
    /// use axum::extract::Path;
    /// use vestibule_login::{Login, Rejection};
    ///
    /// async fn read(Path(folder): Path<String>, login: Login<String>) -> Result<String, Rejection> {
    ///     login.require_scopes([format!("folders:{folder}")])?;
    ///     Ok(format!("the files in {folder}"))
    /// }
    /// # fn app(login: vestibule_login::LoginManager<String>) -> axum::Router {
    /// # axum::Router::new().route("/{folder}", axum::routing::get(read)).with_state(login)
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Rejection`]: 403 `insufficient_scope`, or what the application answers instead.
    pub fn require_scopes<S: AsRef<str>>(
        &self,
        required: impl IntoIterator<Item = S>,
    ) -> Result<(), Rejection> {
        let required: Vec<S> = required.into_iter().collect();
        let names: Vec<&str> = required.iter().map(AsRef::as_ref).collect();
        // Redirects of the login page are for those who are not logged in: nothing of the request is needed here.
        let (parts, ()) = http::Request::new(()).into_parts();
        self.check_scopes(&names).map_err(|refusal| self.manager.reject(refusal, &parts))
    }

    pub(crate) fn check_scopes(&self, required: &[&str]) -> Result<(), Refusal> {
        if self.has_scopes(required) {
            return Ok(());
        }
        Err(Refusal::InsufficientScope(required.iter().copied().collect::<Scopes>()))
    }
}
