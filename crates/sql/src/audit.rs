//! The audit log.

use uuid::Uuid;
use vestibule_core::{
    ports::{
        audit::{AuditBatch, AuditEvent, AuditRecord},
        clock::Timestamp,
        store::{AuditPage, AuditSearch, StoreError},
    },
    values::{account::AccountId, session::SessionId},
};

use crate::{
    statement::statements,
    tx::{Tx, Value, row},
};

row! {
    AuditRow {
        id: Uuid,
        at: Timestamp,
        kind: String,
        outcome: String,
        account_id: Option<AccountId>,
        actor_id: Option<AccountId>,
        session_id: Option<SessionId>,
        address: String,
        detail: String,
    }
}

impl From<AuditRow> for AuditRecord {
    fn from(row: AuditRow) -> Self {
        Self {
            id: row.id,
            at: row.at,
            kind: row.kind,
            outcome: row.outcome,
            account_id: row.account_id,
            actor_id: row.actor_id,
            session_id: row.session_id,
            address: row.address,
            detail: row.detail,
        }
    }
}

/// The columns of an event.
macro_rules! audit_columns {
    () => {
        "id, at, kind, outcome, account_id, actor_id, session_id, address, detail"
    };
}

statements! {
    INSERT_AUDIT: () =
        "INSERT INTO audit_event (id, at, kind, outcome, account_id, actor_id, session_id, address, detail) VALUES \
          ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING";
    INSERT_AUDIT_4: () =
        "INSERT INTO audit_event (id, at, kind, outcome, account_id, actor_id, session_id, address, detail) VALUES \
          ($1, $2, $3, $4, $5, $6, $7, $8, $9), \
          ($10, $11, $12, $13, $14, $15, $16, $17, $18), \
          ($19, $20, $21, $22, $23, $24, $25, $26, $27), \
          ($28, $29, $30, $31, $32, $33, $34, $35, $36) ON CONFLICT (id) DO NOTHING";
    INSERT_AUDIT_16: () =
        "INSERT INTO audit_event (id, at, kind, outcome, account_id, actor_id, session_id, address, detail) VALUES \
          ($1, $2, $3, $4, $5, $6, $7, $8, $9), \
          ($10, $11, $12, $13, $14, $15, $16, $17, $18), \
          ($19, $20, $21, $22, $23, $24, $25, $26, $27), \
          ($28, $29, $30, $31, $32, $33, $34, $35, $36), \
          ($37, $38, $39, $40, $41, $42, $43, $44, $45), \
          ($46, $47, $48, $49, $50, $51, $52, $53, $54), \
          ($55, $56, $57, $58, $59, $60, $61, $62, $63), \
          ($64, $65, $66, $67, $68, $69, $70, $71, $72), \
          ($73, $74, $75, $76, $77, $78, $79, $80, $81), \
          ($82, $83, $84, $85, $86, $87, $88, $89, $90), \
          ($91, $92, $93, $94, $95, $96, $97, $98, $99), \
          ($100, $101, $102, $103, $104, $105, $106, $107, $108), \
          ($109, $110, $111, $112, $113, $114, $115, $116, $117), \
          ($118, $119, $120, $121, $122, $123, $124, $125, $126), \
          ($127, $128, $129, $130, $131, $132, $133, $134, $135), \
          ($136, $137, $138, $139, $140, $141, $142, $143, $144) ON CONFLICT (id) DO NOTHING";
    LIST_AUDIT: AuditRow = concat!("SELECT ", audit_columns!(), " FROM audit_event ORDER BY at DESC, id DESC LIMIT $1");
    LIST_AUDIT_OF_ACCOUNT: AuditRow = concat!(
        "SELECT ", audit_columns!(), " FROM audit_event WHERE account_id = $1 ORDER BY at DESC, id DESC LIMIT $2");
    PAGE_AUDIT: AuditRow = concat!(
        "SELECT ", audit_columns!(), " FROM audit_event WHERE account_id = $1 AND (at, id) < ($2, $3) \
         ORDER BY at DESC, id DESC LIMIT $4");
    SEARCH_AUDIT: AuditRow = concat!(
        "SELECT ", audit_columns!(), " FROM audit_event WHERE at >= $1 AND at < $2 \
         ORDER BY at DESC, id DESC LIMIT $3");
    SEARCH_AUDIT_OF_ACCOUNT: AuditRow = concat!(
        "SELECT ", audit_columns!(), " FROM audit_event WHERE account_id = $4 AND at >= $1 AND at < $2 \
         ORDER BY at DESC, id DESC LIMIT $3");
    SEARCH_AUDIT_OF_KIND: AuditRow = concat!(
        "SELECT ", audit_columns!(), " FROM audit_event WHERE kind = $4 AND at >= $1 AND at < $2 \
         ORDER BY at DESC, id DESC LIMIT $3");
    SEARCH_AUDIT_OF_BOTH: AuditRow = concat!(
        "SELECT ", audit_columns!(), " FROM audit_event WHERE account_id = $4 AND kind = $5 AND at >= $1 \
         AND at < $2 ORDER BY at DESC, id DESC LIMIT $3");
}

