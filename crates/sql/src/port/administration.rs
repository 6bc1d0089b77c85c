//! Administration, once for every engine.

use async_trait::async_trait;
use vestibule_core::{
    ports::store::{
        AccountChange, AccountChanged, AccountDeleted, AccountDeletion, AccountPage, AccountSearch,
        Administration, DisabledAccount, StoreError,
    },
    values::account::{Account, AccountId},
};

use super::SqlStore;
use crate::{administration, engine::Engine, search};

#[async_trait]
impl<E: Engine> Administration for SqlStore<E> {
    async fn change_account(&self, change: AccountChange) -> Result<AccountChanged, StoreError> {
        self.write("change_account", change, |tx, change| {
            Box::pin(administration::change_account(tx, change))
        })
        .await
    }

    async fn delete_account(&self, deletion: AccountDeletion) -> Result<AccountDeleted, StoreError> {
        self.write("delete_account", deletion, |tx, deletion| {
            Box::pin(administration::delete_account(tx, deletion))
        })
        .await
    }

    async fn unlock_account(&self, id: AccountId) -> Result<bool, StoreError> {
        self.step("unlock_account", id, |tx, &id| Box::pin(administration::unlock_account(tx, id))).await
    }

    async fn list_accounts(&self, skip: u32, limit: u32) -> Result<Vec<Account>, StoreError> {
        self.list("list_accounts", (skip, limit), |tx, &(skip, limit)| {
            Box::pin(search::list_accounts(tx, skip, limit))
        })
        .await
    }

    async fn search_accounts(&self, search: AccountSearch) -> Result<AccountPage, StoreError> {
        self.list("search_accounts", search, |tx, search| Box::pin(search::search_accounts(tx, search))).await
    }

    async fn list_disabled_accounts(&self, limit: u32) -> Result<Vec<DisabledAccount>, StoreError> {
        self.list("list_disabled_accounts", limit, |tx, &limit| {
            Box::pin(administration::list_disabled_accounts(tx, limit))
        })
        .await
    }
}
