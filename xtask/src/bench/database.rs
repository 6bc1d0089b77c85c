//! Databases of the bench's own, with as many accounts as are asked for.

use std::{fmt, path::PathBuf, sync::Arc};

use anyhow::Context;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use vestibule::core::ports::Store;
use vestibule_sql::{PostgresOptions, PostgresStore, SqliteOptions, SqliteStore};
use vestibule_testkit::servers::{self, PostgresServer};

use super::process::folder_beside_the_build;
use crate::cli::EngineChoice;

/// A hash for accounts whose password nothing verifies.
pub(super) const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// The first half of an account's id, and of a session's; the second is its number.
pub(super) const ACCOUNT: u64 = 0x0190_0000_0000_7000;
pub(super) const SESSION: u64 = 0x0190_0000_0001_7000;
/// When they were made, and when the sessions end.
const BEGINNING: u64 = 1_700_000_000_000;
const END: u64 = 4_000_000_000_000;

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EngineKind {
    Sqlite,
    Postgres,
}

impl EngineKind {
    /// Those that were chosen.
    pub(super) const fn chosen(choice: EngineChoice) -> &'static [Self] {
        match choice {
            EngineChoice::Sqlite => &[Self::Sqlite],
            EngineChoice::Postgres => &[Self::Postgres],
            EngineChoice::Both => &[Self::Sqlite, Self::Postgres],
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// How many rows there are at first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Population {
    pub(super) accounts: u64,
    /// Given to the accounts in turn.
    pub(super) sessions: u64,
}

/// A database; it goes when this is dropped.
pub(super) enum Database {
    Sqlite {
        path: PathBuf,
        /// Goes with the database.
        _folder: TempDir,
    },
    Postgres(servers::Database<'static>),
}

impl Database {
    /// Makes a migrated database and opens a store on it.
    pub(super) async fn make(engine: EngineKind) -> anyhow::Result<(Self, Arc<dyn Store>)> {
        match engine {
            EngineKind::Sqlite => {
                let folder = folder_beside_the_build()?;
                let path = folder.path().join("vestibule.db");
                let store: Arc<dyn Store> = SqliteStore::open(SqliteOptions::serve(&path))?;
                Ok((Self::Sqlite { path, _folder: folder }, store))
            }
            EngineKind::Postgres => {
                let database = postgres().await?;
                let options = PostgresOptions::parse(&database.url())?;
                let store: Arc<dyn Store> = Box::pin(PostgresStore::open(options)).await?;
                Ok((Self::Postgres(database), store))
            }
        }
    }

    /// Makes the accounts, all with one password, and sessions, and lets the engine settle.
    pub(super) async fn fill(&self, population: Population, hash: &str) -> anyhow::Result<()> {
        self.run(&self.insert_accounts(population.accounts, hash)).await?;
        self.run(&self.insert_sessions(population)).await?;
        match self {
            Self::Sqlite { .. } => self.run("PRAGMA wal_checkpoint(TRUNCATE)").await,
            Self::Postgres(database) => {
                self.run("VACUUM (ANALYZE) account").await?;
                self.run("VACUUM (ANALYZE) session").await?;
                database.psql("CHECKPOINT");
                Ok(())
            }
        }
    }

    /// Runs a statement beside the store.
    pub(super) async fn run(&self, sql: &str) -> anyhow::Result<()> {
        match self {
            Self::Sqlite { path, .. } => {
                let connection = rusqlite::Connection::open(path)?;
                connection.execute_batch("PRAGMA cache_size = -262144; PRAGMA busy_timeout = 5000;")?;
                connection.execute_batch(sql).with_context(|| sql.to_owned())
            }
            Self::Postgres(database) => {
                connect(&database.url()).await?.batch_execute(sql).await.with_context(|| sql.to_owned())
            }
        }
    }

    fn insert_accounts(&self, count: u64, hash: &str) -> String {
        let id = self.id(ACCOUNT, "i");
        format!(
            "INSERT INTO account (id, email, email_canonical, username, username_canonical, full_name, \
             password_hash, active, confirmed, permissions, created_at, last_login_at, cutoff_at, cutoff_until) \
             SELECT {id}, 'user' || i || '@example.org', 'user' || i || '@example.org', 'user' || i, 'user' || i, \
             NULL, '{hash}', 1, 1, '[]', {BEGINNING}, NULL, 0, 0 FROM {}",
            self.series(count)
        )
    }

    fn insert_sessions(&self, population: Population) -> String {
        let Population { accounts, sessions } = population;
        let (id, account) = (self.id(SESSION, "i"), self.id(ACCOUNT, &format!("i % {accounts}")));
        format!(
            "INSERT INTO session (id, account_id, generation, scope, created_at, authenticated_at, refreshed_at, \
             expires_at, ends_at, access_until, revoked_at, address, user_agent) \
             SELECT {id}, {account}, 0, '', {BEGINNING}, {BEGINNING}, {BEGINNING}, {END}, {END}, {END}, NULL, \
             '127.0.0.1', 'bench' FROM {}",
            self.series(sessions)
        )
    }

    /// A table of the numbers `i` from 0.
    fn series(&self, count: u64) -> String {
        let last = count.saturating_sub(1);
        match self {
            Self::Sqlite { .. } => format!(
                "(WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i < {last}) \
                 SELECT i FROM numbers)"
            ),
            Self::Postgres(_) => format!("generate_series(0, {last}) AS numbers(i)"),
        }
    }

    /// The id that [`id`] makes, in SQL.
    fn id(&self, kind: u64, number: &str) -> String {
        match self {
            Self::Sqlite { .. } => format!("unhex(printf('{kind:016x}%016x', {number}))"),
            Self::Postgres(_) => format!("decode('{kind:016x}' || lpad(to_hex({number}), 16, '0'), 'hex')"),
        }
    }
}

/// The id of an account or a session with a number.
pub(super) fn id(kind: u64, number: u64) -> Uuid {
    Uuid::from_u64_pair(kind, number)
}

/// An empty database on the bench's own server, which ends with this process.
pub(super) async fn postgres() -> anyhow::Result<servers::Database<'static>> {
    tokio::task::spawn_blocking(|| PostgresServer::shared().fresh_database())
        .await
        .context("PostgreSQL does not start")
}

/// A connection.
pub(super) async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // It ends with the client; what goes wrong the client hears, too.
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}
