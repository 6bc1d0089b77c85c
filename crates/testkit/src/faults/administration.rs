//! Administration that fails where a test wants it to.

use async_trait::async_trait;
use vestibule_core::{
    ports::{
        audit::AuditRecord,
        clock::Timestamp,
        store::{
            AccountChange, AccountChanged, AccountDeleted, AccountDeletion, AccountPage, AccountSearch,
            Administration, AuditSearch, DisabledAccount, StoreError,
        },
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

    async fn black_out(&self, at: Timestamp) -> Result<Timestamp, StoreError> {
        self.call("black_out", self.inner.black_out(at)).await
    }

    async fn find_blackout_notice(&self) -> Result<Option<Timestamp>, StoreError> {
        self.call("find_blackout_notice", self.inner.find_blackout_notice()).await
    }

    async fn delete_blackout_notice(&self) -> Result<bool, StoreError> {
        self.call("delete_blackout_notice", self.inner.delete_blackout_notice()).await
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

    async fn search_audit(&self, search: AuditSearch) -> Result<Vec<AuditRecord>, StoreError> {
        self.call("search_audit", self.inner.search_audit(search)).await
    }
}
