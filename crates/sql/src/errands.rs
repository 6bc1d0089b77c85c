//! Errands: queued, claimed by compare-and-swap, forgotten when done.

use uuid::Uuid;
use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{ClaimedErrand, ErrandCount, NewErrand, StoreError},
    },
    values::account::AccountId,
};

use crate::{
    failure::broken,
    statement::statements,
    tx::{Tx, row},
};

row! { ErrandRow { id: Uuid, sealed: Vec<u8>, created_at: Timestamp, attempts: i64 } }
row! { CountRow { waiting: i64, oldest: Option<Timestamp> } }

impl ErrandRow {
    fn into_errand(self) -> Result<ClaimedErrand, StoreError> {
        let attempts = u32::try_from(self.attempts).map_err(broken)?;
        Ok(ClaimedErrand { id: self.id, sealed: self.sealed, created_at: self.created_at, attempts })
    }
}

statements! {
    INSERT_ERRAND: () =
        "INSERT INTO errand (id, sealed, created_at, due_at, attempts, account_id) VALUES ($1, $2, $3, $4, 0, $5)";
    // Two nodes may find the same errand; the second waits for the first and then finds it no longer due.
    CLAIM_ERRAND: ErrandRow =
        "UPDATE errand SET due_at = $2, attempts = attempts + 1 WHERE id = \
         COALESCE((SELECT id FROM errand WHERE due_at <= $1 ORDER BY due_at, id LIMIT 1), \
         (SELECT id FROM errand WHERE due_at > $3 ORDER BY due_at, id LIMIT 1)) \
         AND (due_at <= $1 OR due_at > $3) RETURNING id, sealed, created_at, attempts";
    DELETE_ERRANDS_OF_ACCOUNT: () = "DELETE FROM errand WHERE account_id = $1";
    DELETE_ERRAND: () = "DELETE FROM errand WHERE id = $1 AND attempts <= $2";
    POSTPONE_ERRAND: () = "UPDATE errand SET due_at = $3 WHERE id = $1 AND attempts <= $2";
    // Bounded: that there are very many is all that anybody needs to know. Ids are made in the order of time.
    COUNT_ERRANDS: CountRow =
        "SELECT (SELECT COUNT(*) FROM (SELECT id FROM errand LIMIT 10000) AS counted) AS waiting, \
         (SELECT created_at FROM errand ORDER BY id LIMIT 1) AS oldest";
}

/// Queues an errand.
pub(crate) async fn queue_errand<T: Tx>(tx: &mut T, errand: &NewErrand) -> Result<(), StoreError> {
    let params = [
        (&errand.id).into(),
        errand.sealed.as_slice().into(),
        errand.created_at.into(),
        errand.due_at.into(),
        errand.account_id.as_ref().into(),
    ];
    tx.exec(&INSERT_ERRAND, &params).await.map(drop)
}

/// Queues errands.
pub(crate) async fn queue_errands<T: Tx>(tx: &mut T, errands: &[NewErrand]) -> Result<(), StoreError> {
    for errand in errands {
        queue_errand(tx, errand).await?;
    }
    Ok(())
}

/// Takes the errand that has been due for longest, else one that a clock which was ahead put off beyond `latest`.
pub(crate) async fn claim_errand<T: Tx>(
    tx: &mut T,
    now: Timestamp,
    lease_until: Timestamp,
    latest: Timestamp,
) -> Result<Option<ClaimedErrand>, StoreError> {
    let claimed = tx.opt(&CLAIM_ERRAND, &[now.into(), lease_until.into(), latest.into()]).await?;
    claimed.map(ErrandRow::into_errand).transpose()
}

/// Forgets an errand, unless somebody else has claimed it since.
pub(crate) async fn finish_errand<T: Tx>(tx: &mut T, id: Uuid, attempts: u32) -> Result<bool, StoreError> {
    Ok(tx.exec(&DELETE_ERRAND, &[(&id).into(), i64::from(attempts).into()]).await? > 0)
}

/// Makes an errand due later, unless somebody else has claimed it since.
pub(crate) async fn postpone_errand<T: Tx>(
    tx: &mut T,
    id: Uuid,
    attempts: u32,
    due_at: Timestamp,
) -> Result<bool, StoreError> {
    let params = [(&id).into(), i64::from(attempts).into(), due_at.into()];
    Ok(tx.exec(&POSTPONE_ERRAND, &params).await? > 0)
}

/// Forgets whatever an account was to be told.
pub(crate) async fn delete_errands_of<T: Tx>(tx: &mut T, id: AccountId) -> Result<(), StoreError> {
    tx.exec(&DELETE_ERRANDS_OF_ACCOUNT, &[(&id).into()]).await.map(drop)
}

/// The length of the queue.
pub(crate) async fn count_errands<T: Tx>(tx: &mut T) -> Result<ErrandCount, StoreError> {
    let row = tx.opt(&COUNT_ERRANDS, &[]).await?.ok_or_else(|| broken("a count has no answer"))?;
    Ok(ErrandCount { waiting: u64::try_from(row.waiting).map_err(broken)?, oldest: row.oldest })
}
