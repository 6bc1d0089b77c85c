//! The store contract on databases in memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use async_trait::async_trait;
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

store_contract!(MemoryFixture);
