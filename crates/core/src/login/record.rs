//! The end of a login attempt: counted, written down and, where it is due, given back; also when the caller hangs up.

use std::sync::Arc;

use super::{LoggedIn, LoginError};
use crate::{
    Auth,
    ports::{
        audit::{AuditEvent, AuditKind, AuditOutcome},
        throttle::{Receipt, ThrottleKey},
    },
    values::{account::AccountId, client::Client, session::SessionId},
};

/// What is known of an attempt so far. Dropped before its end, it is written down as abandoned: a guesser who hangs up
/// leaves the same trace as one who waits.
#[derive(Debug)]
pub(super) struct LoginRecord {
    auth: Arc<Auth>,
    address: String,
    key: ThrottleKey,
    pub(super) receipt: Option<Receipt>,
    pub(super) account_id: Option<AccountId>,
    is_ended: bool,
}

impl LoginRecord {
    pub(super) fn begin(auth: &Arc<Auth>, client: &Client) -> Self {
        Self {
            auth: Arc::clone(auth),
            address: client.address.to_string(),
            key: ThrottleKey::Login(client.network()),
            receipt: None,
            account_id: None,
            is_ended: false,
        }
    }

    pub(super) const fn key(&self) -> &ThrottleKey {
        &self.key
    }

    /// Ends the attempt and hands its outcome on.
    pub(super) async fn end(mut self, outcome: Result<LoggedIn, LoginError>) -> Result<LoggedIn, LoginError> {
        match &outcome {
            Ok(login) => self.write("", Some(login.session_id)),
            Err(LoginError::RateLimited { retry_after }) => {
                let now = self.auth.clock.now();
                if self.auth.limit_notices.is_first(&self.key, now.plus(*retry_after), now) {
                    tracing::warn!(address = self.address, "the login limit of a client network is reached");
                    self.write("rate_limited", None);
                } else {
                    self.count("rate_limited");
                }
            }
            Err(error) => self.write(error.code(), None),
        }
        if outcome.as_ref().map_or_else(LoginError::is_ours, |_| true) {
            self.give_back().await;
        }
        outcome
    }

    async fn give_back(&mut self) {
        if let Some(receipt) = self.receipt.take()
            // Losing a refund costs the caller one attempt; it must not cost them the login.
            && let Err(error) = self.auth.throttle.refund(&self.key, receipt).await
        {
            tracing::warn!(%error, "a login attempt could not be given back");
        }
    }

    fn count(&mut self, detail: &'static str) {
        self.is_ended = true;
        let outcome = if detail.is_empty() { "success" } else { detail };
        metrics::counter!("vestibule_logins_total", "outcome" => outcome).increment(1);
    }

    fn write(&mut self, detail: &'static str, session_id: Option<SessionId>) {
        self.count(detail);
        self.auth.audit.record(AuditEvent {
            at: self.auth.clock.now(),
            kind: AuditKind::Login,
            outcome: if detail.is_empty() { AuditOutcome::Success } else { AuditOutcome::Failure },
            account_id: self.account_id,
            actor_id: None,
            session_id,
            address: std::mem::take(&mut self.address),
            detail,
        });
    }
}

impl Drop for LoginRecord {
    fn drop(&mut self) {
        if !self.is_ended {
            self.write("abandoned", None);
        }
    }
}
