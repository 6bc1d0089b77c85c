//! Databases in memory: the same engine and the same bodies, and nothing of them on disk.
//!
//! SQLite's `memdb` keeps them, under a name that every connection of this process finds. It has no write-ahead log, so
//! a reader beside a writer would be told that the database is busy; [`Turns`] makes them wait for each other instead.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use rusqlite::Connection;

use super::{Medium, Sqlite, SqliteStore, connect, error::OpenError};
use crate::{migration::new_holder, port::SqlStore};

/// A database in memory: for tests, and for whatever may be forgotten when the process ends.
///
/// It lasts as long as this, a clone of it, or a store that was opened on it. Every store is like another process on the
/// same file, so that a restart can be tested:
///
/// ```
/// use vestibule_core::ports::store::prelude::*;
/// use vestibule_sql::sqlite::MemoryDatabase;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let database = MemoryDatabase::new()?;
/// let before = database.open()?;
/// before.ping().await?;
/// before.close().await;
/// let after_a_restart = database.open()?;
/// # after_a_restart.ping().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Security
/// Nothing is written to a disk. Whoever can read this process's memory can read it, as they could the cache of any
/// other database.
#[derive(Clone)]
pub struct MemoryDatabase(Arc<Kept>);

struct Kept {
    name: PathBuf,
    turns: Turns,
    /// SQLite forgets the database with its last connection.
    _anchor: Mutex<Connection>,
}

impl MemoryDatabase {
    /// An empty one, which nobody else can name.
    ///
    /// # Errors
    /// [`OpenError`], where the memory cannot be had.
    pub fn new() -> Result<Self, OpenError> {
        let name = PathBuf::from(format!("file:/vestibule-{}?vfs=memdb", new_holder()));
        let anchor = connect::open(&name, Medium::Memory)?;
        Ok(Self(Arc::new(Kept { name, turns: Turns::taken(), _anchor: Mutex::new(anchor) })))
    }

    /// Opens a store on it, migrated where need be. Blocks while it does.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self) -> Result<Arc<SqliteStore>, OpenError> {
        Ok(Arc::new(SqlStore { engine: Sqlite::open_in_memory(self)? }))
    }

    pub(super) fn name(&self) -> &Path {
        &self.0.name
    }

    pub(super) fn turns(&self) -> &Turns {
        &self.0.turns
    }
}

impl fmt::Debug for MemoryDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDatabase").field("name", &self.0.name).finish()
    }
}

/// Whose turn it is in a database: many who read, or one who writes. A file needs none, for its log lets readers by.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Option<Arc<RwLock<()>>>);

impl Turns {
    fn taken() -> Self {
        Self(Some(Arc::default()))
    }

    /// Waits until nobody writes.
    pub(super) fn read(&self) -> Option<RwLockReadGuard<'_, ()>> {
        self.0.as_deref().map(|turns| turns.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until nobody reads or writes.
    pub(super) fn write(&self) -> Option<RwLockWriteGuard<'_, ()>> {
        self.0.as_deref().map(|turns| turns.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use vestibule_core::{ports::store::prelude::*, values::username::LoginName};

    use super::*;

    /// Longer than a look-up would wait for a file that is busy.
    const A_LONG_WRITE: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn two_databases_share_nothing_and_neither_is_a_file() {
        let [first, second] = [(); 2].map(|()| MemoryDatabase::new().unwrap());
        let stores = [first.open().unwrap(), second.open().unwrap()];
        assert_ne!(stores[0].path(), stores[1].path());
        for store in &stores {
            store.ping().await.unwrap();
            assert!(!store.path().exists());
        }
        let here = std::fs::read_dir(".").unwrap().map(|entry| entry.unwrap().file_name());
        assert!(!here.into_iter().any(|name| name.to_string_lossy().contains("memdb")));
    }

    #[tokio::test]
    async fn a_database_lasts_as_long_as_its_handle_or_a_store() {
        let database = MemoryDatabase::new().unwrap();
        let name = database.name().to_owned();
        let is_there = || connect::is_ours(&connect::open(&name, Medium::Memory).unwrap(), &name).unwrap();
        let store = database.open().unwrap();
        store.close().await;
        assert!(is_there());
        let store = database.open().unwrap();
        drop(database);
        store.ping().await.unwrap();
        assert!(is_there());
        store.close().await;
        assert!(!is_there());
    }
    #[test]
    fn who_reads_beside_a_writer_waits_and_hears_of_no_outage() {
        let database = MemoryDatabase::new().unwrap();
        let store = database.open().unwrap();
        let writing = connect::open(database.name(), Medium::Memory).unwrap();
        let turn = database.turns().write();
        writing.execute_batch("BEGIN IMMEDIATE; DELETE FROM account").unwrap();
        let (answers, answer) = mpsc::channel();
        let reader = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let nobody = LoginName::Username("ada".to_owned());
            let found = runtime.block_on(store.find_credentials(&nobody));
            answers.send(found.map(drop)).unwrap();
        });
        assert!(answer.recv_timeout(A_LONG_WRITE).is_err());
        writing.execute_batch("COMMIT").unwrap();
        drop(turn);
        answer.recv_timeout(Duration::from_mins(1)).unwrap().unwrap();
        reader.join().unwrap();
    }
}
