//! Accounts deleted by their owners, once for every engine.

use async_trait::async_trait;
use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{DeletedAccount, DeletionRequest, DeletionRequested, Deletions, StoreError},
    },
    values::account::{Account, AccountId},
};

use super::SqlStore;
use crate::{deletion, engine::Engine};

#[async_trait]
impl<E: Engine> Deletions for SqlStore<E> {
    async fn request_deletion(&self, request: DeletionRequest) -> Result<DeletionRequested, StoreError> {
        self.write("request_deletion", request, |tx, request| {
            Box::pin(deletion::request_deletion(tx, request))
        })
        .await
    }

    async fn restore_account(&self, id: AccountId, now: Timestamp) -> Result<Option<Account>, StoreError> {
        self.step("restore_account", (id, now), |tx, &(id, now)| {
            Box::pin(deletion::restore_account(tx, id, now))
        })
        .await
    }

    async fn delete_due_accounts(
        &self,
        now: Timestamp,
        batch: u32,
    ) -> Result<Vec<DeletedAccount>, StoreError> {
        self.write("delete_due_accounts", (now, batch), |tx, &(now, batch)| {
            Box::pin(deletion::delete_due_accounts(tx, now, batch))
        })
        .await
    }
}
