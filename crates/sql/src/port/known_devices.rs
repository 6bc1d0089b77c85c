//! Known devices, once for every engine.

use async_trait::async_trait;
use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{KnownDevice, KnownDevices, StoreError},
    },
    values::account::AccountId,
};

use super::SqlStore;
use crate::{engine::Engine, known_devices};

#[async_trait]
impl<E: Engine> KnownDevices for SqlStore<E> {
    async fn list_known_devices(
        &self,
        account_id: AccountId,
        now: Timestamp,
    ) -> Result<Vec<KnownDevice>, StoreError> {
        self.list("list_known_devices", (account_id, now), |tx, &(account_id, now)| {
            Box::pin(known_devices::list_known_devices(tx, account_id, now))
        })
        .await
    }
}
