//! Cut-offs, and the memory of what no longer counts.

use uuid::Uuid;
use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{AccountCutoff, Progress, Revoked, StoreError},
    },
    values::{
        account::AccountId,
        session::{RevokedSession, SessionId},
    },
};

use crate::{
    changes::{self, SHARDS, Stamp, next_number},
    failure::broken,
    statement::{global_cutoff, statements},
    tx::{Tx, row},
};

/// How many revocations are read at once.
const PAGE: usize = 1000;

row! { CutoffRow { id: AccountId, cutoff_at: Timestamp, cutoff_until: Timestamp, change_number: i64 } }

impl From<CutoffRow> for AccountCutoff {
    fn from(row: CutoffRow) -> Self {
        Self { account_id: row.id, at: row.cutoff_at, until: row.cutoff_until }
    }
}

row! { EndedRow { created_at: Timestamp, access_until: Timestamp, change_number: i64 } }
row! { GlobalCutoffRow { cutoff_at: Timestamp } }
row! { NewestRow { id: SessionId } }

row! {
    /// A revoked session, or an account's cut-off: the two kinds of changes, in the order of their numbers.
    ChangeRow {
        number: i64,
        id: Uuid,
        account_id: AccountId,
        cutoff_at: Option<Timestamp>,
        until: Timestamp,
    }
}

statements! {
    CUT_OFF_ACCOUNT: CutoffRow = concat!(
        "UPDATE account SET cutoff_at = CASE WHEN cutoff_at < $2 THEN $2 ELSE cutoff_at END, \
         cutoff_until = CASE WHEN cutoff_until < $3 THEN $3 ELSE cutoff_until END, change_number = ",
        next_number!("$4"), " WHERE id = $1 RETURNING id, cutoff_at, cutoff_until, change_number");
    END_SESSIONS: EndedRow = concat!(
        "UPDATE session SET revoked_at = $2, change_number = ", next_number!("$3"),
        " WHERE account_id = $1 AND revoked_at IS NULL RETURNING created_at, access_until, change_number");
    FIND_NEWEST_SESSION: NewestRow = "SELECT id FROM session WHERE id >= $1 ORDER BY id DESC LIMIT 1";
    CUT_OFF_EVERYONE: GlobalCutoffRow =
        "INSERT INTO global_cutoff (id, cutoff_at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE \
         SET cutoff_at = CASE WHEN global_cutoff.cutoff_at < excluded.cutoff_at \
         THEN excluded.cutoff_at ELSE global_cutoff.cutoff_at END RETURNING cutoff_at";
    FIND_GLOBAL_CUTOFF: GlobalCutoffRow = concat!("SELECT ", global_cutoff!(), " AS cutoff_at");
    // Numbers above zero are the indexed ones. Each half ends by itself: sorted together, all that is left would be read
    // for every page.
    LIST_CHANGES: ChangeRow =
        "SELECT * FROM (SELECT session.change_number AS number, session.id AS id, \
         session.account_id AS account_id, CAST(NULL AS BIGINT) AS cutoff_at, session.access_until AS until \
         FROM session WHERE session.change_number > 0 AND (session.change_number, session.id) > ($1, $2) \
         AND session.change_number <= $3 AND session.access_until > $4 \
         ORDER BY session.change_number, session.id LIMIT $5) AS ended \
         UNION ALL SELECT * FROM (SELECT account.change_number, account.id, account.id, account.cutoff_at, \
         account.cutoff_until FROM account WHERE account.change_number > 0 \
         AND (account.change_number, account.id) > ($1, $2) AND account.change_number <= $3 \
         AND account.cutoff_until > $4 ORDER BY account.change_number, account.id LIMIT $5) AS cut_off \
         ORDER BY number, id LIMIT $5";
}

