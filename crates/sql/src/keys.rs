//! Signing keys, their private parts wrapped.

use vestibule_core::ports::{
    clock::Timestamp,
    store::{StoreError, StoredSigningKey},
};

use crate::{
    changes::{self, Stamp},
    failure::broken,
    statement::statements,
    tx::{Tx, Value, row},
};

row! {
    KeyRow {
        kid: String,
        algorithm: String,
        wrapped: Vec<u8>,
        created_at: Timestamp,
        verifies_until: Option<Timestamp>,
    }
}

impl From<KeyRow> for StoredSigningKey {
    fn from(row: KeyRow) -> Self {
        Self {
            kid: row.kid,
            algorithm: row.algorithm,
            wrapped: row.wrapped,
            created_at: row.created_at,
            verifies_until: row.verifies_until,
        }
    }
}

/// How often a rotation is tried again because somebody else was faster.
const MAX_ATTEMPTS: usize = 16;

statements! {
    LIST_KEYS: KeyRow =
        "SELECT kid, algorithm, wrapped, created_at, verifies_until FROM signing_key \
         ORDER BY created_at DESC, kid DESC";
    // The unique index over the key that signs lets only one in, however many processes start or rotate at once.
    INSERT_KEY: () =
        "INSERT INTO signing_key (kid, algorithm, wrapped, created_at, verifies_until) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    RETIRE_SIGNING_KEY: () = "UPDATE signing_key SET verifies_until = $1 WHERE verifies_until IS NULL";
    END_OTHER_KEYS: () =
        "UPDATE signing_key SET verifies_until = $1 WHERE verifies_until IS NULL OR verifies_until > $1";
    UPDATE_WRAPPED_KEY: () = "UPDATE signing_key SET wrapped = $3 WHERE kid = $1 AND wrapped = $2";
}

/// All signing keys, the newest first.
pub(crate) async fn list_signing_keys<T: Tx>(tx: &mut T) -> Result<Vec<StoredSigningKey>, StoreError> {
    Ok(tx.all(&LIST_KEYS, &[]).await?.into_iter().map(StoredSigningKey::from).collect())
}

/// Keeps the first signing key, unless there is one.
pub(crate) async fn insert_first_signing_key<T: Tx>(
    tx: &mut T,
    key: &StoredSigningKey,
) -> Result<bool, StoreError> {
    let is_kept = tx.exec(&INSERT_KEY, &columns(key)).await? > 0;
    if is_kept {
        changes::announce(tx, Stamp::draw(), &[]).await?;
    }
    Ok(is_kept)
}

/// Makes `key` the one that signs.
pub(crate) async fn rotate_signing_key<T: Tx>(
    tx: &mut T,
    key: &StoredSigningKey,
    others_until: Timestamp,
) -> Result<(), StoreError> {
    // An end before the new key's birth means that the old ones are compromised, the retired ones with them.
    let is_compromise = others_until <= key.created_at;
    let retire = if is_compromise { &END_OTHER_KEYS } else { &RETIRE_SIGNING_KEY };
    for _ in 0..MAX_ATTEMPTS {
        tx.exec(retire, &[others_until.into()]).await?;
        // Nothing is inserted where another rotation ended in between: then its key is the one to retire.
        if tx.exec(&INSERT_KEY, &columns(key)).await? > 0 {
            return changes::announce(tx, Stamp::draw(), &[]).await;
        }
    }
    Err(broken("a signing key can be neither kept nor found"))
}

/// Replaces a wrapped private key if it still is `from`.
pub(crate) async fn update_wrapped_key<T: Tx>(
    tx: &mut T,
    kid: &str,
    from: &[u8],
    to: &[u8],
) -> Result<(), StoreError> {
    tx.exec(&UPDATE_WRAPPED_KEY, &[kid.into(), from.into(), to.into()]).await.map(drop)
}

fn columns(key: &StoredSigningKey) -> [Value<'_>; 5] {
    [
        key.kid.as_str().into(),
        key.algorithm.as_str().into(),
        key.wrapped.as_slice().into(),
        key.created_at.into(),
        key.verifies_until.into(),
    ]
}
