//! Pictures, once for every engine.

use async_trait::async_trait;
use vestibule_core::{
    ports::store::{Avatar, Avatars, StoreError},
    values::account::AccountId,
};

use super::SqlStore;
use crate::{avatars, engine::Engine};

#[async_trait]
impl<E: Engine> Avatars for SqlStore<E> {
    async fn put_avatar(&self, id: AccountId, avatar: Avatar) -> Result<bool, StoreError> {
        self.write("put_avatar", (id, avatar), |tx, (id, avatar)| {
            Box::pin(avatars::put_avatar(tx, *id, avatar))
        })
        .await
    }

    async fn find_avatar(&self, id: AccountId) -> Result<Option<Avatar>, StoreError> {
        // No look-up that takes microseconds: a picture has many pages.
        self.list("find_avatar", id, |tx, &id| Box::pin(avatars::find_avatar(tx, id))).await
    }

    async fn delete_avatar(&self, id: AccountId) -> Result<bool, StoreError> {
        self.step("delete_avatar", id, |tx, &id| Box::pin(avatars::delete_avatar(tx, id))).await
    }
}