/// Ends every session that an account has, and every other one begun at or before `at`; a cut-off never moves back.
///
/// No clock decides which sessions there are: the machine that opened one may be ahead of the one that cuts off. The
/// cut-off therefore covers the birth of the youngest, and a login after it is born later still.
///
/// Logins wait at the account's row, which is therefore the first: who got past it has a session to end, and who has not
/// sees the cut-off. A refresh under way looked at the account before; it does not get past the session's own row, where
/// one of the two waits for the other.
pub(crate) async fn cut_off_account<T: Tx>(
    tx: &mut T,
    account_id: AccountId,
    at: Timestamp,
) -> Result<Option<AccountCutoff>, StoreError> {
    let stamp = Stamp::draw();
    let params = [(&account_id).into(), at.into(), Timestamp::default().into(), stamp.into()];
    let Some(mut cutoff) = tx.opt(&CUT_OFF_ACCOUNT, &params).await? else { return Ok(None) };
    let mut numbers = vec![cutoff.change_number];

    let ended = tx.all(&END_SESSIONS, &[(&account_id).into(), at.into(), stamp.into()]).await?;
    let youngest = ended.iter().map(|session| session.created_at).max();
    let last_access = ended.iter().map(|session| session.access_until).max();
    if let Some((youngest, until)) = youngest.zip(last_access) {
        let cover = [(&account_id).into(), youngest.into(), until.into(), stamp.into()];
        let covered = tx.opt(&CUT_OFF_ACCOUNT, &cover).await?;
        cutoff = covered.ok_or_else(|| broken("an account vanished under its cut-off"))?;
    }
    numbers.extend(ended.iter().map(|session| session.change_number).chain([cutoff.change_number]));
    changes::announce(tx, stamp, &numbers).await?;
    Ok(Some(cutoff.into()))
}

/// Ends every session that there is, and every other one begun at or before `at`; a cut-off never moves back.
pub(crate) async fn cut_off_everyone<T: Tx>(tx: &mut T, at: Timestamp) -> Result<Timestamp, StoreError> {
    // An id begins with its session's birth.
    let from = u128::try_from(at.as_millis()).unwrap_or(0) << 80;
    let newest = tx.opt(&FIND_NEWEST_SESSION, &[(&Uuid::from_u128(from)).into()]).await?;
    let at = newest.map_or(at, |newest| at.max(newest.id.created_at()));
    let row = tx.opt(&CUT_OFF_EVERYONE, &[at.into()]).await?;
    let row = row.ok_or_else(|| broken("a cut-off has no answer"))?;
    changes::announce(tx, Stamp::draw(), &[]).await?;
    Ok(row.cutoff_at)
}

/// The next page of what a node must know to refuse dead tokens without asking.
///
/// Of each stamp only what is not beyond the number it has now: the rest may not all be committed yet, and is found
/// beyond it the next time.
pub(crate) async fn list_revocations<T: Tx>(
    tx: &mut T,
    after: &Progress,
    now: Timestamp,
) -> Result<Revoked, StoreError> {
    let stamps = changes::list_stamps(tx).await?;
    let mut read = beginning_with(after, &stamps);
    let mut revoked = Revoked { is_all: true, ..Revoked::default() };
    let mut room = PAGE;
    for (place, stamp) in read.iter_mut().zip(stamps) {
        if place.0 >= stamp && place.1 == Uuid::max() {
            continue;
        }
        if room == 0 {
            revoked.is_all = false;
            break;
        }
        let limit = i64::try_from(room).map_err(broken)?;
        let params = [place.0.into(), (&place.1).into(), stamp.into(), now.into(), limit.into()];
        let page = tx.all(&LIST_CHANGES, &params).await?;
        room = room.saturating_sub(page.len());
        *place = match page.last() {
            Some(last) if room == 0 => (last.number, last.id),
            _ => (stamp, Uuid::max()),
        };
        revoked.is_all &= room > 0;
        for change in &page {
            note(&mut revoked, change);
        }
    }
    revoked.progress = Progress::new(read);
    revoked.everyone = find_global_cutoff(tx).await?;
    Ok(revoked)
}

/// Where to read on in each stamp. From the beginning in all of them where one has gone back: then this is not the
/// history that was read, but a restored backup or a standby that had not heard of everything.
fn beginning_with(after: &Progress, stamps: &[i64]) -> Vec<(i64, Uuid)> {
    let read = after.as_slice();
    let is_known =
        read.len() == stamps.len() && read.iter().zip(stamps).all(|(read, stamp)| read.0 <= *stamp);
    if is_known {
        return read.to_vec();
    }
    (0..SHARDS).map(|shard| (Stamp::of(shard).origin(), Uuid::max())).collect()
}

fn note(revoked: &mut Revoked, change: &ChangeRow) {
    let ChangeRow { id, account_id, cutoff_at, until, .. } = *change;
    match cutoff_at {
        Some(at) => revoked.accounts.push(AccountCutoff { account_id, at, until }),
        None => {
            revoked.sessions.push(RevokedSession {
                id: SessionId::from_uuid(id),
                account_id,
                access_until: until,
            });
        }
    }
}

/// The cut-off of everybody; the epoch where there was none.
pub(crate) async fn find_global_cutoff<T: Tx>(tx: &mut T) -> Result<Timestamp, StoreError> {
    let row = tx.opt(&FIND_GLOBAL_CUTOFF, &[]).await?;
    row.map(|row| row.cutoff_at).ok_or_else(|| broken("a cut-off has no answer"))
}
