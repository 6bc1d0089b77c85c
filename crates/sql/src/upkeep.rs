//! Removing what no longer matters, and adding what a migration could not, a bounded batch at a time.

use vestibule_core::ports::{clock::Timestamp, store::StoreError};

use crate::{
    known_devices, links, search,
    statement::{oldest, statements},
    tx::Tx,
};

statements! {
    DELETE_EXPIRED_SESSIONS: () = concat!("DELETE FROM session WHERE id IN ",
        oldest!("id", "FROM session WHERE expires_at <= $1 AND access_until <= $1 ORDER BY expires_at"));
    DELETE_REVOKED_SESSIONS: () = concat!("DELETE FROM session WHERE id IN ",
        oldest!("id", "FROM session WHERE revoked_at IS NOT NULL AND access_until <= $1 ORDER BY access_until"));
    DELETE_EXPIRED_KEYS: () =
        "DELETE FROM signing_key WHERE kid IN (SELECT kid FROM signing_key WHERE verifies_until <= $1 LIMIT $2)";
    DELETE_OLD_AUDIT: () = concat!("DELETE FROM audit_event WHERE id IN ",
        oldest!("id", "FROM audit_event WHERE at < $1 ORDER BY at"));
}

/// Removes at most `batch` rows of each kind, and makes as many older accounts searchable.
pub(crate) async fn delete_expired<T: Tx>(
    tx: &mut T,
    now: Timestamp,
    audit_before: Timestamp,
    batch: u32,
) -> Result<u64, StoreError> {
    let limit = i64::from(batch);
    let expired = tx.exec(&DELETE_EXPIRED_SESSIONS, &[now.into(), limit.into()]).await?;
    let rest = limit.saturating_sub_unsigned(expired).max(0);
    let revoked = tx.exec(&DELETE_REVOKED_SESSIONS, &[now.into(), rest.into()]).await?;
    let keys = tx.exec(&DELETE_EXPIRED_KEYS, &[now.into(), limit.into()]).await?;
    let audit = tx.exec(&DELETE_OLD_AUDIT, &[audit_before.into(), limit.into()]).await?;
    let links = links::delete_expired(tx, now, limit).await?;
    let devices = known_devices::delete_expired(tx, now, limit).await?;
    let searchable = search::make_searchable(tx, limit).await?;
    Ok(expired + revoked + keys + audit + links + devices + searchable)
}
