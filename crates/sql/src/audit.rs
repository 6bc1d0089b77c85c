//! The audit log.

use vestibule_core::{
    ports::{
        audit::{AuditEvent, AuditRecord},
        clock::Timestamp,
        store::StoreError,
    },
    values::{account::AccountId, secret::random_bytes, session::SessionId},
};

use crate::{
    statement::statements,
    tx::{Tx, row},
};

row! {
    AuditRow {
        at: Timestamp,
        kind: String,
        outcome: String,
        account_id: Option<AccountId>,
        session_id: Option<SessionId>,
        address: String,
        detail: String,
    }
}

impl From<AuditRow> for AuditRecord {
    fn from(row: AuditRow) -> Self {
        Self {
            at: row.at,
            kind: row.kind,
            outcome: row.outcome,
            account_id: row.account_id,
            session_id: row.session_id,
            address: row.address,
            detail: row.detail,
        }
    }
}

statements! {
    INSERT_AUDIT: () =
        "INSERT INTO audit_event (id, at, kind, outcome, account_id, session_id, address, detail) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    LIST_AUDIT: AuditRow =
        "SELECT at, kind, outcome, account_id, session_id, address, detail FROM audit_event \
         ORDER BY at DESC, id DESC LIMIT $1";
    LIST_AUDIT_OF_ACCOUNT: AuditRow =
        "SELECT at, kind, outcome, account_id, session_id, address, detail FROM audit_event \
         WHERE account_id = $1 ORDER BY at DESC, id DESC LIMIT $2";
}

/// Appends audit events.
pub(crate) async fn record_audit<T: Tx>(tx: &mut T, events: &[AuditEvent]) -> Result<(), StoreError> {
    for event in events {
        let millis = u64::try_from(event.at.as_millis()).unwrap_or(0);
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random_bytes()).into_uuid();
        let params = [
            (&id).into(),
            event.at.into(),
            event.kind.as_str().into(),
            event.outcome.as_str().into(),
            event.account_id.as_ref().into(),
            event.session_id.as_ref().into(),
            event.address.as_str().into(),
            event.detail.into(),
        ];
        tx.exec(&INSERT_AUDIT, &params).await?;
    }
    Ok(())
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
