//! The one connection over which a database is opened: looked at before anything in it is changed.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;
use vestibule_core::ports::store::StoreError;

use super::{
    error::OpenError,
    failure::{self, within},
    options::PostgresOptions,
    tx::PostgresTx,
};
use crate::{migration, statement};

/// The tables of the schema that new ones go to.
const OUR_SCHEMA: &str = "c.relkind IN ('r', 'p') AND c.relnamespace = \
    (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = current_schema())";

/// A connection, and where it leads for the sentences.
pub(super) struct Session<'o> {
    pub(super) options: &'o PostgresOptions,
    pub(super) client: Client,
    task: JoinHandle<()>,
}

impl<'o> Session<'o> {
    /// Connects to a database that takes writes.
    pub(super) async fn begin(options: &'o PostgresOptions) -> Result<Self, OpenError> {
        let tls = tls(options)?;
        let config = options.config();
        let connecting = async {
            match tls {
                Some(tls) => config.connect(tls).await.map(|(client, connection)| {
                    (client, tokio::spawn(async move { drop(connection.await) }))
                }),
                None => config.connect(NoTls).await.map(|(client, connection)| {
                    (client, tokio::spawn(async move { drop(connection.await) }))
                }),
            }
        };
        let Ok(connected) = tokio::time::timeout(options.connect_timeout, connecting).await else {
            let cause = format!("no answer within {:?}", options.connect_timeout);
            return Err(OpenError::Unreachable { database: options.to_string(), cause });
        };
        let (client, task) = connected.map_err(|error| OpenError::from_connecting(options, &error))?;
        let session = Self { options, client, task };
        let asked = within(options.client_limit(), failure::is_read_only(&session.client)).await;
        if asked.map_err(|source| session.unreadable(source))? {
            return Err(OpenError::ReadOnly { database: options.to_string() });
        }
        Ok(session)
    }

    /// What a body speaks to; nothing stays prepared here, so that a pooler does not matter.
    pub(super) fn tx(&self) -> PostgresTx<'_> {
        PostgresTx::new(&self.client, None, self.options.client_limit())
    }

    /// Refuses a schema that has tables, none of which are ours.
    pub(super) async fn check_ownership(&self) -> Result<(), OpenError> {
        // In one look, because another process may be making it ours right now; that begins with the lease. What an
        // extension brought does not count.
        let foreign = self
            .count(&format!(
                "SELECT CASE WHEN COUNT(CASE WHEN c.relname IN ('{}', 'migration_lease') THEN 1 END) > 0 THEN 0 \
                 ELSE COUNT(*) END FROM pg_catalog.pg_class AS c WHERE {OUR_SCHEMA} \
                 AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS d \
                 WHERE d.objid = c.oid AND d.deptype = 'e')",
                migration::HISTORY
            ))
            .await?;
        if foreign > 0 { Err(OpenError::Foreign { database: self.options.to_string() }) } else { Ok(()) }
    }

    /// Whether the schema has a table of this name.
    pub(super) async fn has_table(&self, name: &'static str) -> Result<bool, OpenError> {
        let sql = format!(
            "SELECT COUNT(*) FROM pg_catalog.pg_class AS c WHERE {OUR_SCHEMA} AND c.relname = '{name}'"
        );
        Ok(self.count(&sql).await? > 0)
    }

    async fn count(&self, sql: &str) -> Result<i64, OpenError> {
        let rows = self.client.query_typed(sql, &[]).await;
        let rows = rows.map_err(|error| OpenError::from_engine(self.options, &error))?;
        let count = rows.first().map_or(Ok(0), |row| row.try_get(0));
        count.map_err(|error| OpenError::from_engine(self.options, &error))
    }

    /// Runs SQL without parameters.
    pub(super) async fn execute(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute(sql).await
    }

    /// Prepares every statement, so that one that does not fit the schema is found at start and not at night.
    ///
    /// In the words of SQL and forgotten in the same breath, which works through a pooler, too.
    pub(super) async fn prepare_statements(&self) -> Result<(), OpenError> {
        for known in statement::registry() {
            let sql = format!("PREPARE vestibule_check AS {}; DEALLOCATE vestibule_check", known.sql);
            self.execute(&sql).await.map_err(|error| match error.code() {
                Some(_) => OpenError::Statement {
                    database: self.options.to_string(),
                    statement: known.name,
                    cause: failure::told(&error),
                },
                None => OpenError::from_engine(self.options, &error),
            })?;
        }
        Ok(())
    }

    /// The store failed where it was looked at.
    pub(super) fn unreadable(&self, source: StoreError) -> OpenError {
        OpenError::Unreadable { database: self.options.to_string(), source }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How connections are encrypted, where they are.
pub(super) fn tls(options: &PostgresOptions) -> Result<Option<MakeRustlsConnect>, OpenError> {
    if !options.is_encrypted() {
        return Ok(None);
    }
    let roots = match &options.tls_ca_file {
        Some(path) => read_authorities(path)?,
        None => known_authorities()?,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| OpenError::engine(options, error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(MakeRustlsConnect::new(config)))
}

fn read_authorities(path: &Path) -> Result<RootCertStore, OpenError> {
    let refused = |cause: String| OpenError::Certificates { path: path.to_owned(), cause };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| refused(error.to_string()))? {
        let certificate = certificate.map_err(|error| refused(error.to_string()))?;
        roots.add(certificate).map_err(|error| refused(error.to_string()))?;
    }
    if roots.is_empty() { Err(refused("it is empty".to_owned())) } else { Ok(roots) }
}

/// Those that the machine trusts.
fn known_authorities() -> Result<RootCertStore, OpenError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let cause = found.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
        return Err(OpenError::NoAuthorities { cause });
    }
    Ok(roots)
}
