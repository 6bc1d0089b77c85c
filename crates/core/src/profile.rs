//! What an application keeps with each account: a type of its own, read, shown and changed.
//!
//! Stores the JSON that the type writes, with the account, and an audit event of each change. Steered by the
//! application's type ([`AccountProfile`]) and by [`MAX_PROFILE`]. Defends against members that nobody asked for, which
//! are never stored, against values past the application's rules, and against changing through it what an account may do:
//! a profile is a column of its own. Of two who change one at once, the last one's is kept whole.
//!
//! An engine without a type shows no profiles, takes none, and leaves those that are stored as they are.
//!
//! [`MAX_PROFILE`]: crate::values::profile::MAX_PROFILE

use std::{
    any::{TypeId, type_name},
    sync::Arc,
};

use serde_json::{Map, Value};

use crate::{
    Auth,
    access::AccountAccess,
    detach::to_the_end,
    hooks::{After, Before},
    ports::{
        audit::AuditKind,
        hooks::{Changed, HookError, ProfileChange},
        profile::{AccountProfile, ProfileError, ProfileRefusal, read, read_empty},
        store::{AccountChange, AccountChanged, StoreError},
    },
    values::{account::Account, profile::ProfileText},
};

/// Why a profile is what it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileChangeError {
    /// The value cannot be stored.
    #[error(transparent)]
    Refused(#[from] ProfileRefusal),
    /// No profiles are kept here, or the account has gone meanwhile.
    #[error("there is no such profile")]
    Unknown,
    /// The application does not want it, or could not be asked.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is shown of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShownProfile {
    /// This application keeps none.
    NotKept,
    /// There is none, or none that can be read.
    None,
    /// A JSON object.
    Some(ProfileText),
}

impl Account {
    /// The profile, as a type of the application's.
    ///
    /// An account that has none has what the type makes of `{}`.
    ///
    /// # Errors
    /// [`ProfileError::Missing`] or [`ProfileError::Misfit`].
    pub fn profile<P: AccountProfile>(&self) -> Result<P, ProfileError> {
        let Some(stored) = &self.stored_profile else { return read_empty().ok_or(ProfileError::Missing) };
        read(stored.as_str()).map_err(|misfit| ProfileError::Misfit { account_id: self.id, misfit })
    }
}

impl Auth {
    /// Whether this application keeps profiles.
    #[must_use]
    pub const fn keeps_profiles(&self) -> bool {
        self.profiles.is_some()
    }

    /// The profile of an account, where `P` is the type that the engine was given.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn profile_of<P: AccountProfile>(&self, account: &Account) -> Result<P, ProfileError> {
        let other = |registered: &str| ProfileError::OtherType {
            asked: type_name::<P>(),
            registered: registered.to_owned(),
        };
        match &self.profiles {
            Some(rules) if rules.are_of(TypeId::of::<P>()) => account.profile(),
            Some(rules) => Err(other(rules.name())),
            None => Err(other("none: the engine was given no profile type")),
        }
    }

    /// Whether nobody can register without sending a profile: the type has a member without a default.
    #[must_use]
    pub fn needs_profile(&self) -> bool {
        self.profiles.as_ref().is_some_and(|rules| rules.show_absent().is_none())
    }

    /// The profile of an account, as whoever asks for it is shown it.
    ///
    /// # Errors
    /// [`ProfileError::Misfit`].
    pub fn find_profile(&self, account: &Account) -> Result<ShownProfile, ProfileError> {
        let Some(rules) = &self.profiles else { return Ok(ShownProfile::NotKept) };
        let shown = match &account.stored_profile {
            Some(stored) => rules.show(stored.as_str()).map(Some),
            None => Ok(rules.show_absent()),
        };
        let shown = shown.map_err(|misfit| ProfileError::Misfit { account_id: account.id, misfit })?;
        Ok(shown.map_or(ShownProfile::None, |text| ShownProfile::Some(ProfileText::stored(text))))
    }

    /// What whoever sees an account is shown of its profile.
    ///
    /// One that does not fit its type any more is logged and not shown: nobody is kept from logging in by it.
    #[must_use]
    pub fn shown_profile(&self, account: &Account) -> ShownProfile {
        self.find_profile(account).unwrap_or_else(|error| {
            tracing::error!(%error, "a profile is not shown");
            ShownProfile::None
        })
    }

    /// Says whether something can be read as a profile, whatever the rules think of it. Without a type, everything can.
    ///
    /// # Errors
    /// [`ProfileRefusal::Misfit`].
    pub fn check_profile_shape(&self, sent: &Map<String, Value>) -> Result<(), ProfileRefusal> {
        let Some(rules) = &self.profiles else { return Ok(()) };
        match rules.admit(sent.clone()) {
            Err(misfit @ ProfileRefusal::Misfit(_)) => Err(misfit),
            _ => Ok(()),
        }
    }

    /// The profile of a new account; one that was not sent is what the type makes of `{}`.
    pub(crate) fn first_profile(
        &self,
        sent: Option<&Map<String, Value>>,
    ) -> Result<Option<ProfileText>, ProfileRefusal> {
        let Some(rules) = &self.profiles else { return Ok(None) };
        let sent = sent.cloned().unwrap_or_default();
        rules.admit(sent).map(|text| Some(ProfileText::stored(text)))
    }

    /// Replaces a profile with another one, all of it.
    ///
    /// # Errors
    /// [`ProfileChangeError`].
    pub async fn change_profile(
        self: &Arc<Self>,
        access: AccountAccess,
        sent: Map<String, Value>,
    ) -> Result<Account, ProfileChangeError> {
        let rules = self.profiles.as_ref().ok_or(ProfileChangeError::Unknown)?;
        let profile = ProfileText::stored(rules.admit(sent)?);
        let caller = access.caller();
        self.ask_hooks(|| {
            let (account, profile) = (access.account.clone(), profile.clone());
            Before::ProfileChange(ProfileChange { account, profile, caller: caller.clone() })
        })
        .await?;
        let now = self.clock.now();
        let change = AccountChange { profile: Some(profile), ..AccountChange::of(access.account.id, now) };
        let auth = Arc::clone(self);
        to_the_end(async move {
            match auth.store.change_account(change).await? {
                AccountChanged::Changed { before, after, .. } => {
                    auth.audit.record(access.event(now, AuditKind::ProfileChanged));
                    let changed = || Changed { before, after: after.clone(), caller };
                    auth.tell_hooks(|| After::ProfileChange(changed())).await;
                    Ok(after)
                }
                AccountChanged::Taken { .. } | AccountChanged::Unknown | AccountChanged::LastAdmin => {
                    Err(ProfileChangeError::Unknown)
                }
            }
        })
        .await
    }
}
