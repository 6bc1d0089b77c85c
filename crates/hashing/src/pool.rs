//! The hashing threads as the rules see them.

use std::{
    fmt, io,
    num::NonZeroUsize,
    sync::Arc,
    thread::{self, JoinHandle},
};

use async_trait::async_trait;
use tokio::sync::oneshot;
use vestibule_core::{
    ports::hasher::{HashError, PasswordHasher, Verification},
    values::{
        client::ClientNetwork,
        password::{Password, PasswordHash},
    },
};

use crate::{
    config::{ConfigError, HashingConfig},
    desk::Desk,
    engine::{Argon2Engine, Engine, EngineError, OversizePermit},
    job::{Job, Reply, Task},
    known_answers::{self, WrongAnswer},
    notices::Notices,
    queue::ItemId,
    workbench::Workbench,
};

/// Why no password can be hashed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A setting makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Argon2 does not work on this machine.
    #[error(transparent)]
    WrongAnswer(#[from] WrongAnswer),
    /// The system gives no thread.
    #[error("a hashing thread could not be started: {0}")]
    Thread(#[from] io::Error),
}

/// Argon2id on threads of its own, with bounded memory and a bounded, fair queue.
///
/// Its memory is at most threads × `memory_kib`, and one stored hash with larger parameters at a time (256 MiB at most)
/// beside that. Nothing is allocated before the first hash. Dropping the pool stops it, see [`Self::stop`].
pub struct HashingPool {
    desk: Arc<Desk>,
    config: HashingConfig,
    threads: Vec<JoinHandle<()>>,
}

impl HashingPool {
    /// Checks the configuration and the known answers, then starts the threads.
    ///
    /// # Errors
    /// A sentence for whoever starts the server; nothing runs then.
    pub fn start(config: HashingConfig) -> Result<Self, StartError> {
        config.validate()?;
        known_answers::check()?;
        let (cost, oversize) = (config.cost(), OversizePermit::default());
        Self::start_with(config, || Ok(Box::new(Argon2Engine::new(cost, oversize.clone())?)))
    }

    fn start_with(
        config: HashingConfig,
        engine: impl Fn() -> Result<Box<dyn Engine>, EngineError>,
    ) -> Result<Self, StartError> {
        let (count, cost) = (config.thread_count().get(), config.cost());
        let (desk, notices) = (Arc::new(Desk::new(&config)), Notices::default());
        // Should one thread not start, dropping this ends the others.
        let mut pool = Self { desk, config, threads: Vec::with_capacity(count) };
        for number in 0..count {
            let desk = Arc::clone(&pool.desk);
            let mut workbench = Workbench::new(engine().map_err(io::Error::other)?, cost, notices.clone());
            let thread = thread::Builder::new().name(format!("hashing-{number}"));
            pool.threads.push(thread.spawn(move || desk.work(&mut workbench))?);
        }
        tracing::debug!(threads = count, ?cost, "the hashing threads have started");
        Ok(pool)
    }

    /// The number of hashing threads.
    #[must_use]
    pub fn threads(&self) -> NonZeroUsize {
        self.config.thread_count()
    }

    /// What the pool was started with.
    #[must_use]
    pub const fn config(&self) -> &HashingConfig {
        &self.config
    }

    /// The number of passwords that wait for a thread; those being hashed are not counted.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.desk.waiting()
    }

    /// Ends the threads after the hash in hand; those who wait, and those who come later, hear [`HashError::Stopped`].
    pub fn stop(&self) {
        self.desk.stop();
    }

    async fn ask<T>(
        &self,
        requester: ClientNetwork,
        password: Password,
        task: impl FnOnce(Reply<T>) -> Task + Send,
    ) -> Result<T, HashError> {
        let (reply, answer) = oneshot::channel();
        let place = self.desk.submit(requester, Job::new(password, task(reply)));
        let _place = place.map(|id| Place { desk: &self.desk, requester, id });
        answer.await.unwrap_or(Err(HashError::Stopped))
    }
}

#[async_trait]
impl PasswordHasher for HashingPool {
    async fn hash(&self, password: Password, requester: ClientNetwork) -> Result<PasswordHash, HashError> {
        self.ask(requester, password, Task::Hash).await
    }

    async fn verify(
        &self,
        stored: Option<PasswordHash>,
        password: Password,
        requester: ClientNetwork,
    ) -> Result<Verification, HashError> {
        self.ask(requester, password, |reply| Task::Verify(stored, reply)).await
    }
}

impl Drop for HashingPool {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for HashingPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashingPool").field("config", &self.config).finish_non_exhaustive()
    }
}

/// A place in the queue, given up when whoever asked goes away.
struct Place<'a> {
    desk: &'a Desk,
    requester: ClientNetwork,
    id: ItemId,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.desk.withdraw(self.requester, self.id);
    }
}

#[cfg(test)]
mod tests;
