//! The issuer's keys, kept in memory and fetched again before they grow old.
//!
//! Stores the last good key set. Steered by [`RefreshPolicy`]. Defends against an issuer that is away (the last keys go
//! on verifying for a bounded time), against made-up key ids (fetches are rare and single), and against answers that
//! are too long, too slow or no keys (they change nothing).

mod policy;
mod store;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{runtime::Handle, task::JoinHandle};
use vestibule_token::clock::{Clock, Timestamp};

use self::store::KeyStore;
pub use self::store::RefreshError;
pub(crate) use self::{
    policy::RefreshPolicy,
    store::{KeySource, Snapshot},
};

/// How well the verifier knows the issuer's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// The keys are fresh.
    Ready,
    /// The issuer does not answer; the last keys go on verifying until then.
    Stale {
        /// When they are given up.
        until: Timestamp,
    },
    /// There are no keys: every token is answered as an outage.
    Unavailable,
}

/// There are no keys that may be used now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoKeys;

/// The keys, shared by every clone of a verifier; the background refresh ends with the last of them.
#[derive(Debug)]
pub(crate) struct Keys {
    store: Arc<KeyStore>,
    background: JoinHandle<()>,
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.background.abort();
    }
}

impl Keys {
    pub(crate) fn start(
        source: KeySource,
        policy: RefreshPolicy,
        clock: Arc<dyn Clock>,
        runtime: &Handle,
    ) -> Self {
        let store = Arc::new(KeyStore::new(source, policy, clock, runtime.clone()));
        let background = runtime.spawn(keep_fresh(Arc::downgrade(&store), policy.tick()));
        Self { store, background }
    }

    /// The keys as they may be used now, waiting for newer ones where these are missing or overdue.
    pub(crate) async fn current(&self) -> Result<Arc<Snapshot>, NoKeys> {
        let store = &self.store;
        let now = store.clock.now();
        match store.usable(now) {
            Some(keys) if !keys.is_older_than(store.policy.every, now) => return Ok(keys),
            // While the issuer is away nobody waits for it once more: the background does.
            Some(keys) if store.is_failing() || !keys.is_older_than(store.policy.overdue(), now) => {
                let _ = store.begin(now, store.policy.pause);
                return Ok(keys);
            }
            _ => store.fetch_and_wait(now, store.policy.pause).await,
        }
        store.usable(store.clock.now()).ok_or(NoKeys)
    }

    /// The keys after a look for one that is not among them, where such a look is allowed now.
    pub(crate) async fn look_again(&self) -> Result<Arc<Snapshot>, NoKeys> {
        self.store.fetch_and_wait(self.store.clock.now(), self.store.policy.pause).await;
        self.store.usable(self.store.clock.now()).ok_or(NoKeys)
    }

    /// Whether the last fetch failed, so that nobody can say that a key does not exist.
    pub(crate) fn is_failing(&self) -> bool {
        self.store.is_failing()
    }

    /// The pause after which asking again may help.
    pub(crate) fn pause(&self) -> Duration {
        self.store.policy.pause
    }

    pub(crate) async fn refresh(&self) -> Result<(), RefreshError> {
        self.store.fetch_and_wait(self.store.clock.now(), Duration::ZERO).await;
        self.store.outcome()
    }

    pub(crate) fn health(&self) -> Health {
        let store = &self.store;
        let now = store.clock.now();
        match store.usable(now) {
            None => Health::Unavailable,
            Some(keys) if store.is_failing() || keys.is_older_than(store.policy.overdue(), now) => {
                Health::Stale { until: keys.fetched_at.plus(store.policy.stale_for) }
            }
            Some(_) => Health::Ready,
        }
    }
}

/// Fetches the keys now, and again whenever they have become old, until the verifier is gone.
async fn keep_fresh(store: Weak<KeyStore>, tick: Duration) {
    while let Some(store) = store.upgrade() {
        let now = store.clock.now();
        let is_fresh = store.usable(now).is_some_and(|keys| !keys.is_older_than(store.policy.every, now));
        if !is_fresh {
            let _ = store.begin(now, store.policy.pause);
        }
        drop(store);
        tokio::time::sleep(tick).await;
    }
}
