//! The link that makes the first administrator: one row at most.

use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{Insertion, StoreError},
    },
    values::{account::NewAccount, link::LinkDigest},
};

use crate::{
    accounts,
    statement::statements,
    tx::{Tx, row},
};

row! { SetupLinkRow { expires_at: Timestamp } }

/// Whoever may administrate was made so, banned or not.
macro_rules! nobody_administrates {
    () => {
        "NOT EXISTS (SELECT 1 FROM account WHERE administrates = 1)"
    };
}

statements! {
    ISSUE_SETUP_LINK: () = concat!(
        "INSERT INTO setup_link (id, digest, expires_at) SELECT 1, $1, $2 WHERE ", nobody_administrates!(),
        " ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, expires_at = excluded.expires_at");
    FIND_SETUP_LINK: SetupLinkRow = concat!(
        "SELECT expires_at FROM setup_link WHERE digest = $1 AND expires_at > $2 AND ", nobody_administrates!());
    // Changes nothing but who holds the row: another post waits here until this one has ended, and then finds no row.
    HOLD_SETUP_LINK: () = concat!(
        "UPDATE setup_link SET digest = digest WHERE digest = $1 AND expires_at > $2 AND ",
        nobody_administrates!());
    DELETE_SETUP_LINK: () = "DELETE FROM setup_link WHERE digest = $1";
}

/// Keeps a link in the place of an older one, where there is no administrator.
pub(crate) async fn issue_setup_link<T: Tx>(
    tx: &mut T,
    digest: LinkDigest,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let params = [digest.as_bytes().as_slice().into(), expires_at.into()];
    Ok(tx.exec(&ISSUE_SETUP_LINK, &params).await? > 0)
}

/// Whether a link is good.
pub(crate) async fn is_setup_link_good<T: Tx>(
    tx: &mut T,
    digest: LinkDigest,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let params = [digest.as_bytes().as_slice().into(), now.into()];
    let found = tx.opt(&FIND_SETUP_LINK, &params).await?;
    Ok(found.is_some_and(|link| link.expires_at > now))
}

/// Uses a link up and makes the account; a taken name leaves the link.
pub(crate) async fn insert_first_admin<T: Tx>(
    tx: &mut T,
    digest: LinkDigest,
    account: &NewAccount,
) -> Result<Option<Insertion>, StoreError> {
    let link = digest.as_bytes().as_slice();
    if tx.exec(&HOLD_SETUP_LINK, &[link.into(), account.created_at.into()]).await? == 0 {
        return Ok(None);
    }
    let outcome = accounts::insert_account(tx, account, None).await?;
    if let Insertion::Inserted { .. } = outcome {
        tx.exec(&DELETE_SETUP_LINK, &[link.into()]).await?;
    }
    Ok(Some(outcome))
}
