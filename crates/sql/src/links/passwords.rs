//! New passwords: by a mailed link, by whoever knows the old one, by others. Each ends every other way in.

use vestibule_core::{
    ports::store::{AccountCutoff, PasswordChange, PasswordReplacement, PasswordReset, StoreError},
    values::{link::LinkPurpose, password::PasswordHash, session::RevokedSession},
};

use super::{DELETE_OTHER_WAYS_IN, use_link};
use crate::{errands, revocation, sessions, statement::statements, tx::Tx};

statements! {
    // Whoever reads a mailbox that was the account's once has no more say in it. Whoever reads it now is let in to try,
    // whatever others have tried, and no device is known any more.
    RESET_PASSWORD: () =
        "UPDATE account SET password_hash = $2, confirmed = 1, unlocks = unlocks + 1, devices_since = $4 \
         WHERE id = $1 AND active = 1 AND email_canonical = $3";
    REPLACE_PASSWORD: () =
        "UPDATE account SET password_hash = $2, unlocks = unlocks + 1, devices_since = $3 WHERE id = $1";
    CHANGE_PASSWORD: () =
        "UPDATE account SET password_hash = $3, devices_since = $4 \
         WHERE id = $1 AND password_hash = $2 AND active = 1";
    SET_PASSWORD: () =
        "UPDATE account SET password_hash = $2, devices_since = $3 \
         WHERE id = $1 AND password_hash IS NULL AND active = 1";
}

/// Uses a link up, sets a new password and ends every session.
pub(crate) async fn reset_password<T: Tx>(
    tx: &mut T,
    reset: &PasswordReset,
) -> Result<Option<AccountCutoff>, StoreError> {
    let Some(used) = use_link(tx, reset.digest, LinkPurpose::Reset, reset.now).await? else {
        return Ok(None);
    };
    let params = [
        (&used.account_id).into(),
        reset.to.expose().into(),
        used.email_canonical.as_str().into(),
        reset.now.into(),
    ];
    if tx.exec(&RESET_PASSWORD, &params).await? == 0 {
        return Ok(None);
    }
    tx.exec(&DELETE_OTHER_WAYS_IN, &[(&used.account_id).into()]).await?;
    errands::queue_errands(tx, &reset.errands).await?;
    revocation::cut_off_account(tx, used.account_id, reset.now).await
}

/// Sets a new password whatever the old one was, and ends every session.
pub(crate) async fn replace_password<T: Tx>(
    tx: &mut T,
    replacement: &PasswordReplacement,
) -> Result<Option<AccountCutoff>, StoreError> {
    let id = (&replacement.account_id).into();
    if tx.exec(&REPLACE_PASSWORD, &[id, replacement.to.expose().into(), replacement.now.into()]).await? == 0 {
        return Ok(None);
    }
    tx.exec(&DELETE_OTHER_WAYS_IN, &[id]).await?;
    errands::queue_errands(tx, &replacement.errands).await?;
    revocation::cut_off_account(tx, replacement.account_id, replacement.now).await
}

/// Sets a new password and ends every session but one.
pub(crate) async fn change_password<T: Tx>(
    tx: &mut T,
    change: &PasswordChange,
) -> Result<Option<Vec<RevokedSession>>, StoreError> {
    let (id, to, now) = ((&change.account_id).into(), change.to.expose().into(), change.now.into());
    let changed = match change.from.as_ref().map(PasswordHash::expose) {
        Some(from) => tx.exec(&CHANGE_PASSWORD, &[id, from.into(), to, now]).await?,
        None => tx.exec(&SET_PASSWORD, &[id, to, now]).await?,
    };
    if changed == 0 {
        return Ok(None);
    }
    tx.exec(&DELETE_OTHER_WAYS_IN, &[id]).await?;
    errands::queue_errands(tx, &change.errands).await?;
    sessions::revoke_other_sessions(tx, change.account_id, change.keep, change.now).await.map(Some)
}
