//! The last good key set, and the fetches that replace it.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use http::Uri;
use serde_json::Value;
use tokio::{runtime::Handle, sync::watch, time::timeout};
use vestibule_token::{
    clock::{Clock, Timestamp},
    jwk::VerifyingKeys,
    jws::Algorithm,
    strict_json::parse_object,
};

use super::RefreshPolicy;
use crate::{
    fetch::{FetchError, FetchJwks},
    flight::{Leave, Runway, Ticket},
};

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
    pub(super) fetched_at: Timestamp,
}

impl Snapshot {
    /// Keys from the future are as good as old: the clock was turned back, and nobody knows by how much.
    pub(super) fn is_older_than(&self, age: Duration, now: Timestamp) -> bool {
        now < self.fetched_at || now.since(self.fetched_at) >= age
    }
}

/// The keys could not be fetched.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the keys at {url} could not be fetched: {cause}")]
pub struct RefreshError {
    url: String,
    cause: String,
}

/// What has been said in the log of the issuer's absence.
#[derive(Clone, Debug, Default)]
enum Trouble {
    #[default]
    None,
    Stale(RefreshError),
    Out(RefreshError),
}

#[derive(Debug)]
pub(super) struct KeyStore {
    source: KeySource,
    pub(super) policy: RefreshPolicy,
    pub(super) clock: Arc<dyn Clock>,
    runtime: Handle,
    runway: Runway,
    current: RwLock<Option<Arc<Snapshot>>>,
    trouble: Mutex<Trouble>,
}

impl KeyStore {
    pub(super) fn new(
        source: KeySource,
        policy: RefreshPolicy,
        clock: Arc<dyn Clock>,
        runtime: Handle,
    ) -> Self {
        Self {
            source,
            policy,
            clock,
            runtime,
            runway: Runway::new(),
            current: RwLock::default(),
            trouble: Mutex::default(),
        }
    }

    /// How the last fetch went.
    pub(super) fn outcome(&self) -> Result<(), RefreshError> {
        match &*self.trouble.lock().unwrap_or_else(PoisonError::into_inner) {
            Trouble::Stale(error) | Trouble::Out(error) => Err(error.clone()),
            Trouble::None if self.snapshot().is_none() => Err(self.error(&FetchError::TimedOut)),
            Trouble::None => Ok(()),
        }
    }

    fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn usable(&self, now: Timestamp) -> Option<Arc<Snapshot>> {
        self.snapshot().filter(|keys| now.since(keys.fetched_at) < self.policy.stale_for)
    }

    pub(super) fn is_failing(&self) -> bool {
        !matches!(*self.trouble.lock().unwrap_or_else(PoisonError::into_inner), Trouble::None)
    }

    /// Begins a fetch where one is allowed; whoever wants to wait for one under way hears of its end.
    pub(super) fn begin(self: &Arc<Self>, now: Timestamp, pause: Duration) -> Option<watch::Receiver<u64>> {
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

    pub(super) async fn fetch_and_wait(self: &Arc<Self>, now: Timestamp, pause: Duration) {
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
