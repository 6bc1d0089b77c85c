//! One password that waits for a thread, and where its answer goes.

use tokio::sync::oneshot;
use vestibule_core::{
    ports::{
        clock::Stopwatch,
        hasher::{HashError, Verification},
    },
    values::password::{Password, PasswordHash},
};

use crate::{engine::EngineError, workbench::Workbench};

/// Where the caller waits. Dropped without an answer, it tells the caller that the threads are gone.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, HashError>>;

/// What is to be done with the password.
pub(crate) enum Task {
    Hash(Reply<PasswordHash>),
    Verify(Option<PasswordHash>, Reply<Verification>),
}

/// One password that waits for a thread.
pub(crate) struct Job {
    password: Password,
    task: Task,
    waits_since: Stopwatch,
}

impl Job {
    pub(crate) fn new(password: Password, task: Task) -> Self {
        Self { password, task, waits_since: Stopwatch::start() }
    }

    /// Since when it waits.
    pub(crate) const fn waits_since(&self) -> &Stopwatch {
        &self.waits_since
    }

    /// Answers without doing anything.
    pub(crate) fn refuse(self, reason: HashError) {
        match self.task {
            Task::Hash(reply) => answer(reply, Err(reason)),
            Task::Verify(_, reply) => answer(reply, Err(reason)),
        }
    }

    /// Does the work and answers.
    pub(crate) fn run(self, workbench: &mut Workbench) {
        match self.task {
            Task::Hash(reply) => answer(reply, checked(workbench.hash(&self.password))),
            Task::Verify(stored, reply) => {
                answer(reply, checked(workbench.verify(stored.as_ref(), &self.password)));
            }
        }
    }
}

fn checked<T>(result: Result<T, EngineError>) -> Result<T, HashError> {
    result.map_err(|error| {
        tracing::error!(%error, "a password could not be hashed");
        HashError::Stopped
    })
}

fn answer<T>(reply: Reply<T>, answer: Result<T, HashError>) {
    // Whoever asked may have gone away; then nobody misses the answer.
    let _ = reply.send(answer);
}
