//! The ways to run a body, each measured under the name of its operation.

use vestibule_core::ports::{clock::Stopwatch, store::StoreError};

use super::SqlStore;
use crate::engine::{Body, Engine, measured};

#[expect(private_bounds, reason = "the engines are made in this crate alone")]
impl<E: Engine> SqlStore<E> {
    pub(super) async fn read<A, R>(
        &self,
        operation: &'static str,
        arguments: A,
        body: Body<E, A, R>,
    ) -> Result<R, StoreError>
    where
        A: Send + Sync,
        R: Send,
    {
        let stopwatch = Stopwatch::start();
        measured(operation, stopwatch, self.engine.read(arguments, body).await)
    }

    pub(super) async fn list<A, R>(
        &self,
        operation: &'static str,
        arguments: A,
        body: Body<E, A, R>,
    ) -> Result<R, StoreError>
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        let stopwatch = Stopwatch::start();
        measured(operation, stopwatch, self.engine.list(arguments, body).await)
    }

    pub(super) async fn list_at_once<A, R>(
        &self,
        operation: &'static str,
        arguments: A,
        body: Body<E, A, R>,
    ) -> Result<R, StoreError>
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        let stopwatch = Stopwatch::start();
        measured(operation, stopwatch, self.engine.list_at_once(arguments, body).await)
    }

    pub(super) async fn write<A, R>(
        &self,
        operation: &'static str,
        arguments: A,
        body: Body<E, A, R>,
    ) -> Result<R, StoreError>
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        let stopwatch = Stopwatch::start();
        measured(operation, stopwatch, self.engine.write(arguments, body).await)
    }

    pub(super) async fn step<A, R>(
        &self,
        operation: &'static str,
        arguments: A,
        body: Body<E, A, R>,
    ) -> Result<R, StoreError>
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        let stopwatch = Stopwatch::start();
        measured(operation, stopwatch, self.engine.step(arguments, body).await)
    }
}
