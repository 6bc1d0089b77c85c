//! What administrators do with accounts.

use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{
            AccountChange, AccountChanged, AccountDeleted, AccountDeletion, DisabledAccount, Occurrence,
            StoreError,
        },
    },
    values::{
        account::{Account, AccountId},
        email::Email,
        profile::ProfileText,
        scope::ADMIN,
        session::RevokedSession,
        username::Username,
    },
};

use crate::{
    accounts::{AccountRow, write_permissions},
    avatars,
    changes::{Stamp, next_number},
    errands,
    failure::broken,
    known_devices, revocation, search,
    sessions::{self, RevokedRow},
    statement::{account_columns, statements},
    tx::{Tx, row},
};

row! { AdminRow { id: AccountId } }
row! { DisabledRow { id: AccountId, username: Option<String>, disabled_at: Timestamp } }
row! { TakenRow { emails: i64, usernames: i64 } }
row! { NoticeRow { noticed_at: Option<Timestamp> } }

statements! {
    UNLOCK_ACCOUNT: () = "UPDATE account SET unlocks = unlocks + 1 WHERE id = $1";
    // Whoever else changes the account, or logs in to it, waits here.
    LOCK_ACCOUNT: AccountRow = concat!(
        "UPDATE account SET created_at = created_at WHERE id = $1 RETURNING ", account_columns!());
    // Two administrators who disable each other at once wait for each other here, and one of them stays.
    LOCK_ADMINS: AdminRow = "UPDATE account SET administrates = 1 WHERE administrates = 1 AND active = 1 RETURNING id";
    // Names are read and compared in one statement; one that was taken in between breaks the unique index, and the body
    // is run again.
    UPDATE_ACCOUNT: AccountRow = concat!(
        "UPDATE account SET email = $2, email_canonical = COALESCE($3, email_canonical), username = $4, \
         username_canonical = CASE WHEN CAST($5 AS BIGINT) = 1 THEN $6 ELSE username_canonical END, full_name = $7, \
         disabled_at = CASE WHEN active = $8 THEN disabled_at ELSE $9 END, \
         deletes_at = CASE WHEN $8 = 1 THEN 0 ELSE deletes_at END, \
         may_return = CASE WHEN CAST($13 AS BIGINT) = 1 THEN 0 ELSE may_return END, active = $8, confirmed = $10, \
         permissions = $11, administrates = $12, profile = $14 WHERE id = $1 \
         AND NOT EXISTS (SELECT 1 FROM account AS other WHERE other.email_canonical = $3 AND other.id <> $1) \
         AND NOT EXISTS (SELECT 1 FROM account AS other WHERE other.username_canonical = $6 AND other.id <> $1) \
         RETURNING ", account_columns!());
    FIND_OTHER_OWNERS: TakenRow =
        "SELECT (SELECT COUNT(*) FROM account WHERE email_canonical = $2 AND id <> $1) AS emails, \
         (SELECT COUNT(*) FROM account WHERE username_canonical = $3 AND id <> $1) AS usernames";
    DELETE_LINKS_OF_ACCOUNT: () = "DELETE FROM mailed_link WHERE account_id = $1";
    DELETE_ACCOUNT: () = "DELETE FROM account WHERE id = $1";
    // Without the account there is nothing that says from when on its sessions are dead: each says so itself.
    REVOKE_ALL_SESSIONS: RevokedRow = concat!(
        "UPDATE session SET revoked_at = $2, change_number = ", next_number!("$3"),
        " WHERE account_id = $1 AND revoked_at IS NULL RETURNING id, account_id, access_until, change_number");
    PUT_UP_NOTICE: () = "UPDATE global_cutoff SET noticed_at = $1 WHERE id = 1";
    FIND_NOTICE: NoticeRow = "SELECT noticed_at FROM global_cutoff WHERE id = 1 AND noticed_at IS NOT NULL";
    TAKE_DOWN_NOTICE: () =
        "UPDATE global_cutoff SET noticed_at = NULL WHERE id = 1 AND noticed_at IS NOT NULL";
    LIST_DISABLED: DisabledRow =
        "SELECT id, username, disabled_at FROM account WHERE active = 0 ORDER BY disabled_at DESC, id DESC LIMIT $1";
}

