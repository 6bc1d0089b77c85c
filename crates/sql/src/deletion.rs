//! Accounts that their owners delete: put out of use, brought back, removed when their time has come.

use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{Announcer, DeletedAccount, DeletionRequest, DeletionRequested, Occurrence, StoreError},
    },
    values::account::{Account, AccountId},
};

use crate::{
    accounts::AccountRow,
    administration::{self, is_last_admin, lock_account},
    errands,
    failure::broken,
    revocation,
    statement::{account_columns, statements},
    tx::{Tx, row},
};

row! { DueRow { id: AccountId } }

statements! {
    PUT_OUT_OF_USE: () =
        "UPDATE account SET active = 0, disabled_at = $3, deletes_at = $4, may_return = 1 \
         WHERE id = $1 AND active = 1 AND password_hash = $2";
    RESTORE_ACCOUNT: AccountRow = concat!(
        "UPDATE account SET active = 1, disabled_at = 0, deletes_at = 0, may_return = 0 \
         WHERE id = $1 AND active = 0 AND may_return = 1 AND deletes_at > $2 RETURNING ", account_columns!());
    LIST_DUE_ACCOUNTS: DueRow =
        "SELECT id FROM account WHERE deletes_at > 0 AND deletes_at <= $1 ORDER BY deletes_at, id LIMIT $2";
    // Whoever brings it back, or deletes it on another node, comes before this or after it.
    LOCK_DUE_ACCOUNT: AccountRow = concat!(
        "UPDATE account SET created_at = created_at WHERE id = $1 AND deletes_at > 0 AND deletes_at <= $2 RETURNING ",
        account_columns!());
}

/// Puts an account out of use until its deletion.
pub(crate) async fn request_deletion<T: Tx>(
    tx: &mut T,
    request: &DeletionRequest,
) -> Result<DeletionRequested, StoreError> {
    let Some(account) = lock_account(tx, request.id).await? else { return Ok(DeletionRequested::Refused) };
    if is_last_admin(tx, &account).await? {
        return Ok(DeletionRequested::LastAdmin);
    }
    let params = [
        (&request.id).into(),
        request.verified.expose().into(),
        request.now.into(),
        request.deletes_at.into(),
    ];
    if tx.exec(&PUT_OUT_OF_USE, &params).await? == 0 {
        return Ok(DeletionRequested::Refused);
    }
    administration::delete_links(tx, request.id).await?;
    errands::queue_errands(tx, &request.errands).await?;
    let cutoff = revocation::cut_off_account(tx, request.id, request.now).await?;
    cutoff.map(DeletionRequested::Pending).ok_or_else(|| broken("an account vanished under its deletion"))
}

/// Brings an account back.
pub(crate) async fn restore_account<T: Tx>(
    tx: &mut T,
    id: AccountId,
    now: Timestamp,
    announcer: &Announcer,
) -> Result<Option<Account>, StoreError> {
    let restored = tx.opt(&RESTORE_ACCOUNT, &[(&id).into(), now.into()]).await?;
    let Some(after) = restored.map(AccountRow::into_account).transpose()? else { return Ok(None) };
    let before = Account { active: false, ..after.clone() };
    let told = announcer.errands(Occurrence::Changed { before: &before, after: &after })?;
    errands::queue_errands(tx, &told).await?;
    Ok(Some(after))
}

/// Removes accounts whose time has come.
pub(crate) async fn delete_due_accounts<T: Tx>(
    tx: &mut T,
    now: Timestamp,
    batch: u32,
    announcer: &Announcer,
) -> Result<Vec<DeletedAccount>, StoreError> {
    let due = tx.all(&LIST_DUE_ACCOUNTS, &[now.into(), i64::from(batch).into()]).await?;
    let mut deleted = Vec::with_capacity(due.len());
    for DueRow { id } in due {
        if tx.opt(&LOCK_DUE_ACCOUNT, &[(&id).into(), now.into()]).await?.is_some() {
            let ended = administration::remove(tx, id, now).await?;
            let gone = announcer.errands(Occurrence::Deleted { id, account: None })?;
            errands::queue_errands(tx, &gone).await?;
            deleted.push(DeletedAccount { id, ended });
        }
    }
    Ok(deleted)
}
