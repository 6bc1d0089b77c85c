//! Logging out: the session ends on the server, not just in the browser.
//!
//! Stores the revocation, or a cut-off where every session ends. Works with whatever names the session: an access
//! token, or a refresh token of any generation, so that an expired access cookie keeps nobody logged in.

use std::sync::Arc;

use crate::{
    Auth,
    detach::to_the_end,
    hooks::After,
    ports::{
        audit::{AuditEvent, AuditKind, AuditOutcome},
        hooks::{Caller, LogOut},
        store::StoreError,
    },
    token::{TokenError, refresh_token::PresentedToken},
    values::{account::AccountId, client::Client, session::SessionId},
};

/// Which sessions end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogoutScope {
    /// The one that asks.
    #[default]
    This,
    /// All of the account but the one that asks.
    Others,
    /// All of the account.
    All,
}

impl LogoutScope {
    /// Reads `this`, `others` or `all`.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        match name {
            "this" => Some(Self::This),
            "others" => Some(Self::Others),
            "all" => Some(Self::All),
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::This => "this",
            Self::Others => "others",
            Self::All => "all",
        }
    }
}

/// What came along to say whose logout it is; the first that names a session decides.
#[derive(Clone, Copy, Default)]
pub struct LogoutTokens<'a> {
    /// The access token.
    pub access: Option<&'a str>,
    /// Refresh tokens, in order.
    pub refresh: [Option<&'a str>; 2],
}

impl std::fmt::Debug for LogoutTokens<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogoutTokens(…)")
    }
}

impl Auth {
    /// Ends the sessions that `scope` means. Where no token names a live session there is nothing to end.
    ///
    /// # Errors
    /// An outage: then nobody may believe to be logged out.
    pub async fn log_out(
        self: &Arc<Self>,
        tokens: LogoutTokens<'_>,
        scope: LogoutScope,
        client: &Client,
    ) -> Result<(), StoreError> {
        let Some((session_id, account_id)) = self.find_session(tokens).await? else {
            return Ok(());
        };
        let (auth, client) = (Arc::clone(self), client.clone());
        to_the_end(async move {
            let event = || LogOut { account_id, session_id, scope, caller: Caller::of(&client) };
            auth.tell_hooks(|| After::LogoutBegins(event())).await;
            auth.end_sessions(session_id, account_id, scope).await?;
            auth.record_logout(session_id, account_id, scope, &client);
            auth.tell_hooks(|| After::Logout(event())).await;
            Ok(())
        })
        .await
    }

    async fn end_sessions(
        &self,
        session_id: SessionId,
        account_id: AccountId,
        scope: LogoutScope,
    ) -> Result<(), StoreError> {
        match scope {
            LogoutScope::This => self.end_session(session_id, account_id).await.map(drop),
            LogoutScope::Others => {
                let now = self.clock.now();
                let ended = self.store.revoke_other_sessions(account_id, session_id, now).await?;
                self.revocations.learn_sessions(&ended);
                metrics::counter!("vestibule_sessions_ended_total").increment(ended.len() as u64);
                Ok(())
            }
            LogoutScope::All => {
                // A session born just after an earlier cut-off may lie ahead of the clock.
                let at = self.clock.now().max(session_id.created_at());
                if let Some(cutoff) = self.store.cut_off_account(account_id, at).await? {
                    self.revocations.learn_cutoff(cutoff);
                }
                Ok(())
            }
        }
    }

    async fn find_session(
        &self,
        tokens: LogoutTokens<'_>,
    ) -> Result<Option<(SessionId, AccountId)>, StoreError> {
        if let Some(access) = tokens.access {
            match self.verify_access_token(access).await {
                Ok(claims) => return Ok(Some((claims.session_id, claims.account_id))),
                Err(TokenError::Store(outage)) => return Err(outage),
                Err(_) => {}
            }
        }
        for token in tokens.refresh.into_iter().flatten() {
            if let Some(presented) = PresentedToken::read(&self.master, token) {
                let owner = self.store.find_session_owner(presented.session_id, self.clock.now()).await?;
                if let Some(account_id) = owner {
                    return Ok(Some((presented.session_id, account_id)));
                }
            }
        }
        Ok(None)
    }

    /// Revokes one session of an account; says whether it lived.
    pub(crate) async fn end_session(&self, id: SessionId, owner: AccountId) -> Result<bool, StoreError> {
        let ended = self.store.revoke_session(id, Some(owner), self.clock.now()).await?;
        if let Some(revoked) = ended {
            self.revocations.learn_sessions(&[revoked]);
            metrics::counter!("vestibule_sessions_ended_total").increment(1);
        }
        Ok(ended.is_some())
    }

    pub(crate) fn record_logout(
        &self,
        session_id: SessionId,
        account_id: AccountId,
        scope: LogoutScope,
        client: &Client,
    ) {
        self.audit.record(AuditEvent {
            at: self.clock.now(),
            kind: AuditKind::Logout,
            outcome: AuditOutcome::Success,
            account_id: Some(account_id),
            actor_id: None,
            session_id: Some(session_id),
            address: client.address.to_string(),
            detail: scope.as_str(),
        });
    }
}
