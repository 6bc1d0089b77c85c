//! What goes on beside the requests: learning what others changed, writing the audit log, removing what has expired.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, task::JoinHandle};

use crate::{
    Auth,
    keys::KeyError,
    ports::{clock::Stopwatch, store::StoreError},
    revocation::Since,
};

/// How often the engine asks whether another process has changed the data, unless it hears of a change before.
const WATCH_PAUSE: Duration = Duration::from_millis(250);
/// How often expired rows are looked for.
const CLEAN_PAUSE: Duration = Duration::from_secs(30);
/// How many rows of a kind one statement removes, so that no login waits behind it.
const CLEAN_BATCH: u32 = 200;
/// How long logins go first between two batches.
pub(crate) const CLEAN_BREATH: Duration = Duration::from_millis(5);

/// How long a node may not know what others have revoked before it says that it should be asked nothing.
const LAG_MAX: Duration = Duration::from_secs(3);

/// Since when what others have changed is not known: since a look began that has not succeeded, slow or failed.
#[derive(Debug, Default)]
pub(crate) struct Lag(Mutex<Behind>);

#[derive(Clone, Copy, Debug, Default)]
struct Behind {
    since: Option<Stopwatch>,
    has_failed: bool,
}

impl Lag {
    fn state(&self) -> MutexGuard<'_, Behind> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a look begins.
    fn begin(&self) {
        self.state().since.get_or_insert_with(Stopwatch::start);
    }

    /// Notes a failed look; says whether it is the first.
    fn fail(&self) -> bool {
        !std::mem::replace(&mut self.state().has_failed, true)
    }

    /// Notes a look that went well; says for how long there was none, where one had failed.
    fn end(&self) -> Option<Duration> {
        let Behind { since, has_failed } = std::mem::take(&mut *self.state());
        since.filter(|_| has_failed).map(|since| since.elapsed())
    }

    fn has_failed(&self) -> bool {
        self.state().has_failed
    }

    /// Whether the node has been behind for too long to be trusted with revocations.
    pub(crate) fn is_too_long(&self) -> bool {
        let since = self.state().since;
        since.is_some_and(|since| since.elapsed() > LAG_MAX)
    }
}

/// The engine's background work; it ends when this is dropped.
#[derive(Debug)]
#[must_use = "the background work ends when this is dropped"]
pub struct Upkeep {
    auth: Arc<Auth>,
    tasks: Vec<JoinHandle<()>>,
    errands: JoinHandle<()>,
    is_stopping: watch::Sender<bool>,
}

impl Upkeep {
    /// Ends the background work: lets the errands under way end and writes what is still queued for the audit log, each
    /// for at most `patience`.
    pub async fn stop(mut self, patience: Duration) {
        // Where it takes longer, another node or the next start runs the errand once more.
        self.is_stopping.send_replace(true);
        let _ = tokio::time::timeout(patience, &mut self.errands).await;
        self.flush(patience).await;
    }

    /// Writes what is queued for the audit log, for at most `patience`.
    pub async fn flush(&self, patience: Duration) {
        if tokio::time::timeout(patience, self.auth.audit.flush()).await.is_err() {
            tracing::error!("audit events were lost: the store did not take them in time");
        }
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        for task in self.tasks.iter().chain([&self.errands]) {
            task.abort();
        }
    }
}

impl Auth {
    /// Starts the background work on the current tokio runtime.
    pub fn start_upkeep(self: &Arc<Self>) -> Upkeep {
        let (watcher, writer, cleaner) = (Arc::clone(self), Arc::clone(self), Arc::clone(self));
        let tasks = vec![
            tokio::spawn(async move { watcher.watch().await }),
            tokio::spawn(async move { writer.audit.run().await }),
            tokio::spawn(async move { cleaner.clean().await }),
        ];
        let (is_stopping, stop) = watch::channel(false);
        let errands = tokio::spawn(Arc::clone(self).run_errands(stop));
        Upkeep { auth: Arc::clone(self), tasks, errands, is_stopping }
    }

    /// Waits until every audit event recorded so far is in the store; needs the background work to run.
    pub async fn flush_audit(&self) {
        self.audit.flush().await;
    }

    /// Writes every audit event recorded so far, for a command that ends right after and has no background work.
    pub async fn settle_audit(&self) {
        self.audit.settle().await;
    }

    /// Reads from the store what other processes have revoked and which keys they have made.
    ///
    /// # Errors
    /// An outage, or keys that cannot be opened.
    pub async fn catch_up(&self) -> Result<(), KeyError> {
        self.catch_up_since(Since::LastRead).await
    }

    async fn catch_up_since(&self, since: Since) -> Result<(), KeyError> {
        self.revocations.catch_up(self.store.as_ref(), self.clock.now(), since).await?;
        self.reload_keys().await
    }

    /// Removes what has expired, in small batches, and accounts whose time has come. Returns how many rows went.
    ///
    /// # Errors
    /// An outage.
    pub async fn delete_expired(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        self.revocations.forget_expired(now);
        let audit_before = now.minus(self.policy.audit.retention);
        let mut total = self.delete_due_accounts().await?;
        loop {
            let removed = self.store.delete_expired(now, audit_before, CLEAN_BATCH).await?;
            // Not "fewer than were asked for": a store may have a bound of its own.
            if removed == 0 {
                break;
            }
            total += removed;
            tokio::time::sleep(CLEAN_BREATH).await;
        }
        Ok(total)
    }

    async fn watch(&self) {
        let mut has_read = false;
        loop {
            // Who has just read hears nothing for a while, so that many changes do not make many reads.
            if has_read {
                tokio::time::sleep(WATCH_PAUSE).await;
            } else {
                let _ = tokio::time::timeout(WATCH_PAUSE, self.store.hear_of_changes()).await;
            }
            has_read = true;
            self.lag.begin();
            let outcome = match self.store.is_changed_elsewhere().await {
                Ok(false) if !self.lag.has_failed() => {
                    self.lag.end();
                    has_read = false;
                    continue;
                }
                Ok(_) if self.lag.has_failed() => self.catch_up_since(Since::Outage).await,
                Ok(_) => self.catch_up().await,
                Err(error) => Err(error.into()),
            };
            match outcome {
                Ok(()) => {
                    if let Some(away) = self.lag.end() {
                        tracing::info!(
                            seconds = away.as_secs(),
                            "the store is back, and what was changed meanwhile is known"
                        );
                    }
                }
                Err(error) => {
                    if self.lag.fail() {
                        tracing::error!(
                            %error,
                            "the store is away: what needs it is answered 503, and what other nodes revoke is not heard \
                             of until it is back; trying on"
                        );
                    }
                }
            }
        }
    }

    async fn clean(&self) {
        loop {
            tokio::time::sleep(CLEAN_PAUSE).await;
            match self.delete_expired().await {
                Ok(0) => {}
                Ok(removed) => tracing::debug!(removed, "expired rows removed"),
                Err(error) => tracing::warn!(%error, "expired rows could not be removed; trying again later"),
            }
            self.measure_outbox().await;
            // Whatever a look for changes may have missed, a failover that lost the last of them say, ends here.
            if let Err(error) = self.catch_up_since(Since::SettledRead).await {
                tracing::warn!(%error, "what other nodes revoked could not be read again; trying later");
            }
        }
    }
}
