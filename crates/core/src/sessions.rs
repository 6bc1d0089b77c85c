//! One's own account and devices.

use crate::{
    Auth,
    logout::LogoutScope,
    ports::store::StoreError,
    token::{TokenError, claims::AccessClaims},
    values::{
        account::Account,
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
        let account = self.store.find_account(claims.account_id).await?;
        account.filter(|account| account.active).ok_or(TokenError::Revoked)
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
        &self,
        claims: &AccessClaims,
        id: SessionId,
        client: &Client,
    ) -> Result<bool, StoreError> {
        let is_ended = self.end_session(id, Some(claims.account_id)).await?;
        if is_ended {
            self.record_logout(id, claims.account_id, LogoutScope::This, client);
        }
        Ok(is_ended)
    }
}
