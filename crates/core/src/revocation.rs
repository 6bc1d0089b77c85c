//! What no longer counts: revoked sessions and cut-offs, in memory, so that every request can ask.
//!
//! Loaded before the engine is ready. A node knows its own revocations at once; those of others arrive with the
//! next catch-up read.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use crate::{
    ports::{
        clock::Timestamp,
        store::{AccountCutoff, Revoked},
    },
    values::{
        account::AccountId,
        session::{RevokedSession, SessionId},
    },
};

/// The memory of what no longer counts.
#[derive(Debug, Default)]
pub(crate) struct Revocations(RwLock<Memory>);

#[derive(Debug, Default)]
struct Memory {
    sessions: HashMap<SessionId, Timestamp>,
    accounts: HashMap<AccountId, AccountCutoff>,
    everyone: Timestamp,
}

impl Revocations {
    pub(crate) fn of(revoked: Revoked) -> Self {
        let memory = Self::default();
        memory.learn(revoked);
        memory
    }

    /// Whether a session's tokens are dead, whatever they say of themselves.
    pub(crate) fn is_revoked(&self, session_id: SessionId, account_id: AccountId) -> bool {
        let memory = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let born_at = session_id.created_at();
        memory.sessions.contains_key(&session_id)
            || born_at <= memory.everyone
            || memory.accounts.get(&account_id).is_some_and(|cutoff| born_at <= cutoff.at)
    }

    /// The global cut-off.
    pub(crate) fn everyone(&self) -> Timestamp {
        self.0.read().unwrap_or_else(PoisonError::into_inner).everyone
    }

    /// Adds what the store knows; nothing known is forgotten before its time.
    pub(crate) fn learn(&self, revoked: Revoked) {
        self.learn_sessions(&revoked.sessions);
        for cutoff in revoked.accounts {
            self.learn_cutoff(cutoff);
        }
        self.learn_global_cutoff(revoked.everyone);
    }

    pub(crate) fn learn_sessions(&self, revoked: &[RevokedSession]) {
        let mut memory = self.0.write().unwrap_or_else(PoisonError::into_inner);
        memory.sessions.extend(revoked.iter().map(|session| (session.id, session.access_until)));
    }

    pub(crate) fn learn_cutoff(&self, cutoff: AccountCutoff) {
        let mut memory = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let known = memory.accounts.entry(cutoff.account_id).or_insert(cutoff);
        known.at = known.at.max(cutoff.at);
        known.until = known.until.max(cutoff.until);
    }

    pub(crate) fn learn_global_cutoff(&self, at: Timestamp) {
        let mut memory = self.0.write().unwrap_or_else(PoisonError::into_inner);
        memory.everyone = memory.everyone.max(at);
    }

    /// Forgets sessions whose last access token has expired.
    pub(crate) fn forget_expired(&self, now: Timestamp) {
        let mut memory = self.0.write().unwrap_or_else(PoisonError::into_inner);
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
}
