//! Connections: made ours, set up, and refused where they lead to somebody else's data.

use std::{path::Path, thread, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, config::DbConfig};
use vestibule_core::ports::clock::Stopwatch;

use super::{Medium, error::OpenError};
use crate::{migration, statement};

/// "Vest": in the header of every database that is ours.
const APPLICATION_ID: i32 = 0x5665_7374;
/// How long the writer, and whoever may wait, waits for another process.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a look-up by key waits: it holds up a thread that serves others.
const INLINE_PATIENCE: Duration = Duration::from_millis(50);
/// The cache of a connection for look-ups: the inner pages of the indexes over a million accounts fit in.
const LOOK_UP_CACHE_KIB: i64 = 8_192;
/// The cache of the connection for lists.
const LIST_CACHE_KIB: i64 = 2_048;
/// How long to wait between two attempts where SQLite does not wait by itself.
const PAUSE: Duration = Duration::from_millis(5);
/// Room for every statement, and for those that begin and end transactions.
pub(super) const STATEMENTS: usize = 256;

/// Opens an existing database for writing, without changing anything in it; one in memory comes about by being opened.
pub(super) fn open(path: &Path, medium: Medium) -> Result<Connection, OpenError> {
    let engine = |source| OpenError::from_engine(path, source);
    let connection = Connection::open_with_flags(path, writing_flags(medium)).map_err(engine)?;
    // First of all settings: the others may have to wait.
    connection.busy_timeout(PATIENCE).map_err(engine)?;
    if connection.is_readonly("main").map_err(engine)? {
        return Err(OpenError::NotWritable { path: path.to_owned() });
    }
    Ok(connection)
}

fn writing_flags(medium: Medium) -> OpenFlags {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match medium {
        Medium::Disk => flags,
        Medium::Memory => flags | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_URI,
    }
}

/// Opens a database for reading: inline, or where a thread may wait.
pub(super) fn open_reader(path: &Path, medium: Medium, is_inline: bool) -> rusqlite::Result<Connection> {
    let flags = match medium {
        Medium::Disk => OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        // `query_only`, below, keeps it from writing.
        Medium::Memory => writing_flags(medium),
    };
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(if is_inline { INLINE_PATIENCE } else { PATIENCE })?;
    keep_plans(&connection)?;
    // No memory map: where the disk fails under one, the process is killed instead of told.
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;")?;
    let cache_kib = if is_inline { LOOK_UP_CACHE_KIB } else { LIST_CACHE_KIB };
    // Negative, which means KiB and not pages.
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    Ok(connection)
}

/// Says whether the database is ours already; an empty one may become so.
pub(super) fn is_ours(connection: &Connection, path: &Path) -> Result<bool, OpenError> {
    let ask = || -> rusqlite::Result<(i32, i64, bool)> {
        // In one look: another process may be making it ours right now.
        let look = connection.unchecked_transaction()?;
        let tables = look.query_row("SELECT COUNT(*) FROM sqlite_master", [], |row| row.get(0))?;
        Ok((application_id(&look)?, tables, has_history(&look)?))
    };
    match ask().map_err(|source| OpenError::from_engine(path, source))? {
        // What was restored from a dump has lost its header, but not its history.
        (APPLICATION_ID, _, _) | (0, _, true) => Ok(true),
        (0, 0, _) => Ok(false),
        _ => Err(OpenError::Foreign { path: path.to_owned() }),
    }
}

fn application_id(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

/// Whether anything was ever migrated.
pub(super) fn has_history(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1)";
    connection.query_row(sql, [migration::HISTORY], |row| row.get(0))
}

/// Makes a database ours and sets the connection up for the writer.
pub(super) fn set_up(connection: &mut Connection, path: &Path, medium: Medium) -> Result<(), OpenError> {
    let engine = |source| OpenError::from_engine(path, source);
    if medium == Medium::Disk {
        write_ahead(connection, path)?;
    }
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; \
             PRAGMA cache_size = -4000; PRAGMA journal_size_limit = 67108864;",
        )
        .map_err(engine)?;
    keep_plans(connection).map_err(engine)?;
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    claim(connection).map_err(engine)
}

/// Has changes written to a log first, which readers look past.
fn write_ahead(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let mode = retry(|| {
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))
    });
    if mode.map_err(|source| OpenError::from_engine(path, source))? == "wal" {
        return Ok(());
    }
    let cause = std::io::Error::other("it takes no write-ahead log");
    Err(OpenError::Unlockable { path: path.to_owned(), source: cause })
}

/// Keeps every statement prepared, and its plan whatever is bound to it: otherwise SQLite plans those anew, at every
/// execution, whose partial index a bound value could decide on.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// Writes our name into the header and makes the table of the lease, where that has not been done.
fn claim(connection: &mut Connection) -> rusqlite::Result<()> {
    if application_id(connection)? == APPLICATION_ID {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.execute_batch(migration::CREATE_LEASE_TABLE)?;
    transaction.commit()
}

/// Prepares every statement, so that one that does not fit the schema is found at start and not at night. None is kept
/// before it is run.
pub(super) fn prepare_statements(connection: &Connection) -> rusqlite::Result<()> {
    statement::registry().iter().try_for_each(|known| connection.prepare(known.numbered).map(drop))
}

/// Tries again while the database is busy: the change to a write-ahead log does not wait by itself.
fn retry<R>(mut attempt: impl FnMut() -> rusqlite::Result<R>) -> rusqlite::Result<R> {
    let waited = Stopwatch::start();
    loop {
        match attempt() {
            Err(cause) if is_busy(&cause) && waited.elapsed() < PATIENCE => thread::sleep(PAUSE),
            outcome => return outcome,
        }
    }
}

fn is_busy(cause: &rusqlite::Error) -> bool {
    matches!(cause.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
