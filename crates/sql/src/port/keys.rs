//! Signing keys, once for every engine.

use async_trait::async_trait;
use vestibule_core::ports::{
    clock::Timestamp,
    store::{SigningKeys, StoreError, StoredSigningKey},
};

use super::SqlStore;
use crate::{engine::Engine, keys};

#[async_trait]
impl<E: Engine> SigningKeys for SqlStore<E> {
    async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        self.list_at_once("list_signing_keys", (), |tx, ()| Box::pin(keys::list_signing_keys(tx))).await
    }

    async fn insert_first_signing_key(&self, key: StoredSigningKey) -> Result<bool, StoreError> {
        self.write("insert_first_signing_key", key, |tx, key| {
            Box::pin(keys::insert_first_signing_key(tx, key))
        })
        .await
    }

    async fn rotate_signing_key(
        &self,
        key: StoredSigningKey,
        others_until: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("rotate_signing_key", (key, others_until), |tx, (key, others_until)| {
            Box::pin(keys::rotate_signing_key(tx, key, *others_until))
        })
        .await
    }

    async fn update_wrapped_key(&self, kid: &str, from: Vec<u8>, to: Vec<u8>) -> Result<(), StoreError> {
        self.step("update_wrapped_key", (kid.to_owned(), from, to), |tx, (kid, from, to)| {
            Box::pin(keys::update_wrapped_key(tx, kid, from, to))
        })
        .await
    }
}
