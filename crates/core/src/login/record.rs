//! The end of a login attempt: counted, written down and, where it is due, given back; also when the caller hangs up.

use std::sync::Arc;

use super::{LoggedIn, LoginError};
use crate::{
    Auth,
    gate::{GateError, Limit},
    ports::audit::{AuditEvent, AuditKind, AuditOutcome},
    values::{account::AccountId, client::Client, session::SessionId},
};

/// What is known of an attempt so far. Dropped before its end, it is written down as abandoned: a guesser who hangs up
/// leaves the same trace as one who waits.
#[derive(Debug)]
pub(super) struct LoginRecord {
    pub(super) auth: Arc<Auth>,
    address: String,
    pub(super) account_id: Option<AccountId>,
    is_ended: bool,
}

impl LoginRecord {
    pub(super) fn begin(auth: &Arc<Auth>, client: &Client) -> Self {
        Self {
            auth: Arc::clone(auth),
            address: client.address.to_string(),
            account_id: None,
            is_ended: false,
        }
    }

    /// Ends an attempt and hands its outcome on.
    pub(super) fn end(mut self, outcome: Result<LoggedIn, LoginError>) -> Result<LoggedIn, LoginError> {
        match &outcome {
            Ok(login) => self.write("", Some(login.session_id)),
            Err(error) => self.write(error.code(), None),
        }
        outcome
    }

    /// Ends an attempt that the gate has not let in.
    pub(super) fn refuse(mut self, refusal: GateError) -> Result<LoggedIn, LoginError> {
        let (key, retry_after) = match refusal {
            GateError::Closed { key, retry_after } => (key, retry_after),
            GateError::Store(error) => return self.end(Err(error.into())),
        };
        let limit = Limit::of(&key);
        let detail = written(limit);
        let now = self.auth.clock.now();
        if self.auth.limit_notices.is_first(&key, now.plus(retry_after), now) {
            self.warn(limit);
            self.write(detail, None);
        } else {
            self.count(detail);
        }
        Err(LoginError::RateLimited { limit, retry_after })
    }

    /// Ends an attempt whose password was not looked at, although it was answered like a wrong one.
    pub(super) fn ignore(mut self) -> Result<LoggedIn, LoginError> {
        self.write(written(Limit::Strangers), None);
        Err(LoginError::InvalidCredentials)
    }

    fn warn(&self, limit: Limit) {
        let address = &self.address;
        match (limit, self.account_id) {
            (Limit::Network, _) => {
                tracing::warn!(address, "the login limit of a client network is reached");
            }
            (_, Some(account)) => {
                tracing::warn!(address, %account, limit = limit.as_str(), "a limit on failed logins is reached");
            }
            // Names that are made up are nobody's worry.
            (_, None) => tracing::debug!(address, "the limit of a name that is nobody's is reached"),
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

/// How the audit log and the metrics name a limit.
const fn written(limit: Limit) -> &'static str {
    match limit {
        Limit::Network => "rate_limited",
        Limit::Strangers | Limit::Device => limit.as_str(),
    }
}

impl Drop for LoginRecord {
    fn drop(&mut self) {
        if !self.is_ended {
            self.write("abandoned", None);
        }
    }
}
