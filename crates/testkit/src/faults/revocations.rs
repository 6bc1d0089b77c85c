//! Cut-offs and what is told of them, failing where a test wants it to.

use async_trait::async_trait;
use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{AccountCutoff, Progress, Revocations, Revoked, StoreError},
    },
    values::account::AccountId,
};

use super::FaultyStore;

#[async_trait]
impl Revocations for FaultyStore {
    async fn cut_off_account(
        &self,
        account_id: AccountId,
        at: Timestamp,
    ) -> Result<Option<AccountCutoff>, StoreError> {
        self.call("cut_off_account", self.inner.cut_off_account(account_id, at)).await
    }

    async fn cut_off_everyone(&self, at: Timestamp) -> Result<Timestamp, StoreError> {
        self.call("cut_off_everyone", self.inner.cut_off_everyone(at)).await
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

    async fn list_revocations(&self, after: &Progress, now: Timestamp) -> Result<Revoked, StoreError> {
        self.call("list_revocations", self.inner.list_revocations(after, now)).await
    }

    async fn is_changed_elsewhere(&self) -> Result<bool, StoreError> {
        self.call("is_changed_elsewhere", self.inner.is_changed_elsewhere()).await
    }

    async fn hear_of_changes(&self) {
        self.inner.hear_of_changes().await;
    }
}
