//! The store contract under SERIALIZABLE, with serialization failures beyond those that the races bring.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::spawn_blocking;
use vestibule_core::ports::store::Store;
use vestibule_testkit::{
    contract::StoreFixture,
    servers::{Database, PostgresServer},
    store_contract,
};

/// Fails one statement in forty, as a database does that could not put two transactions in an order.
const INJECT: &str = "CREATE OR REPLACE FUNCTION injected() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
    IF random() < 0.025 THEN RAISE EXCEPTION 'injected' USING ERRCODE = '40001'; END IF; RETURN NULL; END $$; ";

/// The tables that fail.
const TABLES: [&str; 5] = ["account", "session", "signing_key", "audit_event", "change_stamp"];

/// A database of its own that serializes.
struct SerializableFixture {
    database: Arc<Database<'static>>,
}

#[async_trait]
impl StoreFixture for SerializableFixture {
    async fn fresh() -> Self {
        let database = spawn_blocking(|| PostgresServer::shared().fresh_database()).await.unwrap();
        Self { database: Arc::new(database) }
    }

    async fn open(&self) -> Arc<dyn Store> {
        let url =
            format!("{}?options=-c%20default_transaction_isolation%3Dserializable", self.database.url());
        let store = crate::open(&url).await;
        let triggers = TABLES.map(|table| {
            format!(
                "CREATE OR REPLACE TRIGGER injected AFTER INSERT OR UPDATE OR DELETE ON {table} \
                 FOR EACH STATEMENT EXECUTE FUNCTION injected();"
            )
        });
        // One after the other: of several handles that open at once, only one may make them.
        let sql = format!("SELECT pg_advisory_lock(1); {INJECT} {}", triggers.concat());
        let database = Arc::clone(&self.database);
        spawn_blocking(move || drop(database.psql(&sql))).await.unwrap();
        store
    }
}

store_contract!(SerializableFixture);
