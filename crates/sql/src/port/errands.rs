//! Errands, once for every engine.

use async_trait::async_trait;
use uuid::Uuid;
use vestibule_core::ports::{
    clock::Timestamp,
    store::{ClaimedErrand, ErrandCount, Errands, NewErrand, StoreError},
};

use super::SqlStore;
use crate::{engine::Engine, errands};

#[async_trait]
impl<E: Engine> Errands for SqlStore<E> {
    async fn queue_errand(&self, errand: NewErrand) -> Result<(), StoreError> {
        self.step("queue_errand", errand, |tx, errand| Box::pin(errands::queue_errand(tx, errand))).await
    }

    async fn claim_errand(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        latest: Timestamp,
    ) -> Result<Option<ClaimedErrand>, StoreError> {
        self.step("claim_errand", (now, lease_until, latest), |tx, &(now, lease_until, latest)| {
            Box::pin(errands::claim_errand(tx, now, lease_until, latest))
        })
        .await
    }

    async fn finish_errand(&self, id: Uuid, attempts: u32) -> Result<bool, StoreError> {
        self.step("finish_errand", (id, attempts), |tx, &(id, attempts)| {
            Box::pin(errands::finish_errand(tx, id, attempts))
        })
        .await
    }

    async fn postpone_errand(&self, id: Uuid, attempts: u32, due_at: Timestamp) -> Result<bool, StoreError> {
        self.step("postpone_errand", (id, attempts, due_at), |tx, &(id, attempts, due_at)| {
            Box::pin(errands::postpone_errand(tx, id, attempts, due_at))
        })
        .await
    }

    async fn count_errands(&self) -> Result<ErrandCount, StoreError> {
        self.list("count_errands", (), |tx, ()| Box::pin(errands::count_errands(tx))).await
    }
}
