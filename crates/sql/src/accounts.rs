//! Accounts: made once, found by key, changed by compare-and-swap.

use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{Insertion, Occurrence, PendingDeletion, StoreError},
    },
    values::{
        account::{Account, AccountId, Credentials, FullName, NewAccount},
        language::Language,
        password::PasswordHash,
        profile::ProfileText,
        scope::{ADMIN, Scopes},
        session::NewSession,
        username::{LoginName, Username},
    },
};

use crate::{
    errands,
    failure::broken,
    known_devices, links, search, sessions,
    statement::{account_columns, global_cutoff, statements},
    tx::{Tx, Value, row},
};

/// How often a write is tried again because somebody else was faster.
const MAX_ATTEMPTS: usize = 16;

row! {
    /// An account's row, without its secrets.
    AccountRow {
        id: AccountId,
        email: String,
        username: Option<String>,
        full_name: Option<String>,
        active: bool,
        confirmed: bool,
        permissions: String,
        created_at: Timestamp,
        last_login_at: Option<Timestamp>,
        profile: Option<String>,
    }
}

impl AccountRow {
    /// The account the row describes.
    pub(crate) fn into_account(self) -> Result<Account, StoreError> {
        Ok(Account {
            permissions: read_permissions(&self.permissions)?,
            id: self.id,
            email: self.email,
            username: self.username,
            full_name: self.full_name,
            active: self.active,
            confirmed: self.confirmed,
            created_at: self.created_at,
            last_login_at: self.last_login_at,
            stored_profile: self.profile.map(ProfileText::stored),
        })
    }
}

row! {
    SecretRow {
        password_hash: Option<String>,
        language: Option<String>,
        deletes_at: Timestamp,
        may_return: bool,
        cutoff_at: Timestamp,
        unlocks: i64,
        devices_since: Timestamp,
        global_cutoff_at: Timestamp,
    }
}
row! { TakenRow { emails: i64, usernames: i64 } }

statements! {
    INSERT_ACCOUNT: AccountRow = concat!(
        "INSERT INTO account (id, email, email_canonical, username, username_canonical, full_name, password_hash, \
         active, confirmed, permissions, created_at, last_login_at, cutoff_at, cutoff_until, language, \
         administrates, is_searchable, profile) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10, NULL, 0, 0, $11, $12, 1, $13) \
         ON CONFLICT DO NOTHING RETURNING ", account_columns!());
    FIND_TAKEN: TakenRow =
        "SELECT (SELECT COUNT(*) FROM account WHERE email_canonical = $1) AS emails, \
         (SELECT COUNT(*) FROM account WHERE username_canonical = $2) AS usernames";
    FIND_ACCOUNT: AccountRow = concat!("SELECT ", account_columns!(), " FROM account WHERE id = $1");
    FIND_CREDENTIALS_BY_EMAIL: (AccountRow, SecretRow) = concat!(
        "SELECT ", account_columns!(), ", account.password_hash, account.language, account.deletes_at, account.may_return, \
         account.cutoff_at, account.unlocks, account.devices_since, ",
        global_cutoff!(), " AS global_cutoff_at FROM account WHERE email_canonical = $1");
    FIND_CREDENTIALS_BY_USERNAME: (AccountRow, SecretRow) = concat!(
        "SELECT ", account_columns!(), ", account.password_hash, account.language, account.deletes_at, account.may_return, \
         account.cutoff_at, account.unlocks, account.devices_since, ",
        global_cutoff!(), " AS global_cutoff_at FROM account WHERE username_canonical = $1");
    UPDATE_PASSWORD_HASH: () = "UPDATE account SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
    UPDATE_PERMISSIONS: () =
        "UPDATE account SET permissions = $3, administrates = $4 WHERE id = $1 AND permissions = $2";
}

/// Makes an account and, where one is given, its first session.
pub(crate) async fn insert_account<T: Tx>(
    tx: &mut T,
    account: &NewAccount,
    session: Option<&NewSession>,
) -> Result<Insertion, StoreError> {
    let permissions = write_permissions(&account.permissions)?;
    for _ in 0..MAX_ATTEMPTS {
        if let Some(inserted) = try_insert(tx, account, &permissions).await? {
            if let Some(username) = &account.username {
                search::insert_parts(tx, account.id, &username.canonical()).await?;
            }
            if let Some((link, errand)) = &account.invitation {
                links::keep_link(tx, link, Some(errand)).await?;
            }
            let announced = account.announcer.errands(Occurrence::Inserted(&inserted))?;
            errands::queue_errands(tx, &announced).await?;
            known_devices::note_first(tx, account.id, &account.devices, account.created_at).await?;
            let ended = match session {
                Some(session) => sessions::insert_session(tx, session, u32::MAX).await?.pop(),
                None => None,
            };
            return Ok(Insertion::Inserted { account: inserted, ended });
        }
        // Nothing is taken where the other account was deleted a moment ago: then the name is free by now.
        if let Some(taken) = find_taken(tx, account).await? {
            return Ok(taken);
        }
    }
    Err(broken("an account can be neither made nor found"))
}

