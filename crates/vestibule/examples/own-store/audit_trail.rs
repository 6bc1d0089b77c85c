//! The audit trail: events by moment and id, read from the newest on.

use uuid::Uuid;
use vestibule::{
    async_trait,
    core::{
        ports::{
            audit::{AuditBatch, AuditEvent, AuditRecord},
            store::{AuditPage, AuditSearch, AuditTrail, StoreError},
        },
        values::account::AccountId,
    },
};

use super::{MemoryStore, State};

#[async_trait]
impl AuditTrail for MemoryStore {
    async fn record_audit(&self, batch: AuditBatch) -> Result<(), StoreError> {
        let mut state = self.lock()?;
        for (id, event) in batch.entries() {
            // Offered once more where the answer to the first time was lost.
            state.audit.entry((event.at, *id)).or_insert_with(|| record(*id, event));
        }
        Ok(())
    }

    async fn list_audit(
        &self,
        account_id: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let is_meant = |record: &AuditRecord| account_id.is_none() || record.account_id == account_id;
        Ok(self.lock()?.newest(is_meant, limit))
    }

    async fn page_audit(&self, page: AuditPage) -> Result<Vec<AuditRecord>, StoreError> {
        let is_meant = |record: &AuditRecord| {
            record.account_id == Some(page.account_id)
                && page.before.is_none_or(|before| (record.at, record.id) < before)
        };
        Ok(self.lock()?.newest(is_meant, page.limit))
    }

    async fn search_audit(&self, search: AuditSearch) -> Result<Vec<AuditRecord>, StoreError> {
        let is_meant = |record: &AuditRecord| {
            (search.account_id.is_none() || record.account_id == search.account_id)
                && search.kind.as_ref().is_none_or(|kind| record.kind == *kind)
                && search.since.is_none_or(|since| record.at >= since)
                && search.until.is_none_or(|until| record.at < until)
        };
        Ok(self.lock()?.newest(is_meant, search.limit))
    }
}

impl State {
    fn newest(&self, is_meant: impl Fn(&AuditRecord) -> bool, limit: u32) -> Vec<AuditRecord> {
        let newest = self.audit.values().rev().filter(|record| is_meant(record));
        newest.take(limit as usize).cloned().collect()
    }
}

fn record(id: Uuid, event: &AuditEvent) -> AuditRecord {
    AuditRecord {
        id,
        at: event.at,
        kind: event.kind.as_str().to_owned(),
        outcome: event.outcome.as_str().to_owned(),
        account_id: event.account_id,
        actor_id: event.actor_id,
        session_id: event.session_id,
        address: event.address.clone(),
        detail: event.detail.to_owned(),
    }
}