/// Changes an account, and ends its sessions where it is disabled.
pub(crate) async fn change_account<T: Tx>(
    tx: &mut T,
    change: &AccountChange,
) -> Result<AccountChanged, StoreError> {
    let Some(before) = lock_account(tx, change.id).await? else { return Ok(AccountChanged::Unknown) };
    let after = change.applied_to(&before);
    if change.keeps_an_admin && !may_administrate(&after) && is_last_admin(tx, &before).await? {
        return Ok(AccountChanged::LastAdmin);
    }
    let old_name = match change.username {
        Some(_) => search::find_canonical(tx, change.id).await?,
        None => None,
    };
    let Some(after) = update(tx, change, &after).await? else {
        return find_taken(tx, change).await;
    };
    if change.username.is_some() {
        rename(tx, change, old_name).await?;
    }
    if change.email.is_some() && before.email != after.email {
        delete_links(tx, change.id).await?;
    }
    let cutoff = if before.active && !after.active {
        revocation::cut_off_account(tx, change.id, change.now).await?
    } else {
        None
    };
    if let Some(errand) = &change.errand {
        errands::queue_errand(tx, errand).await?;
    }
    let announced = change.announcer.errands(Occurrence::Changed { before: &before, after: &after })?;
    errands::queue_errands(tx, &announced).await?;
    Ok(AccountChanged::Changed { before, after, cutoff })
}

async fn update<T: Tx>(
    tx: &mut T,
    change: &AccountChange,
    after: &Account,
) -> Result<Option<Account>, StoreError> {
    let permissions = write_permissions(&after.permissions)?;
    let (email, username) = (email_of(change), username_of(change));
    let disabled_at = if after.active { Timestamp::default() } else { change.now };
    let params = [
        (&change.id).into(),
        after.email.as_str().into(),
        email.into(),
        after.username.as_deref().into(),
        change.username.is_some().into(),
        username.as_deref().into(),
        after.full_name.as_deref().into(),
        after.active.into(),
        disabled_at.into(),
        after.confirmed.into(),
        permissions.as_str().into(),
        after.permissions.contains(ADMIN).into(),
        change.active.is_some().into(),
        after.stored_profile.as_ref().map(ProfileText::as_str).into(),
    ];
    tx.opt(&UPDATE_ACCOUNT, &params).await?.map(AccountRow::into_account).transpose()
}

async fn rename<T: Tx>(
    tx: &mut T,
    change: &AccountChange,
    old_name: Option<String>,
) -> Result<(), StoreError> {
    let new_name = username_of(change);
    if old_name == new_name {
        return Ok(());
    }
    if let Some(old) = old_name {
        search::delete_parts(tx, change.id, &old).await?;
    }
    match new_name {
        Some(new) => search::insert_parts(tx, change.id, &new).await,
        None => Ok(()),
    }
}

async fn find_taken<T: Tx>(tx: &mut T, change: &AccountChange) -> Result<AccountChanged, StoreError> {
    let username = username_of(change);
    let params = [(&change.id).into(), email_of(change).into(), username.as_deref().into()];
    let taken = tx.opt(&FIND_OTHER_OWNERS, &params).await?.ok_or_else(|| broken("a count has no answer"))?;
    Ok(AccountChanged::Taken { email: taken.emails > 0, username: taken.usernames > 0 })
}

fn email_of(change: &AccountChange) -> Option<&str> {
    change.email.as_ref().map(Email::canonical)
}

fn username_of(change: &AccountChange) -> Option<String> {
    change.username.as_ref().and_then(Option::as_ref).map(Username::canonical)
}

/// Removes an account with everything that is its own, and revokes its sessions.
///
/// Logins wait at the account's row as they do at a cut-off's, so the sessions that there are come after it.
pub(crate) async fn delete_account<T: Tx>(
    tx: &mut T,
    deletion: &AccountDeletion,
) -> Result<AccountDeleted, StoreError> {
    let Some(account) = lock_account(tx, deletion.id).await? else { return Ok(AccountDeleted::Unknown) };
    if deletion.keeps_an_admin && is_last_admin(tx, &account).await? {
        return Ok(AccountDeleted::LastAdmin);
    }
    let ended = remove(tx, deletion.id, deletion.now).await?;
    let gone = Occurrence::Deleted { id: deletion.id, account: Some(&account) };
    errands::queue_errands(tx, &deletion.announcer.errands(gone)?).await?;
    Ok(AccountDeleted::Deleted { account, ended })
}

