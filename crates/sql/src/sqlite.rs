//! SQLite under the bodies: one writer that groups commits, a few readers, one file.
//!
//! An answered write is on disk. Look-ups by key are answered where they are asked, in microseconds; lists wait on
//! threads that may block. One process serves a database; others may work beside it, and it notices what they change.

mod connect;
mod error;
mod failure;
mod files;
mod group;
mod migrate;
mod port;
mod readers;
mod tx;
mod writer;

#[cfg(test)]
mod faults;
#[cfg(test)]
mod plans;

use std::{
    fs::File,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    thread,
};

use rusqlite::Connection;
use vestibule_core::ports::{clock::Stopwatch, store::StoreError};

pub(crate) use self::tx::SqliteTx;
#[cfg(test)]
pub(crate) use self::tx::run_now;
pub use self::{error::OpenError, migrate::MigrationStatus};
use self::{readers::Readers, writer::Writer};

/// The name of the database in a data folder.
pub const DATABASE_FILE: &str = "vestibule.db";

/// What a process opens a database for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// To serve it: one process at a time.
    Serve,
    /// To do something beside the one that serves it, as the CLI does.
    Beside,
}

/// Which database to open, and what for.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The database's file; it and its folder are made where they are missing.
    pub path: PathBuf,
    /// What for.
    pub role: Role,
}

impl SqliteOptions {
    /// Opens `path` to serve it.
    #[must_use]
    pub fn serve(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), role: Role::Serve }
    }

    /// Opens `path` beside whoever serves it.
    #[must_use]
    pub fn beside(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), role: Role::Beside }
    }
}

/// The store in a SQLite database.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    writer: Writer,
    readers: Readers,
    /// The data version at the last look, or at the opening.
    seen_version: AtomicI64,
    /// Held while this store is open to serve.
    lock: Mutex<Option<File>>,
}

impl SqliteStore {
    /// Opens a database, made and migrated where need be. Blocks while it does.
    ///
    /// # Errors
    /// [`OpenError`], whose message is a sentence that says what to do.
    pub fn open(options: SqliteOptions) -> Result<Arc<Self>, OpenError> {
        let SqliteOptions { path, role } = options;
        files::make_folder(&path)?;
        let lock = if role == Role::Serve { Some(files::lock(&path)?) } else { None };
        let (connection, _) = open_migrated(&path)?;

        let engine = |source| OpenError::from_engine(&path, source);
        connect::prepare_statements(&connection).map_err(engine)?;
        let readers = open_readers(&path).map_err(engine)?;
        let version =
            connection.pragma_query_value(None, "data_version", |row| row.get(0)).map_err(engine)?;
        let writer =
            Writer::start(connection).map_err(|source| OpenError::Thread { path: path.clone(), source })?;
        let (seen_version, lock) = (AtomicI64::new(version), Mutex::new(lock));
        Ok(Arc::new(Self { path, writer, readers, seen_version, lock }))
    }

    /// The database's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs a body in the writer's next group.
    async fn write<R, F>(&self, operation: &'static str, body: F) -> Result<R, StoreError>
    where
        F: AsyncFnOnce(&mut SqliteTx<'_>) -> Result<R, StoreError> + Send + 'static,
        R: Send + 'static,
    {
        let stopwatch = Stopwatch::start();
        measured(operation, stopwatch, self.writer.run(body).await)
    }

    /// Runs a look-up by key here and now.
    fn read<R>(
        &self,
        operation: &'static str,
        body: impl AsyncFnOnce(&mut SqliteTx<'_>) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let stopwatch = Stopwatch::start();
        measured(operation, stopwatch, self.readers.read(body))
    }

    /// Runs a longer read on a thread that may block.
    async fn list<R, F>(&self, operation: &'static str, body: F) -> Result<R, StoreError>
    where
        F: AsyncFnOnce(&mut SqliteTx<'_>) -> Result<R, StoreError> + Send + 'static,
        R: Send + 'static,
    {
        let stopwatch = Stopwatch::start();
        measured(operation, stopwatch, self.readers.read_blocking(body).await)
    }

    async fn look_for_changes(&self) -> Result<bool, StoreError> {
        let version = self.writer.data_version().await?;
        Ok(self.seen_version.swap(version, Ordering::AcqRel) != version)
    }

    async fn shut(&self) {
        // The writer last: the connection that closes last takes the write-ahead log away with it.
        self.readers.close();
        self.writer.close().await;
        // Only now may another process serve it.
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Applies the migrations a database lacks; says which they were. Blocks while it does.
///
/// # Errors
/// [`OpenError`], whose message is a sentence that says what to do.
pub fn migrate(path: &Path) -> Result<Vec<String>, OpenError> {
    files::make_folder(path)?;
    open_migrated(path).map(|(_, applied)| applied)
}

/// Says which migrations a database has and lacks, and changes nothing. One that does not exist lacks them all.
///
/// # Errors
/// [`OpenError`], whose message is a sentence that says what to do.
pub fn check_migrations(path: &Path) -> Result<MigrationStatus, OpenError> {
    let mut connection =
        if path.exists() { connect::open_reader(path, false) } else { Connection::open_in_memory() }
            .map_err(|source| OpenError::from_engine(path, source))?;
    connect::is_ours(&connection, path)?;
    migrate::status(&mut connection, path)
}

fn open_migrated(path: &Path) -> Result<(Connection, Vec<String>), OpenError> {
    files::make_database(path)?;
    let mut connection = connect::open(path)?;
    // Before anything is changed: it may be somebody else's, or a newer one's.
    if connect::is_ours(&connection, path)? {
        migrate::status(&mut connection, path)?;
    }
    connect::set_up(&mut connection, path)?;
    let applied = migrate::run(&mut connection, path)?;
    Ok((connection, applied))
}

fn open_readers(path: &Path) -> rusqlite::Result<Readers> {
    let count = thread::available_parallelism().map_or(2, NonZeroUsize::get).clamp(2, 4);
    let inline = (0..count).map(|_| connect::open_reader(path, true)).collect::<Result<_, _>>()?;
    Ok(Readers::new(inline, connect::open_reader(path, false)?))
}

fn measured<R>(
    operation: &'static str,
    stopwatch: Stopwatch,
    outcome: Result<R, StoreError>,
) -> Result<R, StoreError> {
    metrics::histogram!("vestibule_database_operation_duration_seconds", "operation" => operation).record(stopwatch.elapsed());
    counted(operation, outcome)
}

fn counted<R>(operation: &'static str, outcome: Result<R, StoreError>) -> Result<R, StoreError> {
    if outcome.is_err() {
        metrics::counter!("vestibule_database_errors_total", "operation" => operation).increment(1);
    }
    outcome
}
