//! Accounts deleted by their owners, once for every engine.

use async_trait::async_trait;
use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{Announcer, DeletedAccount, DeletionRequest, DeletionRequested, Deletions, StoreError},
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

    async fn restore_account(
        &self,
        id: AccountId,
        now: Timestamp,
        announcer: Announcer,
    ) -> Result<Option<Account>, StoreError> {
        self.write("restore_account", (id, now, announcer), |tx, (id, now, announcer)| {
            Box::pin(deletion::restore_account(tx, *id, *now, announcer))
        })
        .await
    }

    async fn delete_due_accounts(
        &self,
        now: Timestamp,
        batch: u32,
        announcer: Announcer,
    ) -> Result<Vec<DeletedAccount>, StoreError> {
        self.write("delete_due_accounts", (now, batch, announcer), |tx, (now, batch, announcer)| {
            Box::pin(deletion::delete_due_accounts(tx, *now, *batch, announcer))
        })
        .await
    }
}
