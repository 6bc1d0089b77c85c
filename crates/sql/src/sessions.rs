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
    changes::{self, Stamp, next_number},
    known_devices::{self, KnownRow, known_until},
    statement::{account_columns, global_cutoff, session_is_live, session_is_not_cut_off, statements},
    tx::{Tx, row},
};

row! { RevokedRow { id: SessionId, account_id: AccountId, access_until: Timestamp, change_number: i64 } }

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

/// A session as it is, but revoked; `$4` is the moment and `$12` the stamp.
macro_rules! revoked_columns {
    () => {
        concat!(
            "id, account_id, generation, scope, created_at, authenticated_at, refreshed_at, expires_at, ends_at, \
             access_until, $4, address, user_agent, device, ",
            next_number!("$12")
        )
    };
}

/// What makes a session worth revoking: one that has expired while an access token of it has not still is.
macro_rules! is_worth_revoking {
    ($now:literal) => {
        concat!(
            "session.revoked_at IS NULL AND (session.expires_at > ",
            $now,
            " OR session.access_until > ",
            $now,
            ") AND ",
            session_is_not_cut_off!()
        )
    };
}

statements! {
    // Also the place where a login meets a change of the password, a cut-off and other logins of the account: one of
    // them waits for the other here. A session born at or before a cut-off would be dead from its birth. Whether the device
    // is known is asked along, so that a login by one that is costs no more.
    RECORD_LOGIN: (AccountRow, KnownRow) = concat!(
        "UPDATE account SET last_login_at = $3 WHERE id = $1 AND active = 1 AND password_hash = $2 \
         AND cutoff_at < $3 AND ", global_cutoff!(), " < $3 RETURNING ",
        account_columns!(), ", ", known_until!("$4"));
    // The new session, the one it replaces and those that make room for it, in one statement: the latter two are there
    // already, so that they conflict and are revoked. Deleted by the upkeep in between, they come back revoked. The count
    // is answered by the index alone and spares nearly every login the closer look. The limit only satisfies SQLite,
    // which has no OFFSET without one, and the last WHERE its parser.
    OPEN_SESSION: RevokedRow = concat!(
        "INSERT INTO session (id, account_id, generation, scope, created_at, authenticated_at, refreshed_at, \
         expires_at, ends_at, access_until, revoked_at, address, user_agent, device, change_number) \
         SELECT $1, $2, 0, $3, $4, $4, $4, $5, $6, $7, CAST(NULL AS BIGINT), $8, $9, $13, 0 \
         UNION ALL SELECT ", revoked_columns!(), " FROM session WHERE session.id = $10 AND session.id <> $1 AND ",
        is_worth_revoking!("$4"),
        " UNION ALL SELECT ", revoked_columns!(), " FROM (SELECT * FROM session \
         WHERE (SELECT COUNT(*) FROM session AS kept WHERE kept.account_id = $2 AND kept.revoked_at IS NULL) > $11 \
         AND session.account_id = $2 AND session.id <> COALESCE($10, $1) AND ", session_is_live!("$4"),
        " ORDER BY session.created_at DESC, session.id DESC LIMIT 1000000 OFFSET $11) AS oldest WHERE 1 = 1 \
         ON CONFLICT (id) DO UPDATE SET revoked_at = excluded.revoked_at, change_number = excluded.change_number \
         WHERE session.revoked_at IS NULL RETURNING id, account_id, access_until, change_number");
    REVOKE_SESSION: RevokedRow = concat!(
        "UPDATE session SET revoked_at = $2, change_number = ", next_number!("$4"),
        " WHERE id = $1 AND account_id = COALESCE($3, account_id) AND ", is_worth_revoking!("$2"),
        " RETURNING id, account_id, access_until, change_number");
    REVOKE_OTHER_SESSIONS: RevokedRow = concat!(
        "UPDATE session SET revoked_at = $3, change_number = ", next_number!("$4"),
        " WHERE account_id = $1 AND id <> $2 AND ", is_worth_revoking!("$3"),
        " RETURNING id, account_id, access_until, change_number");
    LIST_SESSIONS: SessionRow = concat!(
        "SELECT session.id, session.created_at, session.refreshed_at, session.address, session.user_agent \
         FROM session WHERE session.account_id = $1 AND ", session_is_live!("$2"),
        " ORDER BY session.created_at DESC, session.id DESC");
    FIND_SESSION_OWNER: OwnerRow = concat!(
        "SELECT session.account_id FROM session WHERE session.id = $1 AND ", session_is_live!("$2"));
}

