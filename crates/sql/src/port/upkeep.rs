//! Upkeep, once for every engine.

use async_trait::async_trait;
use vestibule_core::ports::{
    clock::{Stopwatch, Timestamp},
    store::{StoreError, Upkeep},
};

use super::SqlStore;
use crate::{
    engine::{Engine, measured},
    upkeep,
};

#[async_trait]
impl<E: Engine> Upkeep for SqlStore<E> {
    async fn delete_expired(
        &self,
        now: Timestamp,
        audit_before: Timestamp,
        batch: u32,
    ) -> Result<u64, StoreError> {
        self.write("delete_expired", (now, audit_before, batch), |tx, &(now, audit_before, batch)| {
            Box::pin(upkeep::delete_expired(tx, now, audit_before, batch))
        })
        .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let stopwatch = Stopwatch::start();
        measured("ping", stopwatch, self.engine.ping().await)
    }

    async fn close(&self) {
        self.engine.close().await;
    }
}
