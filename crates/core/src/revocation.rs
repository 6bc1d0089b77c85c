//! What no longer counts: revoked sessions and cut-offs, in memory, so that every request can ask.
//!
//! Loaded before the engine is ready. A node knows its own revocations at once; those of others arrive with the
//! next catch-up read, which goes on where the last one ended.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use tokio::sync::{Mutex, watch};

use crate::{
    ports::{
        clock::Timestamp,
        store::{AccountCutoff, Progress, Revoked, Store, StoreError},
    },
    values::{
        account::AccountId,
        session::{RevokedSession, SessionId},
    },
};

/// How many settled reads go by before everything is read again from its beginning.
const READS_FROM_THE_BEGINNING: u32 = 20;

/// The memory of what no longer counts.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    memory: RwLock<Memory>,
    reading: RwLock<Reading>,
    /// One of each reads at a time: what is new does not wait behind a read of everything.
    looking: Mutex<()>,
    settling: Mutex<()>,
    /// Tells connections that stay open to look again.
    changes: watch::Sender<()>,
}

/// Where a catch-up read begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// Where the last one ended.
    LastRead,
    /// Where one ended a while before the store was away: it may have come back as another server.
    Outage,
    /// Where one ended a while ago, and now and then at the beginning: what a failover lost and others then did in its
    /// place has numbers that were read before.
    SettledRead,
}

/// How far was read, and when.
#[derive(Debug, Default)]
struct Reading {
    last: Progress,
    /// At the settled read before, and at the one before that.
    settled: [Progress; 2],
    settled_reads: u32,
}

impl Reading {
    fn begin(&self, since: Since) -> Progress {
        match since {
            Since::LastRead => self.last.clone(),
            Since::SettledRead if self.settled_reads.is_multiple_of(READS_FROM_THE_BEGINNING) => {
                Progress::default()
            }
            Since::Outage | Since::SettledRead => self.settled[0].clone(),
        }
    }

    fn end(&mut self, since: Since, progress: Progress) {
        if since == Since::SettledRead {
            let [_, newer] = std::mem::take(&mut self.settled);
            let older = if self.settled_reads == 0 { progress.clone() } else { newer };
            self.settled = [older, progress.clone()];
            self.settled_reads = self.settled_reads.wrapping_add(1);
            // The looks went on meanwhile and may be further.
            if self.settled_reads > 1 {
                return;
            }
        }
        self.last = progress;
    }
}

#[derive(Debug, Default)]
struct Memory {
    sessions: HashMap<SessionId, Timestamp>,
    accounts: HashMap<AccountId, AccountCutoff>,
    everyone: Timestamp,
}

impl Revocations {
    /// Everything that a store knows.
    pub(crate) async fn load(store: &dyn Store, now: Timestamp) -> Result<Self, StoreError> {
        let revocations = Self::default();
        revocations.catch_up(store, now, Since::SettledRead).await?;
        Ok(revocations)
    }

    /// Reads what the store knows, page by page; nothing known is forgotten before its time.
    pub(crate) async fn catch_up(
        &self,
        store: &dyn Store,
        now: Timestamp,
        since: Since,
    ) -> Result<(), StoreError> {
        let turn = if since == Since::SettledRead { &self.settling } else { &self.looking };
        let _turn = turn.lock().await;
        let mut progress = self.reading.read().unwrap_or_else(PoisonError::into_inner).begin(since);
        loop {
            let page = store.list_revocations(&progress, now).await?;
            progress.clone_from(&page.progress);
            let is_all = page.is_all;
            self.learn(page);
            if is_all {
                break;
            }
        }
        self.reading.write().unwrap_or_else(PoisonError::into_inner).end(since, progress);
        Ok(())
    }

    /// Whether a session's tokens are dead, whatever they say of themselves.
    pub(crate) fn is_revoked(&self, session_id: SessionId, account_id: AccountId) -> bool {
        let memory = self.memory.read().unwrap_or_else(PoisonError::into_inner);
        let born_at = session_id.created_at();
        memory.sessions.contains_key(&session_id)
            || born_at <= memory.everyone
            || memory.accounts.get(&account_id).is_some_and(|cutoff| born_at <= cutoff.at)
    }

