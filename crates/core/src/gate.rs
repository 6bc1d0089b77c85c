//! The one gate before every way in: attempts counted before the work, given back where the caller is not at fault.
//!
//! Stores counters in the throttle. Steered by `throttle.*`. Defends against guessing and against registrations in bulk:
//! parallel ones cannot outrun a limit that is counted first, and whoever hangs up has counted all the same. No session is
//! begun without an [`Attempt`], and only this file makes one.

use std::time::Duration;

use crate::{
    Auth,
    ports::{
        store::StoreError,
        throttle::{Count, Receipt, ThrottleKey},
    },
    values::{account::AccountId, client::ClientNetwork},
};

/// Why nobody is let in to try.
#[derive(Debug)]
pub(crate) enum GateError {
    /// The limit has been reached.
    Closed {
        /// What is full.
        key: ThrottleKey,
        /// Until it is worth another try.
        retry_after: Duration,
    },
    /// The counters could not answer.
    Store(StoreError),
}

/// An attempt that has been counted, or need not be; it stays counted unless it is given back.
///
/// # Security
/// Whoever begins a session shows one: no way in can go round the gate.
#[derive(Debug)]
#[must_use]
pub(crate) struct Attempt(Option<(ThrottleKey, Receipt)>);

impl Auth {
    /// Lets a registration in, if the network has not made too many.
    pub(crate) async fn admit_registration(&self, network: ClientNetwork) -> Result<Attempt, GateError> {
        let policy = &self.policy.throttle;
        let key = ThrottleKey::Registration(network);
        self.admit(key, policy.registrations, policy.registration_window).await
    }

    /// Lets somebody guess at a password, if the network has not guessed too often.
    pub(crate) async fn admit_login(&self, network: ClientNetwork) -> Result<Attempt, GateError> {
        let policy = &self.policy.throttle;
        self.admit(ThrottleKey::Login(network), policy.login_attempts, policy.login_window).await
    }

    /// Lets an account be exported, if it has not been exported too often.
    pub(crate) async fn admit_export(&self, account_id: AccountId) -> Result<Attempt, GateError> {
        let policy = &self.policy.throttle;
        self.admit(ThrottleKey::Export(account_id), policy.exports, policy.export_window).await
    }

    async fn admit(&self, key: ThrottleKey, limit: u32, window: Duration) -> Result<Attempt, GateError> {
        if !self.policy.throttle.is_enabled {
            return Ok(Attempt(None));
        }
        match self.throttle.count(&key, limit, window).await.map_err(GateError::Store)? {
            Count::Counted(receipt) => Ok(Attempt(Some((key, receipt)))),
            Count::LimitReached { retry_after } => Err(GateError::Closed { key, retry_after }),
        }
    }

    /// Gives an attempt back.
    pub(crate) async fn give_back(&self, attempt: Attempt) {
        if let Some((key, receipt)) = attempt.0
            // Losing a refund costs the caller one attempt; it must not cost them the answer.
            && let Err(error) = self.throttle.refund(&key, receipt).await
        {
            tracing::warn!(%error, "an attempt could not be given back");
        }
    }
}
