//! Errands, failing where a test wants it to.

use async_trait::async_trait;
use uuid::Uuid;
use vestibule_core::ports::{
    clock::Timestamp,
    store::{ClaimedErrand, ErrandCount, Errands, NewErrand, StoreError},
};

use super::FaultyStore;

#[async_trait]
impl Errands for FaultyStore {
    async fn queue_errand(&self, errand: NewErrand) -> Result<(), StoreError> {
        self.call("queue_errand", self.inner.queue_errand(errand)).await
    }

    async fn claim_errand(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        latest: Timestamp,
    ) -> Result<Option<ClaimedErrand>, StoreError> {
        self.call("claim_errand", self.inner.claim_errand(now, lease_until, latest)).await
    }

    async fn finish_errand(&self, id: Uuid, attempts: u32) -> Result<bool, StoreError> {
        self.call("finish_errand", self.inner.finish_errand(id, attempts)).await
    }

    async fn postpone_errand(&self, id: Uuid, attempts: u32, due_at: Timestamp) -> Result<bool, StoreError> {
        self.call("postpone_errand", self.inner.postpone_errand(id, attempts, due_at)).await
    }

    async fn count_errands(&self) -> Result<ErrandCount, StoreError> {
        self.call("count_errands", self.inner.count_errands()).await
    }
}
