//! What administrators do with accounts, and what people see of their own audit log.
//!
//! Stores what is done and an audit event that names who did it. Nothing is done without an [`Administrator`], which only a
//! look into the store makes: the permission `admin` counts as it is now, whatever an older token says. Nobody can
//! disable, demote or delete the last active administrator, themselves included; the operator at the command line can,
//! who can make another one.

mod changes;
mod hooks;
mod letters;
mod looking;

use serde_json::{Map, Value};

pub use self::looking::{SEARCH_PAGE, SEARCH_PAGES};
use crate::{
    Auth,
    ports::{
        audit::{AuditEvent, AuditKind, AuditOutcome},
        clock::Timestamp,
        hooks::HookError,
        profile::ProfileRefusal,
        store::StoreError,
    },
    token::{TokenError, claims::AccessClaims},
    values::{
        account::AccountId,
        client::Client,
        rule::RuleViolation,
        scope::{ADMIN, Scopes},
    },
};

/// Somebody who may administrate.
///
/// # Security
/// Made by [`Auth::find_administrator`] alone, and for the operator of the machine.
#[derive(Clone, Debug)]
pub struct Administrator {
    account_id: Option<AccountId>,
    address: String,
}

impl Administrator {
    /// The operator of the machine, at the command line.
    #[must_use]
    pub const fn operator() -> Self {
        Self { account_id: None, address: String::new() }
    }

    /// Whose account it is; `None` for the operator.
    #[must_use]
    pub const fn account_id(&self) -> Option<AccountId> {
        self.account_id
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    const fn is_operator(&self) -> bool {
        self.account_id.is_none()
    }

    pub(crate) fn event(&self, at: Timestamp, kind: AuditKind, about: Option<AccountId>) -> AuditEvent {
        AuditEvent {
            at,
            kind,
            outcome: AuditOutcome::Success,
            account_id: about,
            actor_id: self.account_id,
            session_id: None,
            address: self.address.clone(),
            detail: if self.is_operator() { "operator" } else { "" },
        }
    }
}

/// Why somebody is no administrator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotAdministrator {
    /// The account lacks the permission.
    #[error("the account may not administrate")]
    Forbidden,
    /// The account is gone or disabled, or the store could not answer.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdministrationError {
    /// There is no such account.
    #[error("there is no such account")]
    Unknown,
    /// Nobody would be left who may administrate.
    #[error("this is the last active administrator")]
    LastAdmin,
    /// A value breaks a rule; never empty.
    #[error("{} rules are broken", .0.len())]
    Rules(Vec<RuleViolation>),
    /// The profile is none, or its type cannot be used; rules that it breaks are among [`Self::Rules`].
    #[error(transparent)]
    Profile(ProfileRefusal),
    /// At least one of the names belongs to somebody else.
    #[error("a name is taken")]
    Taken {
        /// The address does.
        email: bool,
        /// The user name does.
        username: bool,
    },
    /// The application does not want it, or could not be asked.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an administrator wants changed about an account, as typed; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountPatch {
    /// The address.
    pub email: Option<String>,
    /// The user name, or that there is none.
    pub username: Option<Option<String>>,
    /// The person's name, or that there is none.
    pub full_name: Option<Option<String>>,
    /// Whether the account may be used.
    pub active: Option<bool>,
    /// Whether the address counts as proved; a new address does not unless this says so.
    pub confirmed: Option<bool>,
    /// All that the account may do.
    pub permissions: Option<Scopes>,
    /// What the application is to keep with the account, where it keeps something.
    pub profile: Option<Map<String, Value>>,
}

impl Auth {
    /// Makes sure that a token's account may administrate, as the store says now.
    ///
    /// # Errors
    /// [`NotAdministrator`].
    pub async fn find_administrator(
        &self,
        claims: &AccessClaims,
        client: &Client,
    ) -> Result<Administrator, NotAdministrator> {
        let account = self.find_current_account(claims).await?;
        if !account.permissions.contains(ADMIN) {
            return Err(NotAdministrator::Forbidden);
        }
        Ok(Administrator { account_id: Some(account.id), address: client.address.to_string() })
    }
}
