//! Pictures that fail where a test wants them to.

use async_trait::async_trait;
use vestibule_core::{
    ports::store::{Avatar, Avatars, StoreError},
    values::account::AccountId,
};

use super::FaultyStore;

#[async_trait]
impl Avatars for FaultyStore {
    async fn put_avatar(&self, id: AccountId, avatar: Avatar) -> Result<bool, StoreError> {
        self.call("put_avatar", self.inner.put_avatar(id, avatar)).await
    }

    async fn find_avatar(&self, id: AccountId) -> Result<Option<Avatar>, StoreError> {
        self.call("find_avatar", self.inner.find_avatar(id)).await
    }

    async fn delete_avatar(&self, id: AccountId) -> Result<bool, StoreError> {
        self.call("delete_avatar", self.inner.delete_avatar(id)).await
    }
}
