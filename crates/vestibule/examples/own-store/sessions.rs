//! Sessions: opened, moved on, ended.

use std::cmp::Reverse;

use vestibule::{
    async_trait,
    core::{
        ports::{
            Timestamp,
            store::{
                Opening, Rotated, Rotation, RotationRequest, SessionOpening, Sessions, Stall, StoreError,
            },
        },
        values::{
            account::{Account, AccountId},
            session::{NewSession, RevokedSession, Session, SessionId},
        },
    },
};

use super::{MemoryStore, SessionRow, State};

/// No session gets that far: what names a generation from here on is none of ours.
const GENERATIONS: u64 = i64::MAX as u64;

#[async_trait]
impl Sessions for MemoryStore {
    async fn open_session(&self, opening: SessionOpening) -> Result<Opening, StoreError> {
        let (mut state, session) = (self.lock()?, opening.session);
        let (born, everyone) = (session.created_at, state.everyone);
        let Some(row) = state.accounts.get_mut(&session.account_id).filter(|row| {
            row.account.active
                // Changed while the old password was verified.
                && row.password_hash.as_ref() == Some(&opening.verified)
                // The session would be dead from its birth.
                && row.cutoff_at.max(everyone) < born
        }) else {
            return Ok(Opening::Refused);
        };
        row.account.last_login_at = Some(born);
        let account = row.account.clone();
        let ended = state.insert_session(session, opening.limit);
        let is_told = opening.arrival.is_some_and(|arrival| state.arrive(account.id, arrival, born));
        Ok(Opening::Opened { account, ended, is_told })
    }

    async fn rotate_session(&self, rotation: RotationRequest) -> Result<Rotation, StoreError> {
        let mut state = self.lock()?;
        let account = match state.account_of_live(rotation.id, rotation.now) {
            Some(account) if account.active && rotation.generation < GENERATIONS => account.clone(),
            _ => return Ok(Rotation::Refused),
        };
        let Some(row) = state.sessions.get_mut(&rotation.id) else { return Ok(Rotation::Refused) };
        let next = rotation.generation + 1;
        // The stored generation lags behind after a restored backup; the token's MAC proves that we issued the newer one.
        if row.generation <= rotation.generation {
            row.generation = next;
            row.refreshed_at = rotation.now;
            let session = &mut row.session;
            session.expires_at = session.ends_at.min(rotation.now.plus(rotation.refresh_ttl));
            session.access_until = session.access_until.max(rotation.access_until);
            return Ok(Rotation::Rotated(row.rotated(account)));
        }
        // Two tabs, a lost response, a retry: the child that nobody has used yet, once more.
        let begins = Stall::grace_begins(rotation.stall, row.refreshed_at);
        if row.generation == next && rotation.now.since(begins) <= rotation.grace {
            return Ok(Rotation::Repeated(row.rotated(account)));
        }
        Ok(state.end(rotation.id).map_or(Rotation::Refused, Rotation::ReuseDetected))
    }

    async fn list_sessions(&self, account_id: AccountId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let state = self.lock()?;
        let mut rows: Vec<_> = state.sessions_of(account_id).filter(|row| state.is_live(row, now)).collect();
        rows.sort_by_key(|row| Reverse(row.age()));
        Ok(rows.into_iter().map(SessionRow::shown).collect())
    }

