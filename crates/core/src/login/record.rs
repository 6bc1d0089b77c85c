//! The end of a login attempt: counted, written down and, where it is due, given back; also when the caller hangs up.

use std::sync::Arc;

use super::{LoggedIn, LoginError};
use crate::{
    Auth,
    gate::{Attempt, GateError},
    ports::audit::{AuditEvent, AuditKind, AuditOutcome},
    values::{account::AccountId, client::Client, session::SessionId},
};

/// What is known of an attempt so far. Dropped before its end, it is written down as abandoned: a guesser who hangs up
/// leaves the same trace as one who waits.
#[derive(Debug)]
pub(super) struct LoginRecord {
    auth: Arc<Auth>,
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
        let now = self.auth.clock.now();
        if self.auth.limit_notices.is_first(&key, now.plus(retry_after), now) {
            tracing::warn!(address = self.address, "the login limit of a client network is reached");
            self.write("rate_limited", None);
        } else {
            self.count("rate_limited");
        }
        Err(LoginError::RateLimited { retry_after })
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

/// An attempt that the gate has let in.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: LoginRecord,
    pub(super) attempt: Attempt,
}

impl Entry {
    /// Ends the attempt, gives it back where that is due, and hands its outcome on.
    pub(super) async fn end(self, outcome: Result<LoggedIn, LoginError>) -> Result<LoggedIn, LoginError> {
        let Self { record, attempt } = self;
        let auth = Arc::clone(&record.auth);
        let outcome = record.end(outcome);
        if outcome.as_ref().map_or_else(LoginError::is_ours, |_| true) {
            auth.give_back(attempt).await;
        }
        outcome
    }
}

impl Drop for LoginRecord {
    fn drop(&mut self) {
        if !self.is_ended {
            self.write("abandoned", None);
        }
    }
}
