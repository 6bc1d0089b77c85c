//! The store contract on PostgreSQL, as a database is configured by itself.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::spawn_blocking;
use vestibule_core::ports::store::Store;
use vestibule_testkit::{
    contract::StoreFixture,
    servers::{Database, PostgresServer},
    store_contract,
};

use crate::past::{Reachable, past_the_store};

/// A database of its own on the server that the tests of this binary share.
struct PostgresFixture {
    database: Arc<Database<'static>>,
}

#[async_trait]
impl StoreFixture for PostgresFixture {
    async fn fresh() -> Self {
        let database = spawn_blocking(|| PostgresServer::shared().fresh_database()).await.unwrap();
        Self { database: Arc::new(database) }
    }

    async fn open(&self) -> Arc<dyn Store> {
        crate::open(&self.database.url()).await
    }
}

#[async_trait]
impl Reachable for PostgresFixture {
    async fn execute(&self, sql: &str) {
        let (database, sql) = (Arc::clone(&self.database), sql.to_owned());
        spawn_blocking(move || drop(database.psql(&sql))).await.unwrap();
    }
}

store_contract!(PostgresFixture);
past_the_store!(PostgresFixture);
