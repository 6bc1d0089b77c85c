//! Who may change an account: its owner, and administrators.
//!
//! Stores nothing. What changes an account takes an [`AccountAccess`], which only a look into the store makes, so that no
//! route decides by itself whose account it changes.

use crate::{
    Auth,
    ports::{
        audit::{AuditEvent, AuditKind, AuditOutcome},
        clock::Timestamp,
        store::StoreError,
    },
    token::{TokenError, claims::AccessClaims},
    values::{
        account::{Account, AccountId},
        client::Client,
        scope::ADMIN,
        session::SessionId,
    },
};

/// An account that somebody may change.
///
/// # Security
/// Made by [`Auth::access_account`] alone.
#[derive(Clone, Debug)]
pub struct AccountAccess {
    pub(crate) account: Account,
    pub(crate) client: Client,
    pub(crate) session_id: SessionId,
    /// Who it is, where that is not the owner.
    pub(crate) admin: Option<AccountId>,
}

impl AccountAccess {
    /// The account.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// Whether it is somebody else's.
    #[must_use]
    pub const fn is_for_somebody_else(&self) -> bool {
        self.admin.is_some()
    }

    pub(crate) fn event(&self, at: Timestamp, kind: AuditKind) -> AuditEvent {
        AuditEvent {
            at,
            kind,
            outcome: AuditOutcome::Success,
            account_id: Some(self.account.id),
            actor_id: self.admin,
            session_id: Some(self.session_id),
            address: self.client.address.to_string(),
            detail: "",
        }
    }
}

/// Why an account may not be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// It is somebody else's, or nobody's: which, only administrators are told.
    #[error("the account is somebody else's")]
    Forbidden,
    /// There is no such account.
    #[error("there is no such account")]
    Unknown,
    /// The caller's account is gone or disabled, or the store could not answer.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Auth {
    /// Makes sure that a token's account may change the account `id`: its own, or any where it may administrate, as the
    /// store says now.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn access_account(
        &self,
        claims: &AccessClaims,
        client: &Client,
        id: AccountId,
    ) -> Result<AccountAccess, AccessError> {
        let caller = self.find_current_account(claims).await?;
        let (client, session_id) = (client.clone(), claims.session_id);
        if caller.id == id {
            return Ok(AccountAccess { account: caller, client, session_id, admin: None });
        }
        if !caller.permissions.contains(ADMIN) {
            return Err(AccessError::Forbidden);
        }
        let account = self.store.find_account(id).await?.ok_or(AccessError::Unknown)?;
        Ok(AccountAccess { account, client, session_id, admin: Some(caller.id) })
    }
}
