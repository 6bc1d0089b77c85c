//! What an engine gives: a `Tx` for a body, and what the body did made durable before anybody hears of it.

use std::{
    fmt,
    future::{self, Future},
    pin::Pin,
};

use vestibule_core::ports::{clock::Stopwatch, store::StoreError};

use crate::tx::Tx;

/// A body at work.
pub(crate) type Running<'a, R> = Pin<Box<dyn Future<Output = Result<R, StoreError>> + Send + 'a>>;

/// A body, as an engine takes it: a function and not a closure, so that it keeps nothing from one run to the next and
/// can be run again from its start.
pub(crate) type Body<E, A, R> = for<'a, 'c> fn(&'a mut <E as Engine>::Tx<'c>, &'a A) -> Running<'a, R>;

/// An engine under the bodies.
pub(crate) trait Engine: fmt::Debug + Send + Sync + Sized + 'static {
    /// What a body speaks to.
    type Tx<'c>: Tx;

    /// Runs a look-up by key: one statement, answered as quickly as the engine can.
    fn read<A, R>(
        &self,
        arguments: A,
        body: Body<Self, A, R>,
    ) -> impl Future<Output = Result<R, StoreError>> + Send
    where
        A: Send + Sync,
        R: Send;

    /// Runs a longer read, which must not hold up look-ups.
    ///
    /// Its statements may each see another moment, a later one after an earlier one.
    fn list<A, R>(
        &self,
        arguments: A,
        body: Body<Self, A, R>,
    ) -> impl Future<Output = Result<R, StoreError>> + Send
    where
        A: Send + Sync + 'static,
        R: Send + 'static;

    /// Runs a bounded read that must not wait behind requests: a busy node hears of revocations like an idle one.
    fn list_at_once<A, R>(
        &self,
        arguments: A,
        body: Body<Self, A, R>,
    ) -> impl Future<Output = Result<R, StoreError>> + Send
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        self.list(arguments, body)
    }

    /// Runs a body in one transaction: all it did is kept, or nothing.
    ///
    /// Each statement sees what was committed before it began; a row that it changes is locked until the end. Nothing
    /// more is promised, so bodies compare and swap.
    fn write<A, R>(
        &self,
        arguments: A,
        body: Body<Self, A, R>,
    ) -> impl Future<Output = Result<R, StoreError>> + Send
    where
        A: Send + Sync + 'static,
        R: Send + 'static;

    /// Runs a body of which at most one statement takes effect, so that it needs no transaction around it.
    fn step<A, R>(
        &self,
        arguments: A,
        body: Body<Self, A, R>,
    ) -> impl Future<Output = Result<R, StoreError>> + Send
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        self.write(arguments, body)
    }

    /// Whether another process may have changed what nodes remember, since this was last asked.
    fn is_changed_elsewhere(&self) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Waits until somebody says that there may be a change; for ever where nobody would.
    fn hear_of_changes(&self) -> impl Future<Output = ()> + Send {
        future::pending()
    }

    /// Asks whether reads and writes would be answered now.
    fn ping(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Closes; later calls are outages.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// Records how long an operation took and whether it failed.
pub(crate) fn measured<R>(
    operation: &'static str,
    stopwatch: Stopwatch,
    outcome: Result<R, StoreError>,
) -> Result<R, StoreError> {
    metrics::histogram!("vestibule_database_operation_duration_seconds", "operation" => operation)
        .record(stopwatch.elapsed());
    counted(operation, outcome)
}

/// Counts a failure.
pub(crate) fn counted<R>(operation: &'static str, outcome: Result<R, StoreError>) -> Result<R, StoreError> {
    if outcome.is_err() {
        metrics::counter!("vestibule_database_errors_total", "operation" => operation).increment(1);
    }
    outcome
}
