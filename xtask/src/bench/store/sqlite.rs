//! Raw statements on SQLite.

use std::{
    num::NonZeroUsize,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::{Context, ensure};
use rusqlite::{
    Connection, OpenFlags, ToSql, TransactionBehavior,
    config::DbConfig,
    types::{ToSqlOutput, ValueRef},
};

use super::{
    super::method::{Method, Turns},
    raw::{Value, statements, texts},
};

/// The store's settings: of the writer, and of those who read.
const WRITER: &str = "PRAGMA journal_mode = wal; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
     PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4000; \
     PRAGMA journal_size_limit = 67108864; PRAGMA busy_timeout = 5000;";
const READER: &str = "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -8192;";

/// Writes in groups, one COMMIT each, on a thread that may wait for the disk.
pub(super) struct Writer(Arc<Mutex<Groups>>);

struct Groups {
    connection: Connection,
    texts: Vec<String>,
    method: Method,
    size: u32,
    turns: Turns,
}

impl Writer {
    pub(super) fn open(path: &Path, method: Method, size: u32, turns: &Turns) -> anyhow::Result<Self> {
        let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, WRITER)?;
        connection.set_transaction_behavior(TransactionBehavior::Immediate);
        let groups = Groups { connection, texts: numbered(method)?, method, size, turns: turns.clone() };
        Ok(Self(Arc::new(Mutex::new(groups))))
    }

    pub(super) async fn once(&mut self) -> anyhow::Result<()> {
        let groups = Arc::clone(&self.0);
        let write = move || groups.lock().unwrap_or_else(PoisonError::into_inner).write();
        tokio::task::spawn_blocking(write).await?
    }
}

impl Groups {
    fn write(&self) -> anyhow::Result<()> {
        let run = |sql| self.connection.prepare_cached(sql)?.raw_execute();
        run("BEGIN IMMEDIATE")?;
        for _ in 0..self.size {
            turn(&self.connection, &self.texts, self.method, &self.turns)?;
        }
        run("COMMIT")?;
        Ok(())
    }
}

/// Reads on a connection that it may share.
pub(super) struct Reader {
    connection: Arc<Mutex<Connection>>,
    texts: Arc<Vec<String>>,
    method: Method,
    turns: Turns,
}

/// Readers on as many connections as the store has.
pub(super) fn readers(
    path: &Path,
    method: Method,
    tasks: usize,
    turns: &Turns,
) -> anyhow::Result<Vec<Reader>> {
    let inline = thread::available_parallelism().map_or(2, NonZeroUsize::get).clamp(2, 4);
    let count = if method == Method::ListSessions { 1 } else { inline };
    let connections = (0..count)
        .map(|_| Ok(Arc::new(Mutex::new(open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, READER)?))))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let texts = Arc::new(numbered(method)?);
    let reader = |connection: &Arc<_>| Reader {
        connection: Arc::clone(connection),
        texts: Arc::clone(&texts),
        method,
        turns: turns.clone(),
    };
    Ok(connections.iter().cycle().take(tasks).map(reader).collect())
}

impl Reader {
    pub(super) async fn once(&mut self) -> anyhow::Result<()> {
        let method = self.method;
        if method != Method::ListSessions {
            return read(&self.connection, &self.texts, method, &self.turns);
        }
        let (connection, texts, turns) =
            (Arc::clone(&self.connection), Arc::clone(&self.texts), self.turns.clone());
        tokio::task::spawn_blocking(move || read(&connection, &texts, method, &turns)).await?
    }
}

fn read(
    connection: &Mutex<Connection>,
    texts: &[String],
    method: Method,
    turns: &Turns,
) -> anyhow::Result<()> {
    turn(&connection.lock().unwrap_or_else(PoisonError::into_inner), texts, method, turns)
}

fn turn(connection: &Connection, texts: &[String], method: Method, turns: &Turns) -> anyhow::Result<()> {
    for (number, parameters) in statements(method, turns.next())? {
        let text = texts.get(number).context("a statement is missing")?;
        let mut statement = connection.prepare_cached(text)?;
        ensure!(statement.parameter_count() == parameters.len(), "another number of parameters: {text}");
        for (position, value) in parameters.iter().enumerate() {
            statement.raw_bind_parameter(position + 1, value)?;
        }
        let mut rows = statement.raw_query();
        while rows.next()?.is_some() {}
    }
    Ok(())
}

fn open(path: &Path, flags: OpenFlags, settings: &str) -> anyhow::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(settings)?;
    Ok(connection)
}

/// With `?n`, which SQLite takes for a number and not for a name.
fn numbered(method: Method) -> anyhow::Result<Vec<String>> {
    Ok(texts(method)?.iter().map(|text| text.replace('$', "?")).collect())
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
            Self::Null => ValueRef::Null,
        }))
    }
}