/// Removes a locked account with everything that is its own, and revokes its sessions.
pub(crate) async fn remove<T: Tx>(
    tx: &mut T,
    account_id: AccountId,
    now: Timestamp,
) -> Result<Vec<RevokedSession>, StoreError> {
    let id = (&account_id).into();
    if let Some(name) = search::find_canonical(tx, account_id).await? {
        search::delete_parts(tx, account_id, &name).await?;
    }
    delete_links(tx, account_id).await?;
    errands::delete_errands_of(tx, account_id).await?;
    avatars::delete_avatar(tx, account_id).await?;
    known_devices::delete_devices_of(tx, account_id).await?;
    tx.exec(&DELETE_ACCOUNT, &[id]).await?;
    let stamp = Stamp::draw();
    let revoked = tx.all(&REVOKE_ALL_SESSIONS, &[id, now.into(), stamp.into()]).await?;
    sessions::tell(tx, stamp, revoked).await
}

/// Makes whatever was mailed to an account worth nothing.
pub(crate) async fn delete_links<T: Tx>(tx: &mut T, id: AccountId) -> Result<(), StoreError> {
    tx.exec(&DELETE_LINKS_OF_ACCOUNT, &[(&id).into()]).await.map(drop)
}

/// Begins the counters of an account's failures anew.
pub(crate) async fn unlock_account<T: Tx>(tx: &mut T, id: AccountId) -> Result<bool, StoreError> {
    Ok(tx.exec(&UNLOCK_ACCOUNT, &[(&id).into()]).await? > 0)
}

pub(crate) async fn lock_account<T: Tx>(tx: &mut T, id: AccountId) -> Result<Option<Account>, StoreError> {
    tx.opt(&LOCK_ACCOUNT, &[(&id).into()]).await?.map(AccountRow::into_account).transpose()
}

/// Whether nobody else may administrate.
pub(crate) async fn is_last_admin<T: Tx>(tx: &mut T, account: &Account) -> Result<bool, StoreError> {
    if !may_administrate(account) {
        return Ok(false);
    }
    let admins = tx.all(&LOCK_ADMINS, &[]).await?;
    Ok(admins.iter().all(|admin| admin.id == account.id))
}

fn may_administrate(account: &Account) -> bool {
    account.active && account.permissions.contains(ADMIN)
}

/// Ends every session that there is, and puts up the notice of it.
pub(crate) async fn black_out<T: Tx>(tx: &mut T, at: Timestamp) -> Result<Timestamp, StoreError> {
    let cutoff = revocation::cut_off_everyone(tx, at).await?;
    tx.exec(&PUT_UP_NOTICE, &[cutoff.into()]).await?;
    Ok(cutoff)
}

/// The notice of the last blackout.
pub(crate) async fn find_blackout_notice<T: Tx>(tx: &mut T) -> Result<Option<Timestamp>, StoreError> {
    Ok(tx.opt(&FIND_NOTICE, &[]).await?.and_then(|row| row.noticed_at))
}

/// Takes the notice down.
pub(crate) async fn delete_blackout_notice<T: Tx>(tx: &mut T) -> Result<bool, StoreError> {
    Ok(tx.exec(&TAKE_DOWN_NOTICE, &[]).await? > 0)
}

/// Disabled accounts, the last disabled first.
pub(crate) async fn list_disabled_accounts<T: Tx>(
    tx: &mut T,
    limit: u32,
) -> Result<Vec<DisabledAccount>, StoreError> {
    let rows = tx.all(&LIST_DISABLED, &[i64::from(limit).into()]).await?;
    let disabled = |DisabledRow { id, username, disabled_at }| DisabledAccount { id, username, disabled_at };
    Ok(rows.into_iter().map(disabled).collect())
}
