//! The store contract on SQLite.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod past;

use std::sync::Arc;

use async_trait::async_trait;
use past::{Reachable, past_the_store};
use rusqlite::Connection;
use tempfile::TempDir;
use vestibule_core::ports::store::Store;
use vestibule_sql::{SqliteOptions, SqliteStore};
use vestibule_testkit::{contract::StoreFixture, store_contract};

/// A folder of its own.
struct SqliteFixture {
    folder: TempDir,
}

impl SqliteFixture {
    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("data/vestibule.db")
    }
}

#[async_trait]
impl StoreFixture for SqliteFixture {
    async fn fresh() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    async fn open(&self) -> Arc<dyn Store> {
        let options = SqliteOptions::beside(self.path());
        // As a process of its own would: at the same time as others.
        tokio::task::spawn_blocking(|| SqliteStore::open(options)).await.unwrap().unwrap()
    }
}

#[async_trait]
impl Reachable for SqliteFixture {
    async fn execute(&self, sql: &str) {
        Connection::open(self.path()).unwrap().execute_batch(sql).unwrap();
    }
}

store_contract!(SqliteFixture);
past_the_store!(SqliteFixture);
