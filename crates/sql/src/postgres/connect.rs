//! The one connection over which a database is opened: looked at before anything in it is changed.

use std::{future::Future, sync::Arc};

use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{Client, Error};
use vestibule_core::ports::store::StoreError;

use super::{
    dial::Dialer,
    error::OpenError,
    failure::{self, Remedy, is_passing, remedy, within},
    options::PostgresOptions,
    tx::PostgresTx,
};
use crate::{migration, statement};

/// What stands in the schema that new tables go to: tables, views, sequences, types of several columns.
const OUR_SCHEMA: &str = "c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') AND c.relnamespace = \
    (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = current_schema())";
/// The names of a table's columns.
const COLUMNS: &str = "(SELECT string_agg(a.attname, ' ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute AS a \
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)";

/// A connection, and where it leads for the sentences. Whatever is asked over it is answered in time or given up.
pub(super) struct Session<'o> {
    pub(super) options: &'o PostgresOptions,
    pub(super) dialer: Arc<Dialer>,
    pub(super) client: Client,
    task: JoinHandle<()>,
}

impl<'o> Session<'o> {
    /// Connects to a database that takes writes.
    pub(super) async fn begin(options: &'o PostgresOptions) -> Result<Self, OpenError> {
        let session = Self::over(options, Arc::new(Dialer::new(options)?)).await?;
        let asked = within(options.client_limit(), failure::is_read_only(&session.client)).await;
        if asked.map_err(|source| session.unreadable(source))? {
            return Err(OpenError::ReadOnly { database: options.to_string() });
        }
        session.check_settings().await?;
        Ok(session)
    }

    /// Refuses a pooler that swallows what a connection was opened with: it gives its statements to any connection.
    async fn check_settings(&self) -> Result<(), OpenError> {
        const SETTING: &str =
            "SELECT CAST(setting AS BIGINT) FROM pg_catalog.pg_settings WHERE name = 'statement_timeout'";
        let Some(sent) = self.options.sent_limit() else { return Ok(()) };
        let arrived = self.count(SETTING).await?;
        if i64::try_from(sent.as_millis()).is_ok_and(|sent| sent == arrived) {
            return Ok(());
        }
        let cause = format!("a statement_timeout of {sent:?} was sent, and {arrived} ms arrived");
        Err(OpenError::Pooled { database: self.options.to_string(), cause })
    }

    /// Connects.
    pub(super) async fn over(options: &'o PostgresOptions, dialer: Arc<Dialer>) -> Result<Self, OpenError> {
        let dialled = dialer.dial().await;
        let (client, line) = dialled.map_err(|unreached| OpenError::from_connecting(options, &unreached))?;
        Ok(Self { options, dialer, client, task: tokio::spawn(line.carry()) })
    }

    /// What a body speaks to; nothing stays prepared here, so that a pooler does not matter.
    pub(super) fn tx(&self) -> PostgresTx<'_> {
        PostgresTx::new(&self.client, None, self.options.client_limit())
    }

    /// Refuses a schema that holds something, but no table of ours.
    pub(super) async fn check_ownership(&self) -> Result<(), OpenError> {
        // In one look, because another process may be making it ours right now; that begins with the lease. A name alone
        // is nobody's, so the columns count, too; what an extension brought does not.
        let foreign = self
            .count(&format!(
                "SELECT CASE WHEN COUNT(CASE WHEN (c.relname = '{}' AND {COLUMNS} = '{}') \
                 OR (c.relname = 'migration_lease' AND {COLUMNS} = '{}') THEN 1 END) > 0 THEN 0 \
                 ELSE COUNT(*) END FROM pg_catalog.pg_class AS c WHERE {OUR_SCHEMA} \
                 AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS d \
                 WHERE d.objid = c.oid AND d.deptype = 'e')",
                migration::HISTORY,
                "version name applied_on checksum",
                "id holder held_until",
            ))
            .await?;
        if foreign > 0 { Err(OpenError::Foreign { database: self.options.to_string() }) } else { Ok(()) }
    }

    /// Whether the schema has a table of this name.
    pub(super) async fn has_table(&self, name: &'static str) -> Result<bool, OpenError> {
        let sql = format!(
            "SELECT COUNT(*) FROM pg_catalog.pg_class AS c WHERE {OUR_SCHEMA} AND c.relkind IN ('r', 'p') \
             AND c.relname = '{name}'"
        );
        Ok(self.count(&sql).await? > 0)
    }

    async fn count(&self, sql: &str) -> Result<i64, OpenError> {
        let rows = self.in_time(self.client.query_typed(sql, &[])).await?;
        let count = rows.and_then(|rows| rows.first().map_or(Ok(0), |row| row.try_get(0)));
        count.map_err(|error| OpenError::from_engine(self.options, &error))
    }

    /// Runs SQL without parameters, and says what the database said to it.
    pub(super) async fn execute(&self, sql: &str) -> Result<Result<(), Error>, OpenError> {
        self.in_time(self.client.batch_execute(sql)).await
    }

    /// Prepares every statement, so that one that does not fit the schema is found at start and not at night.
    ///
    /// In the words of SQL and forgotten in the same breath, which works through a pooler, too.
    pub(super) async fn prepare_statements(&self) -> Result<(), OpenError> {
        for known in statement::registry() {
            let sql = format!("PREPARE vestibule_check AS {}; DEALLOCATE vestibule_check", known.sql);
            self.execute(&sql).await?.map_err(|error| match error.code() {
                Some(code) if !is_passing(code) => OpenError::Statement {
                    database: self.options.to_string(),
                    statement: known.name,
                    cause: failure::told(&error),
                },
                _ => OpenError::from_engine(self.options, &error),
            })?;
        }
        Ok(())
    }

    /// Refuses a user who may look and not touch: nothing but a write would tell.
    pub(super) async fn check_rights(&self) -> Result<(), OpenError> {
        const RIGHTS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];
        let tables = migration::tables().map(|table| format!("'{table}'")).collect::<Vec<_>>().join(", ");
        let has_all = RIGHTS.map(|right| format!("pg_catalog.has_table_privilege(c.oid, '{right}')"));
        let sql = format!(
            "SELECT CAST(c.relname AS TEXT) FROM pg_catalog.pg_class AS c WHERE {OUR_SCHEMA} \
             AND c.relname IN ({tables}) AND NOT ({}) ORDER BY c.relname LIMIT 1",
            has_all.join(" AND "),
        );
        let rows = self.in_time(self.client.query_typed(&sql, &[])).await?;
        let refused = rows.and_then(|rows| rows.first().map(|row| row.try_get::<_, String>(0)).transpose());
        match refused.map_err(|error| OpenError::from_engine(self.options, &error))? {
            None => Ok(()),
            Some(table) => Err(OpenError::NotAllowed {
                database: self.options.to_string(),
                cause: format!("one of {} on {table} is missing", RIGHTS.join(", ")),
            }),
        }
    }

    async fn in_time<T>(&self, answer: impl Future<Output = T>) -> Result<T, OpenError> {
        let limit = self.options.client_limit();
        timeout(limit, answer).await.map_err(|_| OpenError::silent(self.options, limit))
    }

    /// The store failed where it was looked at.
    pub(super) fn unreadable(&self, source: StoreError) -> OpenError {
        if remedy(&source) == Remedy::Silent {
            return OpenError::silent(self.options, self.options.client_limit());
        }
        match failure::said(&source) {
            // It is the server's word that says what to do, not which statement heard it.
            Some(said) if said.code().is_some_and(is_passing) => OpenError::from_engine(self.options, said),
            _ => OpenError::Unreadable { database: self.options.to_string(), source },
        }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
