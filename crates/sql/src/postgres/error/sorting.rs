//! What happened while a database was opened, sorted: which sentence fits what the server, a pooler or nobody said.

use std::time::Duration;

use tokio_postgres::{Error, error::SqlState};

use super::OpenError;
use crate::postgres::{
    dial::{Miss, Unreached},
    failure::{is_full, is_of_pooler, is_passing, told},
    options::PostgresOptions,
};

impl OpenError {
    /// Sorts what happened while a connection was made: of several hosts, the one that says most.
    pub(in crate::postgres) fn from_connecting(options: &PostgresOptions, unreached: &Unreached) -> Self {
        let told = unreached.to_string();
        let misses = unreached.0.iter().map(|(_, miss)| Self::from_miss(options, miss, told.clone()));
        let most = misses.min_by_key(|error| match error {
            // Of a primary that is down and its standby, the primary is what matters.
            Self::ReadOnly { .. } => 2,
            Self::Unreachable { .. } => 1,
            _ => 0,
        });
        most.unwrap_or_else(|| Self::Unreachable { database: options.to_string(), cause: told })
    }

    fn from_miss(options: &PostgresOptions, miss: &Miss, cause: String) -> Self {
        let database = options.to_string();
        let error = match miss {
            Miss::Database(_) if miss.is_read_only() => return Self::ReadOnly { database },
            Miss::Database(error) => error,
            Miss::Silence(_) | Miss::NoAddress(_) => return Self::Unreachable { database, cause },
        };
        let said = told(error);
        let is_for_tls =
            ["no encryption", "SSL off", "SSL required"].iter().any(|words| said.contains(words));
        match error.code() {
            Some(_) if is_for_tls && !options.is_encrypted() => Self::Unencrypted { database, cause },
            Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
                Self::LoginRefused { database, cause }
            }
            Some(&SqlState::INVALID_CATALOG_NAME) => Self::Missing { database },
            Some(_) if is_full(error) => Self::Full { database, cause },
            Some(_) if is_of_pooler(error) => Self::from_pooler(database, cause),
            Some(_) => Self::from_engine(options, error),
            // The kinds of the library's errors are known by their words alone.
            None if said.contains("does not support TLS") => Self::NoTls { database, cause },
            None if said.contains("TLS") => Self::Tls { database, cause },
            None if said.contains("password") => Self::LoginRefused { database, cause },
            None => Self::Unreachable { database, cause },
        }
    }

    /// Sorts what a pooler said. Most of it has one code, whether it passes or not, so its words must do.
    fn from_pooler(database: String, cause: String) -> Self {
        let says = |words: &[&str]| words.iter().any(|words| cause.contains(words));
        if says(&["unsupported startup parameter"]) {
            return Self::Pooled { database, cause };
        }
        if says(&["authentication failed", "auth failed", "no such user", "no password", "role \""]) {
            return Self::LoginRefused { database, cause };
        }
        if says(&["no such database", "does not exist"]) {
            return Self::Missing { database };
        }
        Self::Away { database, cause }
    }

    /// Sorts what a statement met while the database was opened.
    pub(in crate::postgres) fn from_engine(options: &PostgresOptions, error: &Error) -> Self {
        let (database, cause) = (options.to_string(), told(error));
        match error.code() {
            Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => Self::ReadOnly { database },
            Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Self::NotAllowed { database, cause },
            Some(&SqlState::INVALID_SCHEMA_NAME) => Self::NoSchema { database, cause },
            Some(_) if is_of_pooler(error) => Self::from_pooler(database, cause),
            Some(code) if is_passing(code) => Self::Away { database, cause },
            Some(_) => Self::Engine { database, cause },
            None => Self::Unreachable { database, cause },
        }
    }

    /// Sorts what a migration met.
    pub(in crate::postgres) fn from_migrating(options: &PostgresOptions, source: refinery::Error) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&source);
        while let Some(error) = cause {
            match error.downcast_ref::<Error>() {
                Some(error) if error.code().is_none_or(is_passing) => {
                    return Self::from_engine(options, error);
                }
                _ => cause = error.source(),
            }
        }
        Self::Migration { database: options.to_string(), source }
    }

    /// Nothing was said in time.
    pub(in crate::postgres) fn silent(options: &PostgresOptions, limit: Duration) -> Self {
        Self::Silent { database: options.to_string(), limit }
    }

    /// Something that is neither of the connection nor of the database.
    pub(in crate::postgres) fn engine(options: &PostgresOptions, cause: impl std::fmt::Display) -> Self {
        Self::Engine { database: options.to_string(), cause: cause.to_string() }
    }
}
