//! The issuer's keys, kept in memory and fetched again before they grow old.
//!
//! Stores the last good key set. Steered by [`RefreshPolicy`]. Defends against an issuer that is away (the last keys go
//! on verifying for a bounded time), against made-up key ids (fetches are rare and single), and against answers that
//! are too long, too slow or no keys (they change nothing).

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock, Weak},
    time::Duration,
};

use http::Uri;
use serde_json::Value;
use tokio::{runtime::Handle, sync::watch, task::JoinHandle, time::timeout};
use vestibule_token::{
    clock::{Clock, Timestamp},
    jwk::VerifyingKeys,
    jws::Algorithm,
    strict_json::parse_object,
};

use crate::{
    fetch::{FetchError, FetchJwks},
    flight::{Leave, Runway, Ticket},
};

/// How often and within which bounds keys are fetched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefreshPolicy {
    pub(crate) every: Duration,
    pub(crate) stale_for: Duration,
    pub(crate) pause: Duration,
    pub(crate) timeout: Duration,
    pub(crate) max_bytes: usize,
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        Self {
            every: Duration::from_mins(1),
            stale_for: Duration::from_hours(1),
            pause: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
            max_bytes: 64 * 1024,
        }
    }
}

impl RefreshPolicy {
    pub(crate) fn is_sound(&self) -> bool {
        !self.every.is_zero()
            && !self.timeout.is_zero()
            && self.pause <= self.every
            && self.stale_for >= self.overdue()
    }

    /// The age at which a token waits for newer keys rather than be verified with these.
    const fn overdue(&self) -> Duration {
        self.every.saturating_mul(2)
    }

    /// How often the background looks whether the keys are old.
    fn tick(&self) -> Duration {
        (self.every / 4).clamp(Duration::from_millis(50), Duration::from_secs(15))
    }
}

/// Where keys come from.
#[derive(Debug)]
pub(crate) struct KeySource {
    pub(crate) url: Uri,
    pub(crate) fetcher: Arc<dyn FetchJwks>,
    pub(crate) algorithms: Vec<Algorithm>,
}

/// A key set, as it was at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) set: VerifyingKeys,
    /// Changes with every change of the set, so that what was verified with another one is verified again.
    pub(crate) epoch: u64,
    document: Vec<u8>,
    fetched_at: Timestamp,
}

impl Snapshot {
    /// Keys from the future are as good as old: the clock was turned back, and nobody knows by how much.
    fn is_older_than(&self, age: Duration, now: Timestamp) -> bool {
        now < self.fetched_at || now.since(self.fetched_at) >= age
    }
}

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

/// The keys could not be fetched.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the keys at {url} could not be fetched: {cause}")]
pub struct RefreshError {
    url: String,
    cause: String,
}

/// There are no keys that may be used now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoKeys;

/// What has been said in the log of the issuer's absence.
#[derive(Clone, Debug, Default)]
enum Trouble {
    #[default]
    None,
    Stale(RefreshError),
    Out(RefreshError),
}

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

#[derive(Debug)]
struct KeyStore {
    source: KeySource,
    policy: RefreshPolicy,
    clock: Arc<dyn Clock>,
    runtime: Handle,
    runway: Runway,
    current: RwLock<Option<Arc<Snapshot>>>,
    trouble: Mutex<Trouble>,
}

