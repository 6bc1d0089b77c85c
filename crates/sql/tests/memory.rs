//! The store contract on databases in memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod past;

use std::sync::Arc;

use async_trait::async_trait;
use past::{Reachable, past_the_store};
use rusqlite::Connection;
use vestibule_core::ports::store::Store;
use vestibule_sql::sqlite::MemoryDatabase;
use vestibule_testkit::{contract::StoreFixture, store_contract};

struct MemoryFixture(MemoryDatabase);

#[async_trait]
impl StoreFixture for MemoryFixture {
    async fn fresh() -> Self {
        Self(MemoryDatabase::new().unwrap())
    }

    async fn open(&self) -> Arc<dyn Store> {
        let database = self.0.clone();
        // As a process of its own would: at the same time as others.
        tokio::task::spawn_blocking(move || database.open()).await.unwrap().unwrap()
    }
}

#[async_trait]
impl Reachable for MemoryFixture {
    async fn execute(&self, sql: &str) {
        let name = self.0.open().unwrap().path().to_owned();
        Connection::open(name).unwrap().execute_batch(sql).unwrap();
    }
}

store_contract!(MemoryFixture);
past_the_store!(MemoryFixture);
