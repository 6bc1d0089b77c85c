//! Upkeep, failing where a test wants it to.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use vestibule_core::ports::{
    clock::Timestamp,
    store::{StoreError, Upkeep},
};

use super::FaultyStore;

#[async_trait]
impl Upkeep for FaultyStore {
    async fn delete_expired(
        &self,
        now: Timestamp,
        audit_before: Timestamp,
        batch: u32,
    ) -> Result<u64, StoreError> {
        let batch = batch.min(self.most_removed.load(Ordering::Relaxed));
        self.call("delete_expired", self.inner.delete_expired(now, audit_before, batch)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.call("ping", self.inner.ping()).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