impl Keys {
    pub(crate) fn start(
        source: KeySource,
        policy: RefreshPolicy,
        clock: Arc<dyn Clock>,
        runtime: &Handle,
    ) -> Self {
        let store = Arc::new(KeyStore {
            source,
            policy,
            clock,
            runtime: runtime.clone(),
            runway: Runway::new(),
            current: RwLock::default(),
            trouble: Mutex::default(),
        });
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
        match &*self.store.trouble.lock().unwrap_or_else(PoisonError::into_inner) {
            Trouble::Stale(error) | Trouble::Out(error) => Err(error.clone()),
            Trouble::None if self.store.snapshot().is_none() => Err(self.store.error(&FetchError::TimedOut)),
            Trouble::None => Ok(()),
        }
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

impl KeyStore {
    fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn usable(&self, now: Timestamp) -> Option<Arc<Snapshot>> {
        self.snapshot().filter(|keys| now.since(keys.fetched_at) < self.policy.stale_for)
    }

    fn is_failing(&self) -> bool {
        !matches!(*self.trouble.lock().unwrap_or_else(PoisonError::into_inner), Trouble::None)
    }

    /// Begins a fetch where one is allowed; whoever wants to wait for one under way hears of its end.
    fn begin(self: &Arc<Self>, now: Timestamp, pause: Duration) -> Option<watch::Receiver<u64>> {
        let landings = self.runway.landings();
        match self.runway.ask(now, pause) {
            // On a task of its own: whoever waits may go away, and a client may panic.
            Leave::Granted(ticket) => {
                let flight = Flight { store: Arc::clone(self), is_noted: false, _ticket: ticket };
                self.runtime.spawn(flight.fly(now));
            }
            Leave::Underway => {}
            Leave::TooSoon => return None,
        }
        Some(landings)
    }

    async fn fetch_and_wait(self: &Arc<Self>, now: Timestamp, pause: Duration) {
        if let Some(mut landings) = self.begin(now, pause) {
            // The fetch has its own time-out; this one is for a runtime that has been shut down under us.
            let _ = timeout(self.policy.timeout + Duration::from_secs(1), landings.changed()).await;
        }
    }

    async fn fetch(&self) -> Result<(VerifyingKeys, Vec<u8>), FetchError> {
        let RefreshPolicy { timeout: patience, max_bytes, .. } = self.policy;
        let fetched = timeout(patience, self.source.fetcher.fetch(&self.source.url, max_bytes)).await;
        let document = fetched.map_err(|_| FetchError::TimedOut)??;
        if document.len() > max_bytes {
            return Err(FetchError::TooLong(max_bytes));
        }
        let jwks = parse_object(&document)
            .ok_or_else(|| FetchError::NotKeys("it is no JSON object without duplicates".into()))?;
        let set = VerifyingKeys::from_jwks(&Value::Object(jwks))
            .map_err(|error| FetchError::NotKeys(error.to_string()))?;
        Ok((set.only(&self.source.algorithms), document))
    }

    fn replace(&self, set: VerifyingKeys, document: Vec<u8>, fetched_at: Timestamp) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let epoch = match &*current {
            Some(before) if before.document == document => before.epoch,
            Some(before) => before.epoch + 1,
            None => 0,
        };
        if set.iter().next().is_none() {
            tracing::warn!(url = %self.source.url, "the issuer publishes no key that is accepted here");
        }
        *current = Some(Arc::new(Snapshot { set, epoch, document, fetched_at }));
        drop(current);
        let before = std::mem::take(&mut *self.trouble.lock().unwrap_or_else(PoisonError::into_inner));
        if !matches!(before, Trouble::None) {
            tracing::info!(url = %self.source.url, "the issuer's keys can be fetched again");
        }
    }

    /// Says once that the issuer is away, and once that its keys have become too old.
    fn note_failure(&self, failure: &FetchError) {
        let keys = self.usable(self.clock.now());
        let error = self.error(failure);
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*trouble, keys) {
            (Trouble::None, Some(keys)) => {
                let until = keys.fetched_at.plus(self.policy.stale_for).to_rfc3339();
                tracing::warn!(%error, until, "the issuer is away; its last keys go on verifying for a while");
                *trouble = Trouble::Stale(error);
            }
            (Trouble::None | Trouble::Stale(_), None) => {
                tracing::error!(%error, "there are no keys: tokens cannot be verified until there are");
                *trouble = Trouble::Out(error);
            }
            (Trouble::Stale(_), Some(_)) => *trouble = Trouble::Stale(error),
            (Trouble::Out(_), _) => *trouble = Trouble::Out(error),
        }
    }

    fn error(&self, cause: &FetchError) -> RefreshError {
        RefreshError { url: self.source.url.to_string(), cause: cause.to_string() }
    }
}

/// One fetch under way.
struct Flight {
    store: Arc<KeyStore>,
    is_noted: bool,
    /// Dropped last, so that whoever waits for the landing finds what came of it.
    _ticket: Ticket,
}

impl Flight {
    async fn fly(mut self, started_at: Timestamp) {
        match self.store.fetch().await {
            Ok((set, document)) => self.store.replace(set, document, started_at),
            Err(failure) => self.store.note_failure(&failure),
        }
        self.is_noted = true;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // A runtime that is shut down drops it too; that is nobody's fault.
        if !self.is_noted && std::thread::panicking() {
            self.store.note_failure(&FetchError::other("the HTTP client panicked"));
        }
    }
}