    async fn find_session_owner(
        &self,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<AccountId>, StoreError> {
        Ok(self.lock()?.account_of_live(id, now).map(|account| account.id))
    }

    async fn revoke_session(
        &self,
        id: SessionId,
        owner: Option<AccountId>,
        now: Timestamp,
    ) -> Result<Option<RevokedSession>, StoreError> {
        let mut state = self.lock()?;
        let is_theirs = state.sessions.get(&id).is_some_and(|row| {
            owner.is_none_or(|owner| row.session.account_id == owner) && state.is_worth_ending(row, now)
        });
        Ok(if is_theirs { state.end(id) } else { None })
    }

    async fn revoke_other_sessions(
        &self,
        account_id: AccountId,
        keep: SessionId,
        now: Timestamp,
    ) -> Result<Vec<RevokedSession>, StoreError> {
        Ok(self.lock()?.end_others(account_id, keep, now))
    }
}

impl State {
    /// Keeps a new session, and ends the one it replaces and the oldest beyond `limit`.
    pub(super) fn insert_session(&mut self, session: NewSession, limit: u32) -> Vec<RevokedSession> {
        let now = session.created_at;
        let replaced = session
            .replaces
            .filter(|id| self.sessions.get(id).is_some_and(|row| self.is_worth_ending(row, now)));
        let mut ended: Vec<_> = replaced.into_iter().filter_map(|id| self.end(id)).collect();
        let live = self.sessions_of(session.account_id).filter(|row| self.is_live(row, now));
        let mut ages: Vec<_> = live.map(SessionRow::age).collect();
        ages.sort_by_key(|age| Reverse(*age));
        let kept = usize::try_from(limit.saturating_sub(1)).unwrap_or(usize::MAX);
        ended.extend(ages.into_iter().skip(kept).filter_map(|(_, id)| self.end(id)));
        let row = SessionRow { generation: 0, refreshed_at: now, session };
        self.sessions.insert(row.session.id, row);
        ended
    }

    /// Ends every session of an account but one.
    pub(super) fn end_others(
        &mut self,
        account_id: AccountId,
        keep: SessionId,
        now: Timestamp,
    ) -> Vec<RevokedSession> {
        let others = self.sessions_of(account_id).filter(|row| row.session.id != keep);
        let others: Vec<_> =
            others.filter(|row| self.is_worth_ending(row, now)).map(|row| row.session.id).collect();
        others.into_iter().filter_map(|id| self.end(id)).collect()
    }

    /// Ends a session: takes it out, and tells.
    pub(super) fn end(&mut self, id: SessionId) -> Option<RevokedSession> {
        let SessionRow { session, .. } = self.sessions.remove(&id)?;
        let ended = RevokedSession { id, account_id: session.account_id, access_until: session.access_until };
        self.told.session(ended);
        Some(ended)
    }

    /// The sessions of an account that have not ended, expired ones too.
    pub(super) fn sessions_of(&self, id: AccountId) -> impl Iterator<Item = &SessionRow> {
        self.sessions.values().filter(move |row| row.session.account_id == id)
    }

    fn account_of_live(&self, id: SessionId, now: Timestamp) -> Option<&Account> {
        let row = self.sessions.get(&id).filter(|row| self.is_live(row, now))?;
        self.accounts.get(&row.session.account_id).map(|row| &row.account)
    }

    fn is_live(&self, row: &SessionRow, now: Timestamp) -> bool {
        row.session.expires_at > now && !self.is_cut_off(row)
    }

    /// An expired one, too, while an access token of it lives.
    fn is_worth_ending(&self, row: &SessionRow, now: Timestamp) -> bool {
        (row.session.expires_at > now || row.session.access_until > now) && !self.is_cut_off(row)
    }

    fn is_cut_off(&self, row: &SessionRow) -> bool {
        let account = self.accounts.get(&row.session.account_id);
        account.is_none_or(|account| row.session.created_at <= account.cutoff_at.max(self.everyone))
    }
}

impl SessionRow {
    /// What they are sorted by.
    fn age(&self) -> (Timestamp, SessionId) {
        (self.session.created_at, self.session.id)
    }

    fn rotated(&self, account: Account) -> Rotated {
        Rotated {
            account,
            generation: self.generation,
            scope: self.session.scope.clone(),
            authenticated_at: self.session.created_at,
            expires_at: self.session.expires_at,
        }
    }

    fn shown(&self) -> Session {
        Session {
            id: self.session.id,
            created_at: self.session.created_at,
            last_seen_at: self.refreshed_at,
            address: self.session.client.address.to_string(),
            user_agent: self.session.client.user_agent.clone(),
        }
    }
}
