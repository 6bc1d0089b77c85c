//! The audit trail, once for every engine.

use async_trait::async_trait;
use vestibule_core::{
    ports::{
        audit::{AuditBatch, AuditRecord},
        store::{AuditPage, AuditSearch, AuditTrail, StoreError},
    },
    values::account::AccountId,
};

use super::SqlStore;
use crate::{audit, engine::Engine};

#[async_trait]
impl<E: Engine> AuditTrail for SqlStore<E> {
    async fn record_audit(&self, batch: AuditBatch) -> Result<(), StoreError> {
        self.write("record_audit", batch, |tx, batch| Box::pin(audit::record_audit(tx, batch))).await
    }

    async fn list_audit(
        &self,
        account_id: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        self.list("list_audit", (account_id, limit), |tx, &(account_id, limit)| {
            Box::pin(audit::list_audit(tx, account_id, limit))
        })
        .await
    }

    async fn page_audit(&self, page: AuditPage) -> Result<Vec<AuditRecord>, StoreError> {
        self.list("page_audit", page, |tx, page| Box::pin(audit::page_audit(tx, page))).await
    }

    async fn search_audit(&self, search: AuditSearch) -> Result<Vec<AuditRecord>, StoreError> {
        self.list("search_audit", search, |tx, search| Box::pin(audit::search_audit(tx, search))).await
    }
}
