//! Why a database is not opened: sentences for whoever started the program.

mod sorting;

use std::{path::PathBuf, time::Duration};

use vestibule_core::ports::store::StoreError;

/// Why a PostgreSQL database is not opened. Every message is a sentence that says what to do; none holds a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Nobody answers there.
    #[error(
        "The database {database} cannot be reached ({cause}). Check that PostgreSQL runs there and that host and port \
         in database_url are right."
    )]
    Unreachable {
        /// Where it should be.
        database: String,
        /// What happened instead.
        cause: String,
    },
    /// It took the connection, and then it said nothing.
    #[error(
        "The database {database} fell silent: no answer within {limit:?}. Check its load, its log and the network in \
         between, then start again."
    )]
    Silent {
        /// Where it is.
        database: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// It is there, and does nothing for now.
    #[error(
        "The database {database} cannot serve for now ({cause}). Its log says why; start again once it can, and let \
         the service manager try until then."
    )]
    Away {
        /// Where it is.
        database: String,
        /// What the server said.
        cause: String,
    },
    /// It has as many connections as it takes.
    #[error(
        "The database {database} takes no further connection ({cause}). Raise its max_connections or the limit of its \
         user, or lower postgres.connections on every node, and start again."
    )]
    Full {
        /// Where it is.
        database: String,
        /// What the server said.
        cause: String,
    },
    /// A pooler stands before it that gives each transaction another connection.
    #[error(
        "The database {database} is behind a pooler that does not keep what belongs to a connection ({cause}). Set \
         postgres.prepared to false."
    )]
    Pooled {
        /// Where it is.
        database: String,
        /// What the pooler said or did.
        cause: String,
    },
    /// The server takes no connection that is not encrypted.
    #[error(
        "The database {database} refuses a connection without encryption ({cause}). Add sslmode=require to \
         database_url, or a line for this user and machine to the server's pg_hba.conf."
    )]
    Unencrypted {
        /// Where it is.
        database: String,
        /// What the server said.
        cause: String,
    },
    /// The user or the password is refused.
    #[error(
        "The database {database} refuses the login ({cause}). Check user and password in database_url; special \
         characters in the password need %-escapes."
    )]
    LoginRefused {
        /// Where it is.
        database: String,
        /// What the server said.
        cause: String,
    },
    /// There is no database of that name.
    #[error(
        "The database {database} does not exist. Make it with `createdb`, or name another one in database_url."
    )]
    Missing {
        /// Where it should be.
        database: String,
    },
    /// The connection cannot be encrypted, or the certificate is not trusted.
    #[error(
        "The connection to {database} cannot be secured ({cause}). Name the authority of its certificate in \
         postgres.tls_ca_file, or add sslmode=disable to database_url on a network where nobody listens."
    )]
    Tls {
        /// Where it is.
        database: String,
        /// What went wrong.
        cause: String,
    },
    /// The server speaks no TLS.
    #[error(
        "The server of {database} offers no encryption ({cause}). Set ssl = on and a certificate in its \
         postgresql.conf, or add sslmode=disable to database_url on a network where nobody listens."
    )]
    NoTls {
        /// Where it is.
        database: String,
        /// What it said.
        cause: String,
    },
    /// The file of certificates cannot be used.
    #[error("{} holds no certificate to trust ({cause}). Name a PEM file in postgres.tls_ca_file.", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        cause: String,
    },
    /// The machine trusts nobody.
    #[error(
        "This machine has no certificates of authorities ({cause}). Install ca-certificates, or name a PEM file in \
         postgres.tls_ca_file."
    )]
    NoAuthorities {
        /// What went wrong.
        cause: String,
    },
    /// The server takes no writes.
    #[error(
        "The database {database} is read-only. Name its primary in database_url, or end what made it read-only."
    )]
    ReadOnly {
        /// Where it is.
        database: String,
    },
    /// The user may not make or change tables.
    #[error(
        "The user in database_url may not make or use the tables in {database} ({cause}). Let the user own the \
         database, or grant USAGE on its schema, SELECT, INSERT, UPDATE and DELETE on its tables and, for migrations, \
         CREATE on the schema."
    )]
    NotAllowed {
        /// Where it is.
        database: String,
        /// What the server said.
        cause: String,
    },
    /// New tables have no schema to go to.
    #[error(
        "The database {database} has no schema that new tables could go to ({cause}). Make the one that search_path \
         names by CREATE SCHEMA, owned by the user in database_url, or correct search_path."
    )]
    NoSchema {
        /// Where it is.
        database: String,
        /// What the server said.
        cause: String,
    },
    /// The schema belongs to another program.
    #[error(
        "The database {database} belongs to another program; nothing was changed. Name an empty database in \
         database_url, or an empty schema by options=-csearch_path%3Dvestibule in it."
    )]
    Foreign {
        /// Where it is.
        database: String,
    },
    /// A newer binary has migrated the database.
    #[error(
        "The database {database} has schema version {found}, and this vestibule knows {known}. Run the newer version, \
         or restore a backup from before the upgrade."
    )]
    Newer {
        /// Where it is.
        database: String,
        /// The version it has.
        found: i64,
        /// The newest version this binary knows.
        known: i64,
    },
    /// A migration was applied from another text than this binary has under its name.
    #[error(
        "The database {database} was made by another build: its migration {name} is not the one this vestibule has. \
         Run the build that made it, or restore a backup."
    )]
    Altered {
        /// Where it is.
        database: String,
        /// The migration.
        name: String,
    },
    /// Somebody else has been migrating for too long.
    #[error("Another process is still migrating {database}. Wait for it to end and start again.")]
    StillMigrating {
        /// Where it is.
        database: String,
    },
    /// Somebody else has taken the lease while we were migrating.
    #[error(
        "Migrating {database} was given up: for too long it could not be told that this process is still at it. \
         Nothing of the step under way was kept; check the connection to it and start again."
    )]
    LeaseLost {
        /// Where it is.
        database: String,
    },
    /// A migration failed; it left nothing behind.
    #[error(
        "The database {database} could not be migrated ({source}). Nothing of the failed step was kept; report this."
    )]
    Migration {
        /// Where it is.
        database: String,
        /// What refinery said.
        source: refinery::Error,
    },
    /// A statement does not fit the schema.
    #[error(
        "The database {database} does not take the statement {statement} ({cause}). Its tables were changed by hand, or \
         it is no PostgreSQL of version 12 or later; restore a backup or report this."
    )]
    Statement {
        /// Where it is.
        database: String,
        /// The name of the statement.
        statement: &'static str,
        /// What the server said.
        cause: String,
    },
    /// The database could not be read.
    #[error("The database {database} could not be opened ({source}). Check the server's log.")]
    Unreadable {
        /// Where it is.
        database: String,
        /// What the store said.
        source: StoreError,
    },
    /// The database failed in another way.
    #[error("The database {database} could not be opened ({cause}). Check the server's log.")]
    Engine {
        /// Where it is.
        database: String,
        /// What went wrong.
        cause: String,
    },
}
