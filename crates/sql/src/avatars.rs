//! Pictures of accounts.

use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{Avatar, StoreError},
    },
    values::account::AccountId,
};

use crate::{
    administration::lock_account,
    statement::statements,
    tx::{Tx, row},
};

row! { AvatarRow { bytes: Vec<u8>, media_type: String, etag: String, changed_at: Timestamp } }

statements! {
    PUT_AVATAR: () =
        "INSERT INTO avatar (account_id, media_type, etag, bytes, changed_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (account_id) DO UPDATE SET media_type = excluded.media_type, etag = excluded.etag, \
         bytes = excluded.bytes, changed_at = excluded.changed_at";
    FIND_AVATAR: AvatarRow =
        "SELECT avatar.bytes, avatar.media_type, avatar.etag, avatar.changed_at FROM avatar \
         JOIN account ON account.id = avatar.account_id WHERE avatar.account_id = $1 AND account.active = 1";
    DELETE_AVATAR: () = "DELETE FROM avatar WHERE account_id = $1";
}

/// Keeps a picture. The account is locked: one that is deleted at the same time leaves none behind.
pub(crate) async fn put_avatar<T: Tx>(
    tx: &mut T,
    id: AccountId,
    avatar: &Avatar,
) -> Result<bool, StoreError> {
    if lock_account(tx, id).await?.is_none() {
        return Ok(false);
    }
    let params = [
        (&id).into(),
        avatar.media_type.as_str().into(),
        avatar.etag.as_str().into(),
        avatar.bytes.as_slice().into(),
        avatar.changed_at.into(),
    ];
    tx.exec(&PUT_AVATAR, &params).await?;
    Ok(true)
}

/// Finds the picture of an account that may be used.
pub(crate) async fn find_avatar<T: Tx>(tx: &mut T, id: AccountId) -> Result<Option<Avatar>, StoreError> {
    let found = tx.opt(&FIND_AVATAR, &[(&id).into()]).await?;
    Ok(found.map(|AvatarRow { bytes, media_type, etag, changed_at }| Avatar {
        bytes,
        media_type,
        etag,
        changed_at,
    }))
}

/// Removes a picture.
pub(crate) async fn delete_avatar<T: Tx>(tx: &mut T, id: AccountId) -> Result<bool, StoreError> {
    Ok(tx.exec(&DELETE_AVATAR, &[(&id).into()]).await? > 0)
}
