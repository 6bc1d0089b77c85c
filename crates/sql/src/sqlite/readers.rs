//! Read-only connections: a few that answer look-ups by key where they are asked, and one for everything longer.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicUsize, Ordering},
    },
};

use rusqlite::Connection;
use vestibule_core::ports::store::StoreError;

use super::{
    failure::store_error,
    memory::Turns,
    tx::{SqliteTx, run_now},
};
use crate::failure::{broken, unavailable};

/// A connection until it is closed.
type Reader = Mutex<Option<Connection>>;

/// The connections that read.
pub(super) struct Readers {
    inline: Vec<Reader>,
    next: AtomicUsize,
    blocking: Arc<Reader>,
    turns: Turns,
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("inline", &self.inline.len()).finish_non_exhaustive()
    }
}

impl Readers {
    pub(super) fn new(inline: Vec<Connection>, blocking: Connection, turns: Turns) -> Self {
        Self {
            inline: inline.into_iter().map(|connection| Mutex::new(Some(connection))).collect(),
            next: AtomicUsize::new(0),
            blocking: Arc::new(Mutex::new(Some(blocking))),
            turns,
        }
    }

    /// Runs a look-up by key here and now: microseconds, less than a change of threads would cost.
    pub(super) fn read<R>(
        &self,
        body: impl AsyncFnOnce(&mut SqliteTx<'_>) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let mut reader = self.free()?;
        let connection = reader.as_mut().ok_or_else(closed)?;
        let _turn = self.turns.read();
        run_now(body(&mut SqliteTx::new(connection)))
    }

    /// Runs a longer read on a thread that may block, in one transaction, so that its parts fit together.
    pub(super) async fn read_blocking<R, F>(&self, body: F) -> Result<R, StoreError>
    where
        F: AsyncFnOnce(&mut SqliteTx<'_>) -> Result<R, StoreError> + Send + 'static,
        R: Send + 'static,
    {
        let (reader, turns) = (Arc::clone(&self.blocking), self.turns.clone());
        let read = move || {
            let mut reader = lock(&reader);
            let _turn = turns.read();
            in_transaction(reader.as_mut().ok_or_else(closed)?, body)
        };
        tokio::task::spawn_blocking(read).await.map_err(broken)?
    }

    /// Closes them all; later reads are outages.
    pub(super) fn close(&self) {
        for reader in self.inline.iter().chain([&*self.blocking]) {
            drop(lock(reader).take());
        }
    }

    /// The first connection nobody uses, whose cache is the warmest, else the one whose turn it is.
    fn free(&self) -> Result<MutexGuard<'_, Option<Connection>>, StoreError> {
        let free = self.inline.iter().find_map(|reader| match reader.try_lock() {
            Ok(free) => Some(free),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        let in_turn = || {
            let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.inline.len().max(1);
            self.inline.get(turn).map(lock)
        };
        free.or_else(in_turn).ok_or_else(closed)
    }
}

fn in_transaction<R>(
    connection: &mut Connection,
    body: impl AsyncFnOnce(&mut SqliteTx<'_>) -> Result<R, StoreError>,
) -> Result<R, StoreError> {
    let transaction = |connection: &Connection, sql| connection.execute_batch(sql).map_err(store_error);
    // A panic in an earlier body may have left its transaction open.
    if !connection.is_autocommit() {
        transaction(connection, "ROLLBACK")?;
    }
    transaction(connection, "BEGIN")?;
    let outcome = run_now(body(&mut SqliteTx::new(connection)));
    transaction(connection, "COMMIT")?;
    outcome
}

fn closed() -> StoreError {
    unavailable("the store is closed")
}

/// A panic while reading leaves nothing behind that the next reader could see.
fn lock(reader: &Reader) -> MutexGuard<'_, Option<Connection>> {
    reader.lock().unwrap_or_else(PoisonError::into_inner)
}
