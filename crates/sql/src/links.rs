//! Mailed links, used up by one statement, and the addresses and registrations that they prove.

pub(crate) mod passwords;

use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{
            AddressConfirmation, Confirmed, FoundLink, Insertion, KeptRegistration, LinkCode, NewErrand,
            SealedRegistration, StoreError,
        },
    },
    values::{
        account::{AccountId, NewAccount},
        language::Language,
        link::{LinkDigest, LinkPurpose, NewLink},
        password::PasswordHash,
    },
};

use crate::{
    accounts::{self, AccountRow},
    errands,
    failure::broken,
    statement::{account_columns, oldest, statements},
    tx::{Tx, row},
};

row! { MailedRow { email: String, language: Option<String> } }
row! { CodeRow { digest: Vec<u8>, code_mac: Vec<u8> } }
row! { CountRow { count: i64 } }
row! { RegistrationRow { account_id: AccountId, sealed: Option<Vec<u8>> } }
row! { UsedRow { account_id: AccountId, email: String, email_canonical: String } }

/// The account of a link: one that may be used.
macro_rules! of_active_account {
    () => {
        "EXISTS (SELECT 1 FROM account WHERE account.id = mailed_link.account_id AND account.active = 1)"
    };
}

statements! {
    // Whoever changes the password waits here, and finds the link, or comes first, and is found here.
    LOCK_ACTIVE: () =
        "UPDATE account SET created_at = created_at WHERE id = $1 AND active = 1 \
         AND (CAST($2 AS TEXT) IS NULL OR password_hash = $2)";
    ISSUE_LINK: () =
        "INSERT INTO mailed_link (account_id, purpose, email, email_canonical, digest, code_mac, code_attempts, \
         created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8) \
         ON CONFLICT (account_id, purpose) DO UPDATE SET email = excluded.email, \
         email_canonical = excluded.email_canonical, digest = excluded.digest, code_mac = excluded.code_mac, \
         code_attempts = 0, created_at = excluded.created_at, expires_at = excluded.expires_at";
    KEEP_REGISTRATION: () =
        "INSERT INTO mailed_link (account_id, purpose, email, email_canonical, digest, code_mac, code_attempts, \
         created_at, expires_at, registration) VALUES ($1, 'register', $2, $3, $4, $5, 0, $6, $7, $8) \
         ON CONFLICT DO NOTHING";
    FIND_REGISTRATION: RegistrationRow =
        "SELECT account_id, registration AS sealed FROM mailed_link \
         WHERE digest = $1 AND purpose = 'register' AND expires_at > $2";
    // The first proof of an address is the only one; whoever asked for an account besides has none.
    USE_REGISTRATION: RegistrationRow =
        "DELETE FROM mailed_link WHERE purpose = 'register' AND email_canonical = \
         (SELECT used.email_canonical FROM mailed_link AS used \
         WHERE used.digest = $1 AND used.purpose = 'register' AND used.expires_at > $2) \
         RETURNING account_id, registration AS sealed";
    FIND_LINK: (MailedRow, AccountRow) = concat!(
        "SELECT mailed_link.email AS email, account.language AS language, ", account_columns!(),
        " FROM mailed_link JOIN account ON account.id = mailed_link.account_id \
         WHERE mailed_link.digest = $1 AND mailed_link.purpose = $2 AND mailed_link.expires_at > $3 \
         AND account.active = 1 \
         AND (mailed_link.purpose <> 'reset' OR mailed_link.email_canonical = account.email_canonical)");
    COUNT_CODE_ATTEMPT: CodeRow = concat!(
        "UPDATE mailed_link SET code_attempts = code_attempts + 1 WHERE email_canonical = $1 \
         AND code_attempts < $3 AND expires_at > $4 AND ((purpose = 'register' AND $2 = 'confirm') \
         OR (purpose = 'decoy' AND $2 = 'reset') OR (purpose = $2 AND ", of_active_account!(), ")) RETURNING digest, code_mac");
    USE_LINK: UsedRow = concat!(
        "DELETE FROM mailed_link WHERE digest = $1 AND purpose = $2 AND expires_at > $3 AND ",
        of_active_account!(), " RETURNING account_id, email, email_canonical");
    // Read and compared in one statement; a name that was taken in between breaks the unique index, and the body is run
    // again.
    CONFIRM_ADDRESS: AccountRow = concat!(
        "UPDATE account SET email = $2, email_canonical = $3, confirmed = 1 WHERE id = $1 AND email = $4 \
         AND active = 1 AND NOT EXISTS (SELECT 1 FROM account AS other WHERE other.email_canonical = $3 \
         AND other.id <> $1) RETURNING ", account_columns!());
    FIND_OTHER_OWNER: CountRow =
        "SELECT COUNT(*) AS count FROM account WHERE email_canonical = $2 AND id <> $1";
    // Who changes the password or the address wants nobody to hold another way in: neither a reset, nor what would lead
    // the account to somebody else's mailbox.
    DELETE_OTHER_WAYS_IN: () =
        "DELETE FROM mailed_link WHERE account_id = $1 AND (purpose = 'reset' OR email_canonical <> \
         (SELECT account.email_canonical FROM account WHERE account.id = $1))";
    DELETE_EXPIRED_LINKS: () = concat!("DELETE FROM mailed_link WHERE digest IN ",
        oldest!("digest", "FROM mailed_link WHERE expires_at <= $1 ORDER BY expires_at"));
}

