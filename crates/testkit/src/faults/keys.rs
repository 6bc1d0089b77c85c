//! Signing keys, failing where a test wants it to.

use async_trait::async_trait;
use vestibule_core::ports::{
    clock::Timestamp,
    store::{SigningKeys, StoreError, StoredSigningKey},
};

use super::FaultyStore;

#[async_trait]
impl SigningKeys for FaultyStore {
    async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        self.call("list_signing_keys", self.inner.list_signing_keys()).await
    }

    async fn insert_first_signing_key(&self, key: StoredSigningKey) -> Result<bool, StoreError> {
        self.call("insert_first_signing_key", self.inner.insert_first_signing_key(key)).await
    }

    async fn rotate_signing_key(
        &self,
        key: StoredSigningKey,
        others_until: Timestamp,
    ) -> Result<(), StoreError> {
        self.call("rotate_signing_key", self.inner.rotate_signing_key(key, others_until)).await
    }

    async fn update_wrapped_key(&self, kid: &str, from: Vec<u8>, to: Vec<u8>) -> Result<(), StoreError> {
        self.call("update_wrapped_key", self.inner.update_wrapped_key(kid, from, to)).await
    }
}
