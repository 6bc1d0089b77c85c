//! Deletions that fail where a test wants them to.

use async_trait::async_trait;
use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{Announcer, DeletedAccount, DeletionRequest, DeletionRequested, Deletions, StoreError},
    },
    values::account::{Account, AccountId},
};

use super::FaultyStore;

#[async_trait]
impl Deletions for FaultyStore {
    async fn request_deletion(&self, request: DeletionRequest) -> Result<DeletionRequested, StoreError> {
        self.call("request_deletion", self.inner.request_deletion(request)).await
    }

    async fn restore_account(
        &self,
        id: AccountId,
        now: Timestamp,
        announcer: Announcer,
    ) -> Result<Option<Account>, StoreError> {
        self.call("restore_account", self.inner.restore_account(id, now, announcer)).await
    }

    async fn delete_due_accounts(
        &self,
        now: Timestamp,
        batch: u32,
        announcer: Announcer,
    ) -> Result<Vec<DeletedAccount>, StoreError> {
        self.call("delete_due_accounts", self.inner.delete_due_accounts(now, batch, announcer)).await
    }
}