/// Keeps a link and queues what tells of it, for an account that may be used, or for a decoy's, which is none.
pub(crate) async fn issue_link<T: Tx>(
    tx: &mut T,
    link: &NewLink,
    errand: Option<&NewErrand>,
) -> Result<bool, StoreError> {
    if link.purpose != LinkPurpose::Decoy {
        let verified = link.verified.as_ref().map(PasswordHash::expose);
        if tx.exec(&LOCK_ACTIVE, &[(&link.account_id).into(), verified.into()]).await? == 0 {
            return Ok(false);
        }
    }
    keep_link(tx, link, errand).await?;
    Ok(true)
}

/// Keeps a link and queues what tells of it, for an account that this transaction has made or looked at.
pub(crate) async fn keep_link<T: Tx>(
    tx: &mut T,
    link: &NewLink,
    errand: Option<&NewErrand>,
) -> Result<(), StoreError> {
    let params = [
        (&link.account_id).into(),
        link.purpose.as_str().into(),
        link.email.as_typed().into(),
        link.email.canonical().into(),
        link.digest.as_bytes().as_slice().into(),
        link.code_mac.as_slice().into(),
        link.created_at.into(),
        link.expires_at.into(),
    ];
    tx.exec(&ISSUE_LINK, &params).await?;
    match errand {
        Some(errand) => errands::queue_errand(tx, errand).await,
        None => Ok(()),
    }
}

/// Finds a link that is good.
pub(crate) async fn find_link<T: Tx>(
    tx: &mut T,
    digest: LinkDigest,
    purpose: LinkPurpose,
    now: Timestamp,
) -> Result<Option<FoundLink>, StoreError> {
    let params = [digest.as_bytes().as_slice().into(), purpose.as_str().into(), now.into()];
    let Some((mailed, account)) = tx.opt(&FIND_LINK, &params).await? else { return Ok(None) };
    let language = mailed.language.as_deref().and_then(Language::read);
    Ok(Some(FoundLink { account: account.into_account()?, language, email: mailed.email }))
}

/// Counts an attempt at the codes mailed to an address and returns what to compare with.
pub(crate) async fn count_code_attempt<T: Tx>(
    tx: &mut T,
    email_canonical: &str,
    purpose: LinkPurpose,
    limit: u32,
    now: Timestamp,
) -> Result<Vec<LinkCode>, StoreError> {
    let params = [email_canonical.into(), purpose.as_str().into(), i64::from(limit).into(), now.into()];
    let rows = tx.all(&COUNT_CODE_ATTEMPT, &params).await?;
    rows.into_iter()
        .map(|row| {
            let digest = LinkDigest::from_bytes(
                row.digest.try_into().map_err(|_| broken("a digest of another length"))?,
            );
            Ok(LinkCode { digest, code_mac: row.code_mac })
        })
        .collect()
}

