//! A store that fails where a test wants it to, and remembers what it was asked.

mod accounts;
mod administration;
mod avatars;
mod deletions;
mod errands;
mod keys;
mod known_devices;
mod proofs;
mod revocations;
mod sessions;
mod setup;
mod trail;
mod upkeep;

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::sync::Notify;
use vestibule_core::ports::store::{Store, StoreError};

/// When a method fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Before it did anything: the database is away.
    Before,
    /// After it took effect: the answer is lost on its way.
    After,
    /// Not at all, but its next call waits until [`FaultyStore::heal`]; the calls after that one are answered.
    Held,
}

/// A store that answers chosen methods with an outage.
#[derive(Debug)]
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    faults: Mutex<Faults>,
    calls: Mutex<Vec<&'static str>>,
    healed: Notify,
    most_removed: AtomicU32,
}

#[derive(Debug, Default)]
struct Faults {
    all: Option<Fault>,
    methods: HashMap<&'static str, Fault>,
}

impl FaultyStore {
    /// Wraps a store; nothing fails yet.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            faults: Mutex::default(),
            calls: Mutex::default(),
            healed: Notify::new(),
            most_removed: u32::MAX.into(),
        }
    }

    /// Removes at most so many rows of a kind at once from now on, whatever it is asked for.
    pub fn remove_at_most(&self, rows: u32) {
        self.most_removed.store(rows, Ordering::Relaxed);
    }

    /// Takes the names of the methods called since it was last asked, in order.
    #[must_use]
    pub fn take_calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets a method fail, by its name in the traits of [`Store`], until [`FaultyStore::heal`].
    pub fn fail(&self, method: &'static str, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).methods.insert(method, fault);
    }

    /// Lets every method fail until [`FaultyStore::heal`].
    pub fn fail_all(&self, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).all = Some(fault);
    }

    /// Lets nothing fail any more.
    pub fn heal(&self) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = Faults::default();
        self.healed.notify_waiters();
    }

    async fn call<R>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<R, StoreError>>,
    ) -> Result<R, StoreError> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(method);
        let fault = {
            let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
            if faults.methods.get(method) == Some(&Fault::Held) {
                faults.methods.remove(method)
            } else {
                faults.methods.get(method).copied().or(faults.all)
            }
        };
        match fault {
            None => call.await,
            Some(Fault::Before) => Err(outage()),
            Some(Fault::Held) => {
                self.healed.notified().await;
                call.await
            }
            Some(Fault::After) => {
                drop(call.await);
                Err(outage())
            }
        }
    }
}

fn outage() -> StoreError {
    StoreError::Unavailable("injected by a test".into())
}