/// Appends audit events, many with one statement: each is a way to the database and back. What is there already stays.
pub(crate) async fn record_audit<T: Tx>(tx: &mut T, batch: &AuditBatch) -> Result<(), StoreError> {
    let mut rest = batch.entries();
    while !rest.is_empty() {
        let (count, statement) = match rest.len() {
            16.. => (16, &INSERT_AUDIT_16),
            4.. => (4, &INSERT_AUDIT_4),
            _ => (1, &INSERT_AUDIT),
        };
        let (now, later) = rest.split_at(count);
        let params: Vec<_> = now.iter().flat_map(|(id, event)| columns(event, id)).collect();
        tx.exec(statement, &params).await?;
        rest = later;
    }
    Ok(())
}

fn columns<'a>(event: &'a AuditEvent, id: &'a Uuid) -> [Value<'a>; 9] {
    [
        id.into(),
        event.at.into(),
        event.kind.as_str().into(),
        event.outcome.as_str().into(),
        event.account_id.as_ref().into(),
        event.actor_id.as_ref().into(),
        event.session_id.as_ref().into(),
        event.address.as_str().into(),
        event.detail.into(),
    ]
}

/// The newest audit events.
pub(crate) async fn list_audit<T: Tx>(
    tx: &mut T,
    account_id: Option<AccountId>,
    limit: u32,
) -> Result<Vec<AuditRecord>, StoreError> {
    let limit = i64::from(limit).into();
    let rows = match account_id {
        Some(id) => tx.all(&LIST_AUDIT_OF_ACCOUNT, &[(&id).into(), limit]).await?,
        None => tx.all(&LIST_AUDIT, &[limit]).await?,
    };
    Ok(rows.into_iter().map(AuditRecord::from).collect())
}

/// A page of the audit events of one account.
pub(crate) async fn page_audit<T: Tx>(tx: &mut T, page: &AuditPage) -> Result<Vec<AuditRecord>, StoreError> {
    let (at, id) = page.before.map_or((i64::MAX, Uuid::max()), |(at, id)| (at.as_millis(), id));
    let params = [(&page.account_id).into(), at.into(), (&id).into(), i64::from(page.limit).into()];
    Ok(tx.all(&PAGE_AUDIT, &params).await?.into_iter().map(AuditRecord::from).collect())
}

/// The newest audit events of those that are looked for.
pub(crate) async fn search_audit<T: Tx>(
    tx: &mut T,
    search: &AuditSearch,
) -> Result<Vec<AuditRecord>, StoreError> {
    let since = search.since.map_or(i64::MIN, Timestamp::as_millis).into();
    let until = search.until.map_or(i64::MAX, Timestamp::as_millis).into();
    let limit = i64::from(search.limit).into();
    let rows = match (&search.account_id, search.kind.as_deref()) {
        (None, None) => tx.all(&SEARCH_AUDIT, &[since, until, limit]).await?,
        (Some(id), None) => tx.all(&SEARCH_AUDIT_OF_ACCOUNT, &[since, until, limit, id.into()]).await?,
        (None, Some(kind)) => tx.all(&SEARCH_AUDIT_OF_KIND, &[since, until, limit, kind.into()]).await?,
        (Some(id), Some(kind)) => {
            tx.all(&SEARCH_AUDIT_OF_BOTH, &[since, until, limit, id.into(), kind.into()]).await?
        }
    };
    Ok(rows.into_iter().map(AuditRecord::from).collect())
}