/// Uses a link up and makes its address the account's.
pub(crate) async fn confirm_address<T: Tx>(
    tx: &mut T,
    confirmation: &AddressConfirmation,
) -> Result<Confirmed, StoreError> {
    let Some(used) = use_link(tx, confirmation.digest, LinkPurpose::Confirm, confirmation.now).await? else {
        return Ok(Confirmed::Refused);
    };
    let params = [
        (&used.account_id).into(),
        used.email.as_str().into(),
        used.email_canonical.as_str().into(),
        confirmation.from.as_str().into(),
    ];
    if let Some(account) = tx.opt(&CONFIRM_ADDRESS, &params).await? {
        if account.email != confirmation.from {
            tx.exec(&DELETE_OTHER_WAYS_IN, &[(&used.account_id).into()]).await?;
        }
        errands::queue_errands(tx, &confirmation.errands).await?;
        return Ok(Confirmed::Confirmed(account.into_account()?));
    }
    let owner = [(&used.account_id).into(), used.email_canonical.as_str().into()];
    let others = tx.opt(&FIND_OTHER_OWNER, &owner).await?.map_or(0, |row| row.count);
    Ok(if others > 0 { Confirmed::Taken } else { Confirmed::Refused })
}

/// Keeps what a registration asks for, and queues what tells of it.
pub(crate) async fn keep_registration<T: Tx>(
    tx: &mut T,
    kept: &KeptRegistration,
    errand: Option<&NewErrand>,
) -> Result<(), StoreError> {
    let link = &kept.link;
    let params = [
        (&link.account_id).into(),
        link.email.as_typed().into(),
        link.email.canonical().into(),
        link.digest.as_bytes().as_slice().into(),
        link.code_mac.as_slice().into(),
        link.created_at.into(),
        link.expires_at.into(),
        kept.sealed.as_slice().into(),
    ];
    tx.exec(&KEEP_REGISTRATION, &params).await?;
    match errand {
        Some(errand) => errands::queue_errand(tx, errand).await,
        None => Ok(()),
    }
}

/// Finds what the registration of a link that is good asked for.
pub(crate) async fn find_registration<T: Tx>(
    tx: &mut T,
    digest: LinkDigest,
    now: Timestamp,
) -> Result<Option<SealedRegistration>, StoreError> {
    let row = tx.opt(&FIND_REGISTRATION, &[digest.as_bytes().as_slice().into(), now.into()]).await?;
    // Links of other purposes have none.
    let kept = row.and_then(|row| row.sealed.map(|sealed| (row.account_id, sealed)));
    Ok(kept.map(|(account_id, sealed)| SealedRegistration { account_id, sealed }))
}

/// Uses a link up and makes the account of its registration, without its user name where that was taken meanwhile.
pub(crate) async fn complete_registration<T: Tx>(
    tx: &mut T,
    digest: LinkDigest,
    account: &NewAccount,
    now: Timestamp,
) -> Result<Option<Insertion>, StoreError> {
    let used = tx.all(&USE_REGISTRATION, &[digest.as_bytes().as_slice().into(), now.into()]).await?;
    if used.is_empty() {
        return Ok(None);
    }
    let inserted = accounts::insert_account(tx, account, None).await?;
    if matches!(inserted, Insertion::Taken { email: false, .. }) {
        let nameless = NewAccount { username: None, ..account.clone() };
        return accounts::insert_account(tx, &nameless, None).await.map(Some);
    }
    Ok(Some(inserted))
}

/// Removes links that have expired.
pub(crate) async fn delete_expired<T: Tx>(tx: &mut T, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
    tx.exec(&DELETE_EXPIRED_LINKS, &[now.into(), limit.into()]).await
}

async fn use_link<T: Tx>(
    tx: &mut T,
    digest: LinkDigest,
    purpose: LinkPurpose,
    now: Timestamp,
) -> Result<Option<UsedRow>, StoreError> {
    tx.opt(&USE_LINK, &[digest.as_bytes().as_slice().into(), purpose.as_str().into(), now.into()]).await
}
