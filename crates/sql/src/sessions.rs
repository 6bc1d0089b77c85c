//! Sessions: opened, listed, revoked. Moving one a generation further is in `rotation`.

use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{Opening, SessionOpening, StoreError},
    },
    values::{
        account::AccountId,
        session::{NewSession, RevokedSession, Session, SessionId},
    },
};

use crate::{
    accounts::AccountRow,
    changes,
    statement::{account_columns, session_is_live, session_is_not_cut_off, statements},
    tx::{Tx, row},
};

row! { RevokedRow { id: SessionId, account_id: AccountId, access_until: Timestamp } }

impl From<RevokedRow> for RevokedSession {
    fn from(row: RevokedRow) -> Self {
        Self { id: row.id, account_id: row.account_id, access_until: row.access_until }
    }
}

row! {
    SessionRow {
        id: SessionId,
        created_at: Timestamp,
        refreshed_at: Timestamp,
        address: String,
        user_agent: String,
    }
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        Self {
            id: row.id,
            created_at: row.created_at,
            last_seen_at: row.refreshed_at,
            address: row.address,
            user_agent: row.user_agent,
        }
    }
}

row! { OwnerRow { account_id: AccountId } }

statements! {
    // Also the place where a login meets a change of the password, a cut-off and other logins of the account: one of
    // them waits for the other here. A session born at or before the cut-off would be dead from its birth.
    RECORD_LOGIN: AccountRow = concat!(
        "UPDATE account SET last_login_at = $3 WHERE id = $1 AND active = 1 AND password_hash = $2 \
         AND cutoff_at < $3 RETURNING ",
        account_columns!());
    INSERT_SESSION: () =
        "INSERT INTO session (id, account_id, generation, scope, created_at, authenticated_at, refreshed_at, \
         expires_at, ends_at, access_until, revoked_at, address, user_agent) \
         VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $8, $9, NULL, $10, $11)";
    // The count is answered by the index alone and spares nearly every login the closer look. The limit only satisfies
    // SQLite, which has no OFFSET without one.
    REVOKE_OLDEST_SESSIONS: RevokedRow = concat!(
        "UPDATE session SET revoked_at = $2 WHERE id IN (SELECT session.id FROM session \
         WHERE (SELECT COUNT(*) FROM session AS kept WHERE kept.account_id = $1 AND kept.revoked_at IS NULL) > $4 \
         AND session.account_id = $1 AND session.id <> $3 AND ", session_is_live!("$2"),
        " ORDER BY session.created_at DESC, session.id DESC LIMIT 1000000 OFFSET $4) \
         RETURNING id, account_id, access_until");
    // A session that has expired while an access token of it has not is still worth revoking.
    REVOKE_SESSION: RevokedRow = concat!(
        "UPDATE session SET revoked_at = $2 WHERE id = $1 AND account_id = COALESCE($3, account_id) \
         AND revoked_at IS NULL AND (expires_at > $2 OR access_until > $2) AND ", session_is_not_cut_off!(),
        " RETURNING id, account_id, access_until");
    REVOKE_OTHER_SESSIONS: RevokedRow = concat!(
        "UPDATE session SET revoked_at = $3 WHERE account_id = $1 AND id <> $2 \
         AND revoked_at IS NULL AND (expires_at > $3 OR access_until > $3) AND ", session_is_not_cut_off!(),
        " RETURNING id, account_id, access_until");
    LIST_SESSIONS: SessionRow = concat!(
        "SELECT session.id, session.created_at, session.refreshed_at, session.address, session.user_agent \
         FROM session WHERE session.account_id = $1 AND ", session_is_live!("$2"),
        " ORDER BY session.created_at DESC, session.id DESC");
    FIND_SESSION_OWNER: OwnerRow = concat!(
        "SELECT session.account_id FROM session WHERE session.id = $1 AND ", session_is_live!("$2"));
}

