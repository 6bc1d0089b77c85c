//! The one writer: a thread that takes what waits, runs it in one transaction and answers after its COMMIT.
//!
//! An operation whose caller has gone away is run all the same: nobody can tell whether the caller left before or after
//! it began, and it is never half done.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use vestibule_core::ports::store::StoreError;

use super::{
    failure::store_error,
    group,
    memory::Turns,
    tx::{SqliteTx, run_now},
};
use crate::failure::{broken, unavailable};

/// How many operations may wait; beyond it callers wait for a place.
const QUEUE: usize = 1024;
/// How many operations share a COMMIT.
const MAX_GROUP: usize = 256;

/// An operation on its way through the writer.
pub(super) trait Operation: Send {
    /// Runs the body in the savepoint that its group has set; says whether to keep what it did.
    fn run(&mut self, connection: &mut Connection) -> bool;

    /// Answers the caller. `outage` replaces the outcome where the group's transaction did not last.
    fn answer(self: Box<Self>, outage: Option<&str>);
}

/// A body, its outcome, and where the outcome goes.
struct Pending<F, R> {
    body: Option<F>,
    outcome: Option<Result<R, StoreError>>,
    reply: oneshot::Sender<Result<R, StoreError>>,
}

impl<F, R> Operation for Pending<F, R>
where
    F: AsyncFnOnce(&mut SqliteTx<'_>) -> Result<R, StoreError> + Send,
    R: Send,
{
    fn run(&mut self, connection: &mut Connection) -> bool {
        let Some(body) = self.body.take() else { return false };
        // The savepoint undoes whatever a panic left behind, so nothing broken outlives it.
        let outcome = catch_unwind(AssertUnwindSafe(|| run_now(body(&mut SqliteTx::new(connection)))));
        let outcome = outcome.unwrap_or_else(|_| Err(broken("an operation of the store panicked")));
        let is_good = outcome.is_ok();
        self.outcome = Some(outcome);
        is_good
    }

    fn answer(self: Box<Self>, outage: Option<&str>) {
        let outcome = match (outage, self.outcome) {
            (None, Some(outcome)) => outcome,
            (None, None) => Err(broken("an operation was not run")),
            (Some(cause), _) => Err(unavailable(cause)),
        };
        // The caller may have gone away.
        let _ = self.reply.send(outcome);
    }
}

enum Command {
    Run(Box<dyn Operation>),
    Ask(Question),
    Close(oneshot::Sender<()>),
}

/// What is answered between two groups.
enum Question {
    /// Asks for the version that other connections' commits change.
    DataVersion(oneshot::Sender<Result<i64, StoreError>>),
    /// Asks whether a write would be answered.
    Ping(oneshot::Sender<Result<(), StoreError>>),
}

impl Question {
    fn answer(self, connection: &Connection, is_sound: bool) {
        // The caller may have gone away.
        match self {
            Self::DataVersion(reply) => drop(reply.send(data_version(connection))),
            Self::Ping(reply) => drop(reply.send(ping(connection, is_sound))),
        }
    }
}

/// The way to the writer's thread, which ends with its last command: when closed or when this is dropped.
#[derive(Debug)]
pub(super) struct Writer {
    commands: mpsc::Sender<Command>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection, turns: Turns) -> std::io::Result<Self> {
        let (commands, queue) = mpsc::channel(QUEUE);
        thread::Builder::new().name("store-writer".into()).spawn(move || work(connection, queue, &turns))?;
        Ok(Self { commands })
    }

    /// Runs a body in the next group and waits until it is durable.
    pub(super) async fn run<R, F>(&self, body: F) -> Result<R, StoreError>
    where
        F: AsyncFnOnce(&mut SqliteTx<'_>) -> Result<R, StoreError> + Send + 'static,
        R: Send + 'static,
    {
        self.ask(|reply| Command::Run(Box::new(Pending { body: Some(body), outcome: None, reply }))).await?
    }

    /// A number that changes with every commit of another connection.
    pub(super) async fn data_version(&self) -> Result<i64, StoreError> {
        self.ask(|reply| Command::Ask(Question::DataVersion(reply))).await?
    }

    /// Asks whether a write would be answered now.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        self.ask(|reply| Command::Ask(Question::Ping(reply))).await?
    }

    /// Answers what waits and ends the thread.
    pub(super) async fn close(&self) {
        // One that is gone already has nothing left to do.
        let _ = self.ask(Command::Close).await;
    }

    async fn ask<A>(&self, command: impl FnOnce(oneshot::Sender<A>) -> Command) -> Result<A, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| unavailable("the writer has stopped"))?;
        answer.await.map_err(|_| unavailable("the writer stopped before it answered"))
    }
}

fn work(mut connection: Connection, mut queue: mpsc::Receiver<Command>, turns: &Turns) {
    let mut group: Vec<Box<dyn Operation>> = Vec::new();
    let mut is_sound = true;
    let mut closing = None;
    while let Some(first) = queue.blocking_recv() {
        let waiting = std::iter::from_fn(|| queue.try_recv().ok()).take(MAX_GROUP - 1);
        let mut questions = Vec::new();
        for command in std::iter::once(first).chain(waiting) {
            match command {
                Command::Run(operation) => group.push(operation),
                Command::Close(reply) => closing = Some(reply),
                Command::Ask(question) => questions.push(question),
            }
        }
        let turn = turns.write();
        if !group.is_empty() {
            is_sound = group::run(&mut connection, &mut group);
        }
        for question in questions {
            question.answer(&connection, is_sound);
        }
        drop(turn);
        if closing.is_some() {
            // Nothing new comes in; what waits is still received.
            queue.close();
        }
    }
    let turn = turns.write();
    finish(connection);
    drop(turn);
    if let Some(reply) = closing {
        // Whoever closed it may be gone.
        let _ = reply.send(());
    }
}

/// Leaves one tidy file behind. What is committed is safe without it.
fn finish(connection: Connection) {
    let tidy = connection.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);");
    if let Err(cause) = tidy.and_then(|()| connection.close().map_err(|(_, cause)| cause)) {
        tracing::warn!(%cause, "the database was closed without a last checkpoint");
    }
}

fn data_version(connection: &Connection) -> Result<i64, StoreError> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0)).map_err(store_error)
}

/// After a lost group only a write that reaches the disk proves that the next one would.
fn ping(connection: &Connection, is_sound: bool) -> Result<(), StoreError> {
    let probe = if is_sound { "BEGIN IMMEDIATE; ROLLBACK" } else { "PRAGMA user_version = 0" };
    // Whatever the reason: writes are away.
    connection.execute_batch(probe).map_err(unavailable)
}
