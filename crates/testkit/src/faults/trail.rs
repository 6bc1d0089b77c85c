//! The audit trail, failing where a test wants it to.

use async_trait::async_trait;
use vestibule_core::{
    ports::{
        audit::{AuditBatch, AuditRecord},
        store::{AuditPage, AuditSearch, AuditTrail, StoreError},
    },
    values::account::AccountId,
};

use super::FaultyStore;

#[async_trait]
impl AuditTrail for FaultyStore {
    async fn record_audit(&self, batch: AuditBatch) -> Result<(), StoreError> {
        self.call("record_audit", self.inner.record_audit(batch)).await
    }

    async fn list_audit(
        &self,
        account_id: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        self.call("list_audit", self.inner.list_audit(account_id, limit)).await
    }

    async fn page_audit(&self, page: AuditPage) -> Result<Vec<AuditRecord>, StoreError> {
        self.call("page_audit", self.inner.page_audit(page)).await
    }

    async fn search_audit(&self, search: AuditSearch) -> Result<Vec<AuditRecord>, StoreError> {
        self.call("search_audit", self.inner.search_audit(search)).await
    }
}
