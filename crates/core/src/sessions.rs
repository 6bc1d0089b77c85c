//! One's own account and devices.

use std::sync::Arc;

use crate::{
    Auth,
    detach::to_the_end,
    logout::LogoutScope,
    ports::store::StoreError,
    token::{TokenError, claims::AccessClaims},
    values::{
        account::{Account, AccountId},
        client::Client,
        session::{Session, SessionId},
    },
};

impl Auth {
    /// The account a token belongs to, as it is now.
    ///
    /// # Errors
    /// [`TokenError::Revoked`] where it is gone or disabled; [`TokenError::Store`] for an outage.
    pub async fn find_current_account(&self, claims: &AccessClaims) -> Result<Account, TokenError> {
        self.find_active_account(claims.account_id).await?.ok_or(TokenError::Revoked)
    }

    /// The account of an id, as it is now; `None` where it is gone or disabled.
    ///
    /// # Errors
    /// An outage.
    pub async fn find_active_account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.store.find_account(id).await?.filter(|account| account.active))
    }

    /// The live sessions of the token's account, the newest first.
    ///
    /// # Errors
    /// An outage.
    pub async fn list_sessions(&self, claims: &AccessClaims) -> Result<Vec<Session>, StoreError> {
        self.store.list_sessions(claims.account_id, self.clock.now()).await
    }

    /// Ends one session of the token's account; `false` where it has no such live session.
    ///
    /// # Errors
    /// An outage.
    pub async fn end_own_session(
        self: &Arc<Self>,
        claims: &AccessClaims,
        id: SessionId,
        client: &Client,
    ) -> Result<bool, StoreError> {
        let (auth, owner, client) = (Arc::clone(self), claims.account_id, client.clone());
        to_the_end(async move {
            let is_ended = auth.end_session(id, owner).await?;
            if is_ended {
                auth.record_logout(id, owner, LogoutScope::This, &client);
            }
            Ok(is_ended)
        })
        .await
    }
}
