//! Cut-offs, and the memory of what no longer counts.

use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{AccountCutoff, Revoked, StoreError},
    },
    values::{account::AccountId, session::RevokedSession},
};

use crate::{
    changes,
    failure::broken,
    sessions::RevokedRow,
    statement::{global_cutoff, statements},
    tx::{Tx, row},
};

row! { CutoffRow { id: AccountId, cutoff_at: Timestamp, cutoff_until: Timestamp } }

impl From<CutoffRow> for AccountCutoff {
    fn from(row: CutoffRow) -> Self {
        Self { account_id: row.id, at: row.cutoff_at, until: row.cutoff_until }
    }
}

row! { GlobalCutoffRow { cutoff_at: Timestamp } }

/// The latest `exp` issued for a session that falls under the cut-off; a revoked one is remembered by itself.
macro_rules! last_access {
    () => {
        "COALESCE((SELECT MAX(session.access_until) FROM session \
         WHERE session.account_id = account.id AND session.revoked_at IS NULL AND session.created_at <= $2), 0)"
    };
}

statements! {
    CUT_OFF_ACCOUNT: CutoffRow = concat!(
        "UPDATE account SET cutoff_at = CASE WHEN cutoff_at < $2 THEN $2 ELSE cutoff_at END, \
         cutoff_until = CASE WHEN cutoff_until < ", last_access!(), " THEN ", last_access!(),
        " ELSE cutoff_until END WHERE id = $1 RETURNING id, cutoff_at, cutoff_until");
    REVOKE_SESSIONS_CUT_OFF: () =
        "UPDATE session SET revoked_at = $2 WHERE account_id = $1 AND revoked_at IS NULL AND created_at <= $2";
    CUT_OFF_EVERYONE: GlobalCutoffRow =
        "INSERT INTO global_cutoff (id, cutoff_at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE \
         SET cutoff_at = CASE WHEN global_cutoff.cutoff_at < excluded.cutoff_at \
         THEN excluded.cutoff_at ELSE global_cutoff.cutoff_at END RETURNING cutoff_at";
    LIST_REVOKED_SESSIONS: RevokedRow =
        "SELECT id, account_id, access_until FROM session WHERE revoked_at IS NOT NULL AND access_until > $1";
    // The constant lets the partial index answer.
    LIST_ACCOUNT_CUTOFFS: CutoffRow =
        "SELECT id, cutoff_at, cutoff_until FROM account WHERE cutoff_until > 0 AND cutoff_until > $1";
    FIND_GLOBAL_CUTOFF: GlobalCutoffRow = concat!("SELECT ", global_cutoff!(), " AS cutoff_at");
}

/// Ends every session of an account begun at or before `at`; a cut-off never moves back.
///
/// The sessions are revoked, too. A rotation under way looked at the account before the cut-off, and its new access
/// token may outlive `cutoff_until`; it does not get past the session's own row, where one of the two waits for the
/// other. Logins wait at the account's row, which is therefore the first.
pub(crate) async fn cut_off_account<T: Tx>(
    tx: &mut T,
    account_id: AccountId,
    at: Timestamp,
) -> Result<Option<AccountCutoff>, StoreError> {
    let params = [(&account_id).into(), at.into()];
    let Some(row) = tx.opt(&CUT_OFF_ACCOUNT, &params).await? else { return Ok(None) };
    tx.exec(&REVOKE_SESSIONS_CUT_OFF, &params).await?;
    changes::announce(tx).await?;
    Ok(Some(row.into()))
}

/// Ends every session begun at or before `at`; a cut-off never moves back.
pub(crate) async fn cut_off_everyone<T: Tx>(tx: &mut T, at: Timestamp) -> Result<Timestamp, StoreError> {
    let row = tx.opt(&CUT_OFF_EVERYONE, &[at.into()]).await?;
    let row = row.ok_or_else(|| broken("a cut-off has no answer"))?;
    changes::announce(tx).await?;
    Ok(row.cutoff_at)
}

/// Everything a node must know to refuse dead tokens without asking.
pub(crate) async fn list_revocations<T: Tx>(tx: &mut T, now: Timestamp) -> Result<Revoked, StoreError> {
    let sessions = tx.all(&LIST_REVOKED_SESSIONS, &[now.into()]).await?;
    let accounts = tx.all(&LIST_ACCOUNT_CUTOFFS, &[now.into()]).await?;
    let everyone = find_global_cutoff(tx).await?;
    Ok(Revoked {
        sessions: sessions.into_iter().map(RevokedSession::from).collect(),
        accounts: accounts.into_iter().map(AccountCutoff::from).collect(),
        everyone,
    })
}

/// The cut-off of everybody; the epoch where there was none.
pub(crate) async fn find_global_cutoff<T: Tx>(tx: &mut T) -> Result<Timestamp, StoreError> {
    let row = tx.opt(&FIND_GLOBAL_CUTOFF, &[]).await?;
    row.map(|row| row.cutoff_at).ok_or_else(|| broken("a cut-off has no answer"))
}
