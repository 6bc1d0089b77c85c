//! Refreshing a session: one generation further, one live child, theft noticed.
//!
//! Stores the new generation. Steered by `tokens.refresh_ttl`, `tokens.refresh_max` and `tokens.refresh_grace`.
//! Defends against stolen refresh tokens: the second use of one, past the grace, ends the session for both.

use std::sync::Arc;

use crate::{
    Auth,
    detach::to_the_end,
    ports::{
        audit::{AuditEvent, AuditKind, AuditOutcome},
        clock::Timestamp,
        store::{Rotated, Rotation, RotationRequest, StoreError},
    },
    token::{Issue, SigningError, TokenPair, refresh_token::PresentedToken},
    values::{
        account::Account,
        client::Client,
        session::{RevokedSession, SessionId},
    },
};

/// A refresh that succeeded.
#[derive(Clone, Debug)]
pub struct Refreshed {
    /// Who it is, as of now.
    pub account: Account,
    /// The session.
    pub session_id: SessionId,
    /// The tokens to hand out.
    pub tokens: TokenPair,
}

/// Why nothing is refreshed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// No refresh token of ours, or of a session that has ended, expired or lost its account.
    #[error("the refresh token is refused")]
    Invalid,
    /// The token had been used before; its session is revoked now.
    #[error("the refresh token was used before: its session has been revoked")]
    Reused,
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tokens could not be made.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

impl Auth {
    /// Exchanges a refresh token for its child and a new access token.
    ///
    /// # Errors
    /// [`RefreshError`].
    ///
    /// # Security
    /// Two tabs, a lost answer and a retry get the same child, as long as the child is unused and
    /// `tokens.refresh_grace` has not passed, which does not run while the store is away; any other second use revokes
    /// the session (RFC 9700 §4.14.2).
    pub async fn refresh(self: &Arc<Self>, token: &str, client: &Client) -> Result<Refreshed, RefreshError> {
        let presented = PresentedToken::read(&self.master, token).ok_or(RefreshError::Invalid)?;
        let (auth, client) = (Arc::clone(self), client.clone());
        to_the_end(async move { auth.rotate(presented, &client).await }).await
    }

    async fn rotate(&self, presented: PresentedToken, client: &Client) -> Result<Refreshed, RefreshError> {
        let policy = &self.policy.tokens;
        let now = self.clock.now();
        let rotation = RotationRequest {
            id: presented.session_id,
            generation: presented.generation,
            now,
            refresh_ttl: policy.refresh_ttl,
            access_until: now.plus(policy.access_reach()),
            grace: policy.refresh_grace,
            stall: self.stalls.seen_at(now),
        };
        let outcome = self.store.rotate_session(rotation).await;
        match outcome {
            Ok(_) => self.stalls.note_answer(self.clock.now()),
            Err(StoreError::Unavailable(_)) => self.stalls.note_failure(now, policy.refresh_grace),
            Err(_) => {}
        }
        match outcome? {
            Rotation::Rotated(rotated) => {
                metrics::counter!("vestibule_sessions_refreshed_total", "outcome" => "rotated").increment(1);
                self.refreshed(now, presented.session_id, rotated)
            }
            Rotation::Repeated(rotated) => {
                metrics::counter!("vestibule_sessions_refreshed_total", "outcome" => "repeated").increment(1);
                self.refreshed(now, presented.session_id, rotated)
            }
            Rotation::ReuseDetected(revoked) => {
                self.note_reuse(revoked, client);
                Err(RefreshError::Reused)
            }
            Rotation::Refused => Err(RefreshError::Invalid),
        }
    }

    fn refreshed(
        &self,
        at: Timestamp,
        session_id: SessionId,
        rotated: Rotated,
    ) -> Result<Refreshed, RefreshError> {
        // A permission that was taken away takes its scope with it.
        let scope =
            rotated.scope.intersection(&self.policy.tokens.scopes).intersection(&rotated.account.permissions);
        let tokens = self.issue_tokens(&Issue {
            at,
            account: &rotated.account,
            session_id,
            generation: rotated.generation,
            scope: &scope,
            authenticated_at: rotated.authenticated_at,
            expires_at: rotated.expires_at,
        })?;
        Ok(Refreshed { account: rotated.account, session_id, tokens })
    }

    fn note_reuse(&self, revoked: RevokedSession, client: &Client) {
        self.revocations.learn_sessions(&[revoked]);
        metrics::counter!("vestibule_sessions_refreshed_total", "outcome" => "reuse").increment(1);
        metrics::counter!("vestibule_sessions_ended_total").increment(1);
        tracing::warn!(session_id = %revoked.id, "a used refresh token came back: its session was revoked");
        self.audit.record(AuditEvent {
            at: self.clock.now(),
            kind: AuditKind::RefreshReuse,
            outcome: AuditOutcome::Failure,
            account_id: Some(revoked.account_id),
            actor_id: None,
            session_id: Some(revoked.id),
            address: client.address.to_string(),
            detail: "session_revoked",
        });
    }
}