/// Keeps a new session, and ends the one it replaces and the oldest beyond `limit`; says which ended, and tells the
/// others.
pub(crate) async fn insert_session<T: Tx>(
    tx: &mut T,
    session: &NewSession,
    limit: u32,
) -> Result<Vec<RevokedSession>, StoreError> {
    let stamp = Stamp::draw();
    let scope = session.scope.to_string();
    let address = session.client.address.to_string();
    let params = [
        (&session.id).into(),
        (&session.account_id).into(),
        scope.as_str().into(),
        session.created_at.into(),
        session.expires_at.into(),
        session.ends_at.into(),
        session.access_until.into(),
        address.as_str().into(),
        session.client.user_agent.as_str().into(),
        session.replaces.as_ref().into(),
        i64::from(limit.saturating_sub(1)).into(),
        stamp.into(),
        session.device.as_ref().into(),
    ];
    let mut ended = tx.all(&OPEN_SESSION, &params).await?;
    ended.retain(|row| row.id != session.id);
    tell(tx, stamp, ended).await
}

/// Opens a session, ends the one it replaces and makes room for it; remembers its device.
pub(crate) async fn open_session<T: Tx>(tx: &mut T, opening: &SessionOpening) -> Result<Opening, StoreError> {
    let session = &opening.session;
    let (id, now) = (session.account_id, session.created_at);
    let device = opening.arrival.as_ref().map(|arrival| &arrival.device.device);
    let login = [(&id).into(), opening.verified.expose().into(), now.into(), device.into()];
    let Some((account, known)) = tx.opt(&RECORD_LOGIN, &login).await? else { return Ok(Opening::Refused) };
    let account = account.into_account()?;
    let ended = insert_session(tx, session, opening.limit).await?;
    let is_told = match &opening.arrival {
        Some(arrival) => known_devices::arrive(tx, id, arrival, &known, now).await?,
        None => false,
    };
    Ok(Opening::Opened { account, ended, is_told })
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
    let stamp = Stamp::draw();
    let params = [(&id).into(), now.into(), owner.as_ref().into(), stamp.into()];
    let revoked = tx.all(&REVOKE_SESSION, &params).await?;
    Ok(tell(tx, stamp, revoked).await?.pop())
}

/// Revokes the live sessions of an account but one.
pub(crate) async fn revoke_other_sessions<T: Tx>(
    tx: &mut T,
    account_id: AccountId,
    keep: SessionId,
    now: Timestamp,
) -> Result<Vec<RevokedSession>, StoreError> {
    let stamp = Stamp::draw();
    let params = [(&account_id).into(), (&keep).into(), now.into(), stamp.into()];
    let revoked = tx.all(&REVOKE_OTHER_SESSIONS, &params).await?;
    tell(tx, stamp, revoked).await
}

/// Tells the others what was revoked, if anything was.
pub(crate) async fn tell<T: Tx>(
    tx: &mut T,
    stamp: Stamp,
    revoked: Vec<RevokedRow>,
) -> Result<Vec<RevokedSession>, StoreError> {
    if !revoked.is_empty() {
        let numbers: Vec<_> = revoked.iter().map(|row| row.change_number).collect();
        changes::announce(tx, stamp, &numbers).await?;
    }
    Ok(revoked.into_iter().map(RevokedSession::from).collect())
}
