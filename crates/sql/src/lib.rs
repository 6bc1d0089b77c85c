//! The store of Vestibule: every operation written once, over the engine it runs on.
//!
//! The bodies (`accounts`, `sessions`, `rotation`, …) speak to a `Tx` in the SQL that SQLite and PostgreSQL share; an
//! engine, here [`sqlite`], gives them one and makes what they did durable before anybody hears of it.
#![forbid(unsafe_code)]

mod accounts;
mod audit;
#[cfg(test)]
mod budgets;
mod failure;
mod keys;
mod migration;
mod revocation;
mod rotation;
mod sessions;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod statement;
mod tx;
mod upkeep;

#[cfg(feature = "sqlite")]
pub use sqlite::{MigrationStatus, OpenError, Role, SqliteOptions, SqliteStore};