async fn try_insert<T: Tx>(
    tx: &mut T,
    account: &NewAccount,
    permissions: &str,
) -> Result<Option<Account>, StoreError> {
    let username = account.username.as_ref();
    let canonical = username.map(Username::canonical);
    let row = tx
        .opt(
            &INSERT_ACCOUNT,
            &[
                (&account.id).into(),
                account.email.as_typed().into(),
                account.email.canonical().into(),
                username.map(Username::as_str).into(),
                canonical.as_deref().into(),
                account.full_name.as_ref().map(FullName::as_str).into(),
                account.password_hash.as_ref().map(PasswordHash::expose).into(),
                account.confirmed.into(),
                permissions.into(),
                account.created_at.into(),
                account.language.map(Language::tag).into(),
                account.permissions.contains(ADMIN).into(),
                account.profile.as_ref().map(ProfileText::as_str).into(),
            ],
        )
        .await?;
    row.map(AccountRow::into_account).transpose()
}

async fn find_taken<T: Tx>(tx: &mut T, account: &NewAccount) -> Result<Option<Insertion>, StoreError> {
    let username = account.username.as_ref().map(Username::canonical);
    let names = [account.email.canonical().into(), username.as_deref().into()];
    let taken = tx.opt(&FIND_TAKEN, &names).await?.ok_or_else(|| broken("a count has no answer"))?;
    let (email, username) = (taken.emails > 0, taken.usernames > 0);
    Ok((email || username).then_some(Insertion::Taken { email, username }))
}

/// Finds an account.
pub(crate) async fn find_account<T: Tx>(tx: &mut T, id: AccountId) -> Result<Option<Account>, StoreError> {
    tx.opt(&FIND_ACCOUNT, &[(&id).into()]).await?.map(AccountRow::into_account).transpose()
}

/// Finds what a login needs.
pub(crate) async fn find_credentials<T: Tx>(
    tx: &mut T,
    name: &LoginName,
) -> Result<Option<Credentials>, StoreError> {
    let found = match name {
        LoginName::Email(email) => tx.opt(&FIND_CREDENTIALS_BY_EMAIL, &[email.as_str().into()]).await?,
        LoginName::Username(name) => tx.opt(&FIND_CREDENTIALS_BY_USERNAME, &[name.as_str().into()]).await?,
        // The same work as for a name that could exist; no user name is empty.
        LoginName::Neither => tx.opt(&FIND_CREDENTIALS_BY_USERNAME, &[Value::from("")]).await?,
    };
    let Some((account, secret)) = found else { return Ok(None) };
    Ok(Some(Credentials {
        account: account.into_account()?,
        password_hash: secret.password_hash.map(PasswordHash::new),
        language: secret.language.as_deref().and_then(Language::read),
        deletion: (secret.deletes_at > Timestamp::EPOCH)
            .then_some(PendingDeletion { at: secret.deletes_at, may_be_restored: secret.may_return }),
        cutoff_at: secret.cutoff_at.max(secret.global_cutoff_at),
        unlocks: secret.unlocks.unsigned_abs(),
        devices_since: secret.devices_since,
    }))
}

/// Replaces a password hash if it still is `from`.
pub(crate) async fn update_password_hash<T: Tx>(
    tx: &mut T,
    id: AccountId,
    from: &PasswordHash,
    to: &PasswordHash,
) -> Result<bool, StoreError> {
    let params = [(&id).into(), from.expose().into(), to.expose().into()];
    Ok(tx.exec(&UPDATE_PASSWORD_HASH, &params).await? > 0)
}

/// Adds a permission to what the account has by now.
pub(crate) async fn insert_permission<T: Tx>(
    tx: &mut T,
    id: AccountId,
    permission: &str,
) -> Result<Option<Account>, StoreError> {
    for _ in 0..MAX_ATTEMPTS {
        let Some(row) = tx.opt(&FIND_ACCOUNT, &[(&id).into()]).await? else { return Ok(None) };
        let stored = row.permissions.clone();
        let mut account = row.into_account()?;
        if account.permissions.contains(permission) {
            return Ok(Some(account));
        }
        account.permissions.insert(permission);
        let changed = write_permissions(&account.permissions)?;
        let administrates = account.permissions.contains(ADMIN).into();
        let params = [(&id).into(), stored.as_str().into(), changed.as_str().into(), administrates];
        if tx.exec(&UPDATE_PERMISSIONS, &params).await? > 0 {
            return Ok(Some(account));
        }
    }
    Err(broken("the permissions of an account never stand still"))
}

fn read_permissions(stored: &str) -> Result<Scopes, StoreError> {
    let names: Vec<String> = serde_json::from_str(stored).map_err(broken)?;
    Ok(names.into_iter().collect())
}

pub(crate) fn write_permissions(permissions: &Scopes) -> Result<String, StoreError> {
    serde_json::to_string(&permissions.iter().collect::<Vec<_>>()).map_err(broken)
}
