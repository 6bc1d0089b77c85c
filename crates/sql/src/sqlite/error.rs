//! Why a database is not opened: sentences for whoever started the program.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use vestibule_core::ports::store::StoreError;

/// Why a database is not opened. Every message is a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process serves this database.
    #[error(
        "Another vestibule already serves {}. Stop it, or give this one a data_dir of its own.", path.display()
    )]
    AlreadyServed {
        /// The database.
        path: PathBuf,
    },
    /// The file system takes no locks, so that two servers could not be told apart.
    #[error("{} cannot be locked ({source}). Put the data_dir on a local file system.", path.display())]
    Unlockable {
        /// The lock file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The folder or the file cannot be written.
    #[error("{} cannot be written. Give this user write access to the data_dir and the files in it.", path.display())]
    NotWritable {
        /// What cannot be written.
        path: PathBuf,
    },
    /// The folder or the file cannot be made.
    #[error("{} cannot be made ({source}). Choose another data_dir or database_url.", path.display())]
    Unmakeable {
        /// What cannot be made.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is no SQLite database.
    #[error(
        "{} is no SQLite database, or it is damaged. Restore a backup, or choose another file in database_url.",
        path.display()
    )]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The database belongs to another program.
    #[error(
        "{} belongs to another program; nothing was changed. Choose another file in database_url.", path.display()
    )]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// A newer binary has migrated the database.
    #[error(
        "{} has schema version {found}, and this vestibule knows {known}. Run the newer version, or restore a backup \
         from before the upgrade.",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// The version it has.
        found: i64,
        /// The newest version this binary knows.
        known: i64,
    },
    /// A migration was applied from another text than this binary has under its name.
    #[error(
        "{} was made by another build: its migration {name} is not the one this vestibule has. Run the build that \
         made it, or restore a backup.",
        path.display()
    )]
    Altered {
        /// The database.
        path: PathBuf,
        /// The migration.
        name: String,
    },
    /// Somebody else has been migrating for too long.
    #[error("Another process is still migrating {}. Wait for it to end and start again.", path.display())]
    StillMigrating {
        /// The database.
        path: PathBuf,
    },
    /// A migration failed; it left nothing behind.
    #[error("{} could not be migrated ({source}). Nothing of the failed step was kept; report this.", path.display())]
    Migration {
        /// The database.
        path: PathBuf,
        /// What refinery said.
        source: refinery::Error,
    },
    /// The database could not be read.
    #[error("{} could not be opened ({source}). Check the file and the disk it is on.", path.display())]
    Unreadable {
        /// The database.
        path: PathBuf,
        /// What the store said.
        source: StoreError,
    },
    /// A statement does not fit the schema, or SQLite failed in another way.
    #[error("{} could not be opened ({source}). Check the file and the disk it is on.", path.display())]
    Engine {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A thread could not be started.
    #[error("The thread that writes to {} could not be started ({source}).", path.display())]
    Thread {
        /// The database.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl OpenError {
    /// Sorts an error that SQLite gave while the database at `path` was opened.
    pub(super) fn from_engine(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::NotADatabase { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::NotWritable { path },
            _ => Self::Engine { path, source },
        }
    }
}
