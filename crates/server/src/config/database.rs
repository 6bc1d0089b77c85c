//! `database_url` and `[postgres]`: where the data is.

use std::{num::NonZeroUsize, path::Path};

use vestibule::sql::{PostgresOptions, sqlite::DATABASE_FILE};

use super::settings::Settings;
use crate::{database::Database, failure::Problem};

/// Reads where the data is; a SQLite file in `data_dir` where nothing is said.
pub(super) fn read(settings: &Settings, data_dir: &Path, problems: &mut Vec<Problem>) -> Database {
    let file = data_dir.join(DATABASE_FILE);
    let Some(url) = settings.secret_url("database_url") else { return Database::Sqlite(file) };
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        match PostgresOptions::parse(url) {
            Ok(options) => return Database::Postgres(Box::new(tuned(options, settings))),
            Err(error) => {
                let sentence =
                    format!("database_url ({}) is refused: {error}", settings.origin("database_url"));
                problems.push(Problem::new(sentence));
            }
        }
        return Database::Sqlite(file);
    }
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        if !path.is_empty() && !path.contains(['?', '#']) && path != ":memory:" {
            return Database::Sqlite(path.into());
        }
    }
    // The URL may hold a password: it is not repeated.
    problems.push(Problem::new(
        "database_url must be sqlite: and the path of a file, for example sqlite:/var/lib/vestibule/vestibule.db, or \
         postgres://user:password@host/database",
    ));
    Database::Sqlite(file)
}

/// Takes what `[postgres]` says.
fn tuned(mut options: PostgresOptions, settings: &Settings) -> PostgresOptions {
    let connections = settings.count("postgres.connections").and_then(|count| usize::try_from(count).ok());
    options.connections = connections.and_then(NonZeroUsize::new).unwrap_or(options.connections);
    options.acquire_timeout = settings.span("postgres.acquire_timeout");
    options.connect_timeout = settings.span("postgres.connect_timeout");
    options.statement_timeout = settings.span("postgres.statement_timeout");
    options.prepared = settings.switch("postgres.prepared");
    options.tls_ca_file = settings.path("postgres.tls_ca_file").or(options.tls_ca_file);
    options
}
