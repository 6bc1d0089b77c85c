//! The store on PostgreSQL: the contract, twice, and what only a database elsewhere can do to it.
#![cfg(all(unix, feature = "postgres"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "postgres/contract.rs"]
mod contract;
#[path = "postgres/full.rs"]
mod full;
#[path = "postgres/hints.rs"]
mod hints;
#[path = "postgres/hosts.rs"]
mod hosts;
#[path = "postgres/late.rs"]
mod late;
#[path = "past/mod.rs"]
mod past;
#[path = "postgres/plans.rs"]
mod plans;
#[path = "postgres/pooler.rs"]
mod pooler;
#[path = "postgres/refusals.rs"]
mod refusals;
#[path = "postgres/restarts.rs"]
mod restarts;
#[path = "postgres/serializable.rs"]
mod serializable;

use std::sync::Arc;

use vestibule_core::ports::store::Store;
use vestibule_sql::{PostgresOptions, PostgresStore};

/// Opens a database as a process of its own would.
async fn open(url: &str) -> Arc<dyn Store> {
    PostgresStore::open(PostgresOptions::parse(url).unwrap()).await.unwrap()
}
