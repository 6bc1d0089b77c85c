//! The store of Vestibule: every operation written once, over the engine it runs on.
//!
//! The bodies (`accounts`, `sessions`, `rotation`, …) speak to a `Tx` in the SQL that SQLite and PostgreSQL share; an
//! engine, [`sqlite`] or [`postgres`], gives them one and makes what they did durable before anybody hears of it.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(any(feature = "sqlite", feature = "postgres")),
    expect(dead_code, reason = "without an engine the bodies run on nothing")
)]

mod accounts;
mod administration;
mod audit;
mod avatars;
#[cfg(all(test, feature = "sqlite"))]
mod budgets;
mod changes;
mod deletion;
mod engine;
mod errands;
mod failure;
mod keys;
mod known_devices;
mod links;
mod migration;
mod port;
#[cfg(feature = "postgres")]
pub mod postgres;
mod revocation;
mod rotation;
mod search;
mod sessions;
mod setup;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod statement;
mod tx;
mod upkeep;

pub use migration::MigrationStatus;
pub use port::SqlStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresOptions, PostgresStore};
#[cfg(feature = "sqlite")]
pub use sqlite::{OpenError, Role, SqliteOptions, SqliteStore};

/// The name and the text of every statement, for those who measure or explain them.
#[doc(hidden)]
#[must_use]
pub fn statement_texts() -> Vec<(&'static str, &'static str)> {
    statement::registry().iter().map(|known| (known.name, known.sql)).collect()
}
