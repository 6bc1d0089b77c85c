//! Administration, failing where a test wants it to.

use async_trait::async_trait;
use vestibule_core::{
    ports::store::{
        AccountChange, AccountChanged, AccountDeleted, AccountDeletion, AccountPage, AccountSearch,
        Administration, DisabledAccount, StoreError,
    },
    values::account::{Account, AccountId},
};

use super::FaultyStore;

#[async_trait]
impl Administration for FaultyStore {
    async fn change_account(&self, change: AccountChange) -> Result<AccountChanged, StoreError> {
        self.call("change_account", self.inner.change_account(change)).await
    }

    async fn delete_account(&self, deletion: AccountDeletion) -> Result<AccountDeleted, StoreError> {
        self.call("delete_account", self.inner.delete_account(deletion)).await
    }

    async fn unlock_account(&self, id: AccountId) -> Result<bool, StoreError> {
        self.call("unlock_account", self.inner.unlock_account(id)).await
    }

    async fn list_accounts(&self, skip: u32, limit: u32) -> Result<Vec<Account>, StoreError> {
        self.call("list_accounts", self.inner.list_accounts(skip, limit)).await
    }

    async fn search_accounts(&self, search: AccountSearch) -> Result<AccountPage, StoreError> {
        self.call("search_accounts", self.inner.search_accounts(search)).await
    }

    async fn list_disabled_accounts(&self, limit: u32) -> Result<Vec<DisabledAccount>, StoreError> {
        self.call("list_disabled_accounts", self.inner.list_disabled_accounts(limit)).await
    }
}
