//! Known devices that fail where a test wants them to.

use async_trait::async_trait;
use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{KnownDevice, KnownDevices, StoreError},
    },
    values::account::AccountId,
};

use super::FaultyStore;

#[async_trait]
impl KnownDevices for FaultyStore {
    async fn list_known_devices(
        &self,
        account_id: AccountId,
        now: Timestamp,
    ) -> Result<Vec<KnownDevice>, StoreError> {
        self.call("list_known_devices", self.inner.list_known_devices(account_id, now)).await
    }
}
