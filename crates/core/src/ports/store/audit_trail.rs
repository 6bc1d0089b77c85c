//! What happened, as it was written down.

use std::fmt;

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreError;
use crate::{
    ports::{
        audit::{AuditBatch, AuditRecord},
        clock::Timestamp,
    },
    values::account::AccountId,
};

/// Keeps audit events. "The newest first" is by moment and, where that is the same, by id.
///
/// # Atomic
/// A batch is written whole. It may be offered again, since the answer to the first time may have been lost: what is there
/// already is left as it is.
///
/// # Races
/// None; a page begins after an event that was read, so that what is written meanwhile moves nothing.
///
/// In memory: `crates/vestibule/examples/own-store/audit_trail.rs`.
#[async_trait]
pub trait AuditTrail: Send + Sync + fmt::Debug {
    /// Appends audit events; those whose id is there already are left as they are.
    async fn record_audit(&self, batch: AuditBatch) -> Result<(), StoreError>;

    /// The newest audit events, of one account where one is given, at most `limit`.
    async fn list_audit(
        &self,
        account_id: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError>;

    /// A page of the audit events of one account, the newest first.
    async fn page_audit(&self, page: AuditPage) -> Result<Vec<AuditRecord>, StoreError>;

    /// Audit events that are looked for, the newest first.
    async fn search_audit(&self, search: AuditSearch) -> Result<Vec<AuditRecord>, StoreError>;
}

/// A part of one account's audit events.
#[derive(Clone, Copy, Debug)]
pub struct AuditPage {
    /// The account they concern.
    pub account_id: AccountId,
    /// The moment and the id of the event that they come after, each older than the one before; `None` for the first page.
    pub before: Option<(Timestamp, Uuid)>,
    /// The greatest number of events.
    pub limit: u32,
}

/// Which audit events are looked for; `None` means all.
#[derive(Clone, Debug, Default)]
pub struct AuditSearch {
    /// The account they concern.
    pub account_id: Option<AccountId>,
    /// [`AuditKind::as_str`](crate::ports::audit::AuditKind::as_str) of what happened.
    pub kind: Option<String>,
    /// The earliest moment.
    pub since: Option<Timestamp>,
    /// The moment before which they happened.
    pub until: Option<Timestamp>,
    /// The greatest number of events.
    pub limit: u32,
}