/// Keeps a new session and ends the one it replaces, which the caller has to announce; the refresh token it is given away with is of generation 0.
pub(crate) async fn insert_session<T: Tx>(
    tx: &mut T,
    session: &NewSession,
) -> Result<Option<RevokedSession>, StoreError> {
    let ended = match session.replaces {
        Some(replaced) => revoke(tx, replaced, None, session.created_at).await?,
        None => None,
    };
    let scope = session.scope.to_string();
    let address = session.client.address.to_string();
    let params = [
        (&session.id).into(),
        (&session.account_id).into(),
        scope.as_str().into(),
        session.created_at.into(),
        session.created_at.into(),
        session.created_at.into(),
        session.expires_at.into(),
        session.ends_at.into(),
        session.access_until.into(),
        address.as_str().into(),
        session.client.user_agent.as_str().into(),
    ];
    tx.exec(&INSERT_SESSION, &params).await?;
    Ok(ended)
}

/// Opens a session, ends the one it replaces and makes room for it.
pub(crate) async fn open_session<T: Tx>(tx: &mut T, opening: &SessionOpening) -> Result<Opening, StoreError> {
    let session = &opening.session;
    let login = [(&session.account_id).into(), opening.verified.expose().into(), session.created_at.into()];
    let Some(account) = tx.opt(&RECORD_LOGIN, &login).await? else { return Ok(Opening::Refused) };
    let account = account.into_account()?;

    let mut ended: Vec<_> = insert_session(tx, session).await?.into_iter().collect();
    let others = i64::from(opening.limit.saturating_sub(1));
    let room = [(&session.account_id).into(), session.created_at.into(), (&session.id).into(), others.into()];
    ended.extend(tx.all(&REVOKE_OLDEST_SESSIONS, &room).await?.into_iter().map(RevokedSession::from));
    if !ended.is_empty() {
        changes::announce(tx).await?;
    }
    Ok(Opening::Opened { account, ended })
}

/// The live sessions of an account, the newest first.
pub(crate) async fn list_sessions<T: Tx>(
    tx: &mut T,
    account_id: AccountId,
    now: Timestamp,
) -> Result<Vec<Session>, StoreError> {
    let rows = tx.all(&LIST_SESSIONS, &[(&account_id).into(), now.into()]).await?;
    Ok(rows.into_iter().map(Session::from).collect())
}

/// Whose session this is, if it is live.
pub(crate) async fn find_session_owner<T: Tx>(
    tx: &mut T,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<AccountId>, StoreError> {
    Ok(tx.opt(&FIND_SESSION_OWNER, &[(&id).into(), now.into()]).await?.map(|row| row.account_id))
}

/// Revokes a live session and tells the others.
pub(crate) async fn revoke_session<T: Tx>(
    tx: &mut T,
    id: SessionId,
    owner: Option<AccountId>,
    now: Timestamp,
) -> Result<Option<RevokedSession>, StoreError> {
    let revoked = revoke(tx, id, owner, now).await?;
    if revoked.is_some() {
        changes::announce(tx).await?;
    }
    Ok(revoked)
}

async fn revoke<T: Tx>(
    tx: &mut T,
    id: SessionId,
    owner: Option<AccountId>,
    now: Timestamp,
) -> Result<Option<RevokedSession>, StoreError> {
    let params = [(&id).into(), now.into(), owner.as_ref().into()];
    Ok(tx.opt(&REVOKE_SESSION, &params).await?.map(RevokedSession::from))
}

/// Revokes the live sessions of an account but one.
pub(crate) async fn revoke_other_sessions<T: Tx>(
    tx: &mut T,
    account_id: AccountId,
    keep: SessionId,
    now: Timestamp,
) -> Result<Vec<RevokedSession>, StoreError> {
    let params = [(&account_id).into(), (&keep).into(), now.into()];
    let revoked = tx.all(&REVOKE_OTHER_SESSIONS, &params).await?;
    if !revoked.is_empty() {
        changes::announce(tx).await?;
    }
    Ok(revoked.into_iter().map(RevokedSession::from).collect())
}
