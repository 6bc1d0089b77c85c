//! The database: the one place of the server that knows that there are two engines.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::task::spawn_blocking;
use vestibule::{
    core::ports::Store,
    sql::{
        MigrationStatus, PostgresOptions, PostgresStore, Role, SqliteOptions, SqliteStore, postgres, sqlite,
    },
};

use crate::{
    failure::{Failure, Problem},
    startup::unexpected,
};

/// Where the data is.
#[derive(Clone, Debug)]
pub enum Database {
    /// In a SQLite file.
    Sqlite(PathBuf),
    /// In a PostgreSQL database.
    Postgres(Box<PostgresOptions>),
}

impl Database {
    /// The file, where it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// Whether it may be there already; only of a file it is known before it is opened.
    #[must_use]
    pub fn may_exist(&self) -> bool {
        self.file().is_none_or(Path::exists)
    }

    /// Opens it, made and migrated where need be.
    ///
    /// # Errors
    /// Exit code 3.
    pub async fn open(&self, role: Role) -> Result<Arc<dyn Store>, Failure> {
        match self {
            Self::Sqlite(path) => {
                let options = SqliteOptions { path: path.clone(), role };
                let store = spawn_blocking(move || SqliteStore::open(options).map_err(refused)).await;
                Ok(store.map_err(|error| unexpected(&error))??)
            }
            Self::Postgres(options) => Ok(PostgresStore::open((**options).clone()).await.map_err(refused)?),
        }
    }

    /// Applies the migrations it lacks; says which they were.
    ///
    /// # Errors
    /// Exit code 3.
    pub async fn migrate(&self) -> Result<Vec<String>, Failure> {
        match self {
            Self::Sqlite(path) => sqlite::migrate(path).map_err(refused),
            Self::Postgres(options) => postgres::migrate(options).await.map_err(refused),
        }
    }

    /// Says which migrations it has and lacks, and changes nothing.
    ///
    /// # Errors
    /// Exit code 3.
    pub async fn check_migrations(&self) -> Result<MigrationStatus, Failure> {
        match self {
            Self::Sqlite(path) => sqlite::check_migrations(path).map_err(refused),
            Self::Postgres(options) => postgres::check_migrations(options).await.map_err(refused),
        }
    }
}

impl fmt::Display for Database {
    /// Where it is, without a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(options) => options.fmt(f),
        }
    }
}

/// A database that was not opened; what it says is a sentence that says what to do.
fn refused(error: impl fmt::Display) -> Failure {
    Failure::storage(Problem::new(error.to_string()))
}
