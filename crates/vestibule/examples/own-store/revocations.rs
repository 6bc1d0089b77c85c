//! Cut-offs, and the list of what has ended, which every node reads on in.

use std::{collections::BTreeMap, mem, ops::Bound, sync::atomic::Ordering};

use uuid::Uuid;
use vestibule::{
    async_trait,
    core::{
        ports::{
            Timestamp,
            store::{AccountCutoff, Progress, Revocations, Revoked, StoreError},
        },
        values::{account::AccountId, session::RevokedSession},
    },
};

use super::{MemoryStore, State};

/// How much is told at once.
const PAGE: usize = 1000;

/// What has ended, under numbers that only grow. They are given away and written down under one lock: nobody who has read
/// up to a number misses one below it.
#[derive(Debug, Default)]
pub(super) struct Told {
    last: i64,
    ended: BTreeMap<i64, Ended>,
    cutoffs: BTreeMap<AccountId, i64>,
}

#[derive(Clone, Copy, Debug)]
enum Ended {
    Session(RevokedSession),
    Account(AccountCutoff),
}

impl Ended {
    /// Until when somebody may hold an access token of it.
    const fn until(self) -> Timestamp {
        match self {
            Self::Session(session) => session.access_until,
            Self::Account(cutoff) => cutoff.until,
        }
    }
}

impl Told {
    /// Has every node look again.
    pub(super) const fn look_again(&mut self) -> i64 {
        self.last += 1;
        self.last
    }

    pub(super) fn session(&mut self, session: RevokedSession) {
        let number = self.look_again();
        self.ended.insert(number, Ended::Session(session));
    }

    fn cutoff(&mut self, cutoff: AccountCutoff) {
        let number = self.look_again();
        self.ended.insert(number, Ended::Account(cutoff));
        // It covers whatever the one before did.
        if let Some(before) = self.cutoffs.insert(cutoff.account_id, number) {
            self.ended.remove(&before);
        }
    }

    /// Forgets what no access token is left of, at most `limit`; says how much.
    pub(super) fn forget(&mut self, now: Timestamp, limit: usize) -> usize {
        let over = self.ended.iter().filter(|(_, ended)| ended.until() <= now);
        let over: Vec<_> = over.map(|(number, _)| *number).take(limit).collect();
        for number in &over {
            if let Some(Ended::Account(cutoff)) = self.ended.remove(number) {
                self.cutoffs.remove(&cutoff.account_id);
            }
        }
        over.len()
    }

    fn page(&self, after: &Progress, now: Timestamp) -> Revoked {
        let read = match after.as_slice() {
            // Beyond the last one there is nothing to have read: that is a place in another history.
            [(number, _)] if *number <= self.last => *number,
            _ => 0,
        };
        let rest = self.ended.range((Bound::Excluded(read), Bound::Unbounded));
        let page: Vec<_> = rest.filter(|(_, ended)| ended.until() > now).take(PAGE).collect();
        let is_all = page.len() < PAGE;
        let place = page.last().filter(|_| !is_all).map_or(self.last, |(number, _)| **number);
        let mut revoked =
            Revoked { progress: Progress::new(vec![(place, Uuid::nil())]), is_all, ..Revoked::default() };
        for (_, ended) in page {
            match *ended {
                Ended::Session(session) => revoked.sessions.push(session),
                Ended::Account(cutoff) => revoked.accounts.push(cutoff),
            }
        }
        revoked
    }
}

#[async_trait]
impl Revocations for MemoryStore {
    async fn cut_off_account(
        &self,
        account_id: AccountId,
        at: Timestamp,
    ) -> Result<Option<AccountCutoff>, StoreError> {
        Ok(self.lock()?.cut_off(account_id, at))
    }

    async fn cut_off_everyone(&self, at: Timestamp) -> Result<Timestamp, StoreError> {
        Ok(self.lock()?.cut_off_everyone(at))
    }

    async fn black_out(&self, at: Timestamp) -> Result<Timestamp, StoreError> {
        let mut state = self.lock()?;
        let cutoff = state.cut_off_everyone(at);
        state.notice = Some(cutoff);
        Ok(cutoff)
    }

    async fn find_blackout_notice(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.lock()?.notice)
    }

    async fn delete_blackout_notice(&self) -> Result<bool, StoreError> {
        Ok(self.lock()?.notice.take().is_some())
    }

    async fn list_revocations(&self, after: &Progress, now: Timestamp) -> Result<Revoked, StoreError> {
        let state = self.lock()?;
        Ok(Revoked { everyone: state.everyone, ..state.told.page(after, now) })
    }

    /// Notices what this handle changed itself, too: that costs it a read.
    async fn is_changed_elsewhere(&self) -> Result<bool, StoreError> {
        let last = self.lock()?.told.last;
        Ok(self.noticed.swap(last, Ordering::SeqCst) != last)
    }
}

impl State {
    /// Ends every session that an account has, and every other one begun at or before `at`.
    pub(super) fn cut_off(&mut self, id: AccountId, at: Timestamp) -> Option<AccountCutoff> {
        let ending: Vec<_> = self.sessions_of(id).map(|row| row.session.clone()).collect();
        let row = self.accounts.get_mut(&id)?;
        // Never back, whatever the clocks say, and never before the youngest session: the machine that opened it may be
        // ahead.
        let births = ending.iter().map(|session| session.created_at);
        row.cutoff_at = births.fold(row.cutoff_at.max(at), Timestamp::max);
        let ends = ending.iter().map(|session| session.access_until);
        row.cutoff_until = ends.fold(row.cutoff_until, Timestamp::max);
        let cutoff = AccountCutoff { account_id: id, at: row.cutoff_at, until: row.cutoff_until };
        for session in ending {
            self.end(session.id);
        }
        self.told.cutoff(cutoff);
        Some(cutoff)
    }

    fn cut_off_everyone(&mut self, at: Timestamp) -> Timestamp {
        // What ends here is told by the cut-off alone.
        let births = mem::take(&mut self.sessions).into_values().map(|row| row.session.created_at);
        self.everyone = births.fold(self.everyone.max(at), Timestamp::max);
        self.told.look_again();
        self.everyone
    }
}