    /// The global cut-off.
    pub(crate) fn everyone(&self) -> Timestamp {
        self.memory.read().unwrap_or_else(PoisonError::into_inner).everyone
    }

    fn learn(&self, revoked: Revoked) {
        self.learn_sessions(&revoked.sessions);
        for cutoff in revoked.accounts {
            self.learn_cutoff(cutoff);
        }
        self.learn_global_cutoff(revoked.everyone);
    }

    /// Hears of everything that is learnt from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    pub(crate) fn learn_sessions(&self, revoked: &[RevokedSession]) {
        if revoked.is_empty() {
            return;
        }
        let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        memory.sessions.extend(revoked.iter().map(|session| (session.id, session.access_until)));
        drop(memory);
        self.changes.send_replace(());
    }

    pub(crate) fn learn_cutoff(&self, cutoff: AccountCutoff) {
        let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        let known = memory.accounts.entry(cutoff.account_id).or_insert(cutoff);
        known.at = known.at.max(cutoff.at);
        known.until = known.until.max(cutoff.until);
        drop(memory);
        self.changes.send_replace(());
    }

    pub(crate) fn learn_global_cutoff(&self, at: Timestamp) {
        let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = at > memory.everyone;
        memory.everyone = memory.everyone.max(at);
        drop(memory);
        if is_new {
            self.changes.send_replace(());
        }
    }

    /// Forgets sessions whose last access token has expired.
    pub(crate) fn forget_expired(&self, now: Timestamp) {
        let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        memory.sessions.retain(|_, until| *until > now);
        memory.accounts.retain(|_, cutoff| cutoff.until > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    #[test]
    fn cutoffs_compare_the_birth_of_the_session() {
        let memory = Revocations::default();
        let account_id = AccountId::new(NOW);
        let (before, at, after) = (
            SessionId::new(NOW.minus(Duration::from_millis(1))),
            SessionId::new(NOW),
            SessionId::new(NOW.plus(Duration::from_millis(1))),
        );
        memory.learn_cutoff(AccountCutoff { account_id, at: NOW, until: NOW.plus(Duration::from_mins(1)) });
        assert!(memory.is_revoked(before, account_id) && memory.is_revoked(at, account_id));
        assert!(!memory.is_revoked(after, account_id));
        assert!(!memory.is_revoked(before, AccountId::new(NOW)));
        memory.learn_global_cutoff(NOW);
        assert!(memory.is_revoked(before, AccountId::new(NOW)));
        assert!(!memory.is_revoked(after, AccountId::new(NOW)));
    }

    #[test]
    fn a_session_is_remembered_until_its_last_token_has_expired() {
        let memory = Revocations::default();
        let (id, account_id) = (SessionId::new(NOW), AccountId::new(NOW));
        let access_until = NOW.plus(Duration::from_mins(15));
        memory.learn_sessions(&[RevokedSession { id, account_id, access_until }]);
        memory.forget_expired(access_until.minus(Duration::from_millis(1)));
        assert!(memory.is_revoked(id, account_id));
        memory.forget_expired(access_until);
        assert!(!memory.is_revoked(id, account_id));
    }

    #[test]
    fn settled_reads_begin_two_reads_ago_and_now_and_then_at_the_beginning() {
        let at = |number| Progress::new(vec![(number, uuid::Uuid::nil())]);
        let mut reading = Reading::default();
        assert_eq!(reading.begin(Since::SettledRead), Progress::default());
        reading.end(Since::SettledRead, at(0));
        for round in 1..READS_FROM_THE_BEGINNING {
            reading.end(Since::LastRead, at(i64::from(round) * 100));
            assert_eq!(reading.begin(Since::LastRead), at(i64::from(round) * 100));
            let settled = i64::from(round.saturating_sub(2));
            assert_eq!(reading.begin(Since::SettledRead), at(settled));
            reading.end(Since::SettledRead, at(i64::from(round)));
        }
        assert_eq!(reading.begin(Since::SettledRead), Progress::default());
        reading.end(Since::Outage, at(9000));
        assert_eq!(reading.begin(Since::LastRead), at(9000));
        assert_eq!(reading.begin(Since::Outage), at(i64::from(READS_FROM_THE_BEGINNING) - 2));
    }
}
