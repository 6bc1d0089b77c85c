//! Whether Redis is there: the connection that requests use, and what is known about its loss.

use std::sync::{Mutex, MutexGuard, PoisonError};

use redis::RedisError;
use tokio::sync::Notify;

use crate::servers::Line;

const UP: &str = "vestibule_redis_up";
pub(crate) const FALLBACKS: &str = "vestibule_redis_fallbacks_total";

/// What requests and the keeper share.
pub(crate) struct Link {
    /// The servers, as they are told in the log.
    shown: String,
    state: Mutex<State>,
    loss: Notify,
}

struct State {
    line: Option<Line>,
    /// Counts connections, so that a late failure of an old one does not take down its successor.
    number: u64,
    /// The key that the keeper tries. It stands beside the counter that failed last: in a cluster others may be elsewhere.
    probe: String,
    /// Whether a counter that cannot be used was told of since the connection was found.
    has_told: bool,
}

/// A connection on loan.
pub(crate) struct Loan {
    pub(crate) line: Line,
    number: u64,
}

impl Link {
    /// A link that is not there yet; `probe` is tried until something fails.
    pub(crate) fn new(shown: String, probe: String) -> Self {
        metrics::gauge!(UP).set(0.0);
        for operation in ["count", "count_rising", "refund", "forget", "look"] {
            metrics::counter!(FALLBACKS, "operation" => operation).absolute(0);
        }
        Self {
            shown,
            state: Mutex::new(State { line: None, number: 0, probe, has_told: false }),
            loss: Notify::new(),
        }
    }

    /// The connection, while there is one.
    pub(crate) fn borrow(&self) -> Option<Loan> {
        let state = self.state();
        state.line.clone().map(|line| Loan { line, number: state.number })
    }

    /// What the keeper tries.
    pub(crate) fn probe(&self) -> String {
        self.state().probe.clone()
    }

    /// Says, once, that Redis was not there from the beginning.
    pub(crate) fn never_found(&self, cause: &str) {
        tracing::warn!(
            redis = self.shown,
            cause,
            "Redis cannot be used: limits hold for each node by itself until it can; check that it runs, and redis_url"
        );
    }

    /// Requests use this connection from now on.
    pub(crate) fn found(&self, line: Line) {
        let mut state = self.state();
        let is_again = state.number > 0;
        state.line = Some(line);
        state.number += 1;
        state.has_told = false;
        drop(state);
        metrics::gauge!(UP).set(1.0);
        if is_again {
            tracing::info!(redis = self.shown, "Redis is back: limits hold for all nodes together");
        } else {
            tracing::info!(redis = self.shown, "limits are counted in Redis");
        }
    }

    /// A connection failed; `probe` tells when it would not have. Only the first to say so is heard.
    pub(crate) fn lost(&self, loan: &Loan, probe: String, cause: &str) {
        let mut state = self.state();
        if state.number != loan.number || state.line.take().is_none() {
            return;
        }
        state.probe = probe;
        drop(state);
        metrics::gauge!(UP).set(0.0);
        tracing::warn!(
            redis = self.shown,
            cause,
            "Redis is lost: limits hold for each node by itself until it is back"
        );
        self.loss.notify_one();
    }

    /// A counter cannot be used, while others can. The first since the connection was found is told of.
    pub(crate) fn refused(&self, loan: &Loan, counter: &str, error: &RedisError) {
        let mut state = self.state();
        if state.number != loan.number || std::mem::replace(&mut state.has_told, true) {
            return;
        }
        drop(state);
        tracing::warn!(
            redis = self.shown,
            key = counter,
            cause = %error,
            "a counter in Redis cannot be used, perhaps because its name is taken: its limit holds for each node by \
             itself until the key is removed"
        );
    }

    /// Waits for the next loss.
    pub(crate) async fn next_loss(&self) {
        self.loss.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
