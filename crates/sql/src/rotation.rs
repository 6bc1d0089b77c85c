//! Moving a session one generation further: the defence against stolen refresh tokens.
//!
//! The good path is one compare-and-swap. Only where it finds nothing to swap does a second look tell why: a child that
//! nobody used yet is answered again within the grace, a generation used before is theft and ends the session.

use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{Rotated, Rotation, RotationRequest, Stall, StoreError},
    },
    values::scope::Scopes,
};

use crate::{
    accounts::AccountRow,
    changes::{Stamp, next_number},
    failure::broken,
    sessions::{self, RevokedRow},
    statement::{account_columns, global_cutoff, statements},
    tx::{Tx, row},
};

row! { RotatedRow { generation: i64, scope: String, authenticated_at: Timestamp, expires_at: Timestamp } }
row! { RefreshedRow { refreshed_at: Timestamp } }

statements! {
    // `generation <= presented`: after a restored backup the stored generation lags, and the token's MAC proves that we
    // issued what was presented. SQLite's RETURNING sees no other table, hence a sub-select for every column.
    ROTATE_SESSION: (RotatedRow, AccountRow) = concat!(
        "UPDATE session SET generation = $3, refreshed_at = $4, \
         expires_at = CASE WHEN ends_at < $5 THEN ends_at ELSE $5 END, \
         access_until = CASE WHEN access_until > $6 THEN access_until ELSE $6 END \
         WHERE id = $1 AND generation <= $2 AND revoked_at IS NULL AND expires_at > $4 \
         AND created_at > ", global_cutoff!(), " AND EXISTS (SELECT 1 FROM account \
         WHERE account.id = session.account_id AND account.active = 1 AND account.cutoff_at < session.created_at) \
         RETURNING generation, scope, authenticated_at, expires_at, account_id AS id, \
         (SELECT account.email FROM account WHERE account.id = session.account_id) AS email, \
         (SELECT account.username FROM account WHERE account.id = session.account_id) AS username, \
         (SELECT account.full_name FROM account WHERE account.id = session.account_id) AS full_name, \
         (SELECT account.active FROM account WHERE account.id = session.account_id) AS active, \
         (SELECT account.confirmed FROM account WHERE account.id = session.account_id) AS confirmed, \
         (SELECT account.permissions FROM account WHERE account.id = session.account_id) AS permissions, \
         (SELECT account.created_at FROM account WHERE account.id = session.account_id) AS created_at, \
         (SELECT account.last_login_at FROM account WHERE account.id = session.account_id) AS last_login_at, \
         (SELECT account.profile FROM account WHERE account.id = session.account_id) AS profile");
    FIND_LIVE_SESSION: (RotatedRow, (RefreshedRow, AccountRow)) = concat!(
        "SELECT session.generation, session.scope, session.authenticated_at, session.expires_at, \
         session.refreshed_at, ", account_columns!(),
        " FROM session JOIN account ON account.id = session.account_id \
         WHERE session.id = $1 AND session.revoked_at IS NULL AND session.expires_at > $2 \
         AND session.created_at > ", global_cutoff!(),
        " AND session.created_at > account.cutoff_at AND account.active = 1");
    REVOKE_REUSED_SESSION: RevokedRow = concat!(
        "UPDATE session SET revoked_at = $2, change_number = ", next_number!("$3"),
        " WHERE id = $1 AND revoked_at IS NULL RETURNING id, account_id, access_until, change_number");
}

/// Moves a session one generation further; `None` where there is nothing to swap.
pub(crate) async fn swap_generation<T: Tx>(
    tx: &mut T,
    request: &RotationRequest,
) -> Result<Option<Rotated>, StoreError> {
    let Some((presented, next)) = generations(request) else { return Ok(None) };
    let swap = [
        (&request.id).into(),
        presented.into(),
        next.into(),
        request.now.into(),
        request.now.plus(request.refresh_ttl).into(),
        request.access_until.into(),
    ];
    let swapped = tx.opt(&ROTATE_SESSION, &swap).await?;
    swapped.map(|(session, account)| rotated(&session, account)).transpose()
}

/// Finds out why there was nothing to swap; revokes the session where its token was used before.
///
/// Sound also where others came between the swap and this look: a generation only grows, and what is dead stays so.
pub(crate) async fn explain_refusal<T: Tx>(
    tx: &mut T,
    request: &RotationRequest,
) -> Result<Rotation, StoreError> {
    let Some((_, next)) = generations(request) else { return Ok(Rotation::Refused) };
    let live = tx.opt(&FIND_LIVE_SESSION, &[(&request.id).into(), request.now.into()]).await?;
    let Some((session, (refreshed, account))) = live else { return Ok(Rotation::Refused) };
    // Order is by generation, never by time: a clock that ran backwards counts as no time at all.
    // What was swapped while the store gave no answers had none, so its client could not come back before they did.
    let begins = Stall::grace_begins(request.stall, refreshed.refreshed_at);
    let is_within_grace = request.now.since(begins) <= request.grace;
    if session.generation == next && is_within_grace {
        return Ok(Rotation::Repeated(rotated(&session, account)?));
    }
    if session.generation < next {
        return Ok(Rotation::Refused);
    }
    let stamp = Stamp::draw();
    let params = [(&request.id).into(), request.now.into(), stamp.into()];
    let revoked = tx.all(&REVOKE_REUSED_SESSION, &params).await?;
    let revoked = sessions::tell(tx, stamp, revoked).await?.pop();
    Ok(revoked.map_or(Rotation::Refused, Rotation::ReuseDetected))
}

/// The presented generation and its child; no token of ours names a generation beyond that.
fn generations(request: &RotationRequest) -> Option<(i64, i64)> {
    let presented = i64::try_from(request.generation).ok()?;
    Some((presented, presented.checked_add(1)?))
}

fn rotated(session: &RotatedRow, account: AccountRow) -> Result<Rotated, StoreError> {
    Ok(Rotated {
        account: account.into_account()?,
        generation: u64::try_from(session.generation).map_err(broken)?,
        scope: Scopes::read(&session.scope),
        authenticated_at: session.authenticated_at,
        expires_at: session.expires_at,
    })
}
