//! SQLite under the bodies: one writer that groups commits, a few readers, one file.
//!
//! An answered write is on disk. Look-ups by key are answered where they are asked, in microseconds; lists wait on
//! threads that may block. One process serves a database; others may work beside it, and it notices what they change.

mod connect;
mod error;
mod failure;
mod files;
mod group;
mod memory;
mod migrate;
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
use vestibule_core::ports::store::StoreError;

pub(crate) use self::tx::SqliteTx;
#[cfg(test)]
pub(crate) use self::tx::run_now;
pub use self::{error::OpenError, memory::MemoryDatabase};
use self::{memory::Turns, readers::Readers, writer::Writer};
use crate::{
    engine::{Body, Engine},
    port::SqlStore,
};

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

/// What a database lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Medium {
    /// A file, with a write-ahead log beside it.
    Disk,
    /// This process's memory.
    Memory,
}

/// The store in a SQLite database.
pub type SqliteStore = SqlStore<Sqlite>;

/// SQLite, as an engine under the store.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    writer: Writer,
    readers: Readers,
    /// The data version at the last look, or at the opening.
    seen_version: AtomicI64,
    /// Held while this store is open to serve.
    lock: Mutex<Option<File>>,
}

impl SqlStore<Sqlite> {
    /// Opens a database, made and migrated where need be. Blocks while it does.
    ///
    /// # Errors
    /// [`OpenError`], whose message is a sentence that says what to do.
    pub fn open(options: SqliteOptions) -> Result<Arc<Self>, OpenError> {
        Ok(Arc::new(Self { engine: Sqlite::open(options)? }))
    }

    /// Opens a new database in memory, which goes with the store; [`MemoryDatabase`] is one that several stores share.
    /// Blocks while it does.
    ///
    /// ```
    /// use vestibule_core::ports::store::prelude::*;
    /// use vestibule_sql::SqliteStore;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = SqliteStore::in_memory()?;
    /// store.ping().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn in_memory() -> Result<Arc<Self>, OpenError> {
        MemoryDatabase::new()?.open()
    }

    /// The database's file; for one in memory, the name that SQLite knows it by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.engine.path
    }
}

impl Sqlite {
    fn open(options: SqliteOptions) -> Result<Self, OpenError> {
        let SqliteOptions { path, role } = options;
        files::make_folder(&path)?;
        let lock = if role == Role::Serve { Some(files::lock(&path)?) } else { None };
        Self::over(path, Medium::Disk, Turns::default(), lock)
    }

    /// Without a lock: nobody else can name the database.
    fn open_in_memory(database: &MemoryDatabase) -> Result<Self, OpenError> {
        let turns = database.turns().clone();
        let _turn = database.turns().write();
        Self::over(database.name().to_owned(), Medium::Memory, turns, None)
    }

    fn over(path: PathBuf, medium: Medium, turns: Turns, lock: Option<File>) -> Result<Self, OpenError> {
        let (connection, _) = open_migrated(&path, medium)?;
        let engine = |source| OpenError::from_engine(&path, source);
        connect::prepare_statements(&connection).map_err(engine)?;
        let readers = open_readers(&path, medium, turns.clone()).map_err(engine)?;
        let version =
            connection.pragma_query_value(None, "data_version", |row| row.get(0)).map_err(engine)?;
        let writer = Writer::start(connection, turns)
            .map_err(|source| OpenError::Thread { path: path.clone(), source })?;
        let (seen_version, lock) = (AtomicI64::new(version), Mutex::new(lock));
        Ok(Self { path, writer, readers, seen_version, lock })
    }
}

impl Engine for Sqlite {
    type Tx<'c> = SqliteTx<'c>;

    /// Here and now.
    async fn read<A, R>(&self, arguments: A, body: Body<Self, A, R>) -> Result<R, StoreError>
    where
        A: Send + Sync,
        R: Send,
    {
        self.readers.read(async |tx| body(tx, &arguments).await)
    }

    /// On a thread that may block.
    async fn list<A, R>(&self, arguments: A, body: Body<Self, A, R>) -> Result<R, StoreError>
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        self.readers.read_blocking(async move |tx| body(tx, &arguments).await).await
    }

    /// In the writer's next group.
    async fn write<A, R>(&self, arguments: A, body: Body<Self, A, R>) -> Result<R, StoreError>
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        self.writer.run(async move |tx| body(tx, &arguments).await).await
    }

    /// By a number that every commit of another connection changes, so that no stamp needs to be read.
    async fn is_changed_elsewhere(&self) -> Result<bool, StoreError> {
        let version = self.writer.data_version().await?;
        Ok(self.seen_version.swap(version, Ordering::AcqRel) != version)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.readers.read(async |tx| crate::revocation::find_global_cutoff(tx).await)?;
        self.writer.ping().await
    }

    async fn close(&self) {
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
    open_migrated(path, Medium::Disk).map(|(_, applied)| applied)
}

/// Says which migrations a database has and lacks, and changes nothing. One that does not exist lacks them all.
///
/// # Errors
/// [`OpenError`], whose message is a sentence that says what to do.
pub fn check_migrations(path: &Path) -> Result<crate::MigrationStatus, OpenError> {
    let mut connection = if path.exists() {
        connect::open_reader(path, Medium::Disk, false)
    } else {
        Connection::open_in_memory()
    }
    .map_err(|source| OpenError::from_engine(path, source))?;
    connect::is_ours(&connection, path)?;
    migrate::status(&mut connection, path)
}

fn open_migrated(path: &Path, medium: Medium) -> Result<(Connection, Vec<String>), OpenError> {
    if medium == Medium::Disk {
        files::make_database(path)?;
    }
    let mut connection = connect::open(path, medium)?;
    // Before anything is changed: it may be somebody else's, or a newer one's.
    if connect::is_ours(&connection, path)? {
        migrate::status(&mut connection, path)?;
    }
    connect::set_up(&mut connection, path, medium)?;
    let applied = migrate::run(&mut connection, path)?;
    Ok((connection, applied))
}

fn open_readers(path: &Path, medium: Medium, turns: Turns) -> rusqlite::Result<Readers> {
    let count = thread::available_parallelism().map_or(2, NonZeroUsize::get).clamp(2, 4);
    let open = |is_inline| connect::open_reader(path, medium, is_inline);
    let inline = (0..count).map(|_| open(true)).collect::<Result<_, _>>()?;
    Ok(Readers::new(inline, open(false)?, turns))
}
