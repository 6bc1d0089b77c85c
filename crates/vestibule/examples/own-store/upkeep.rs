//! Upkeep: what has expired goes, a batch at a time, so that nobody waits for the lock for long.

use std::sync::atomic::Ordering;

use vestibule::{
    async_trait,
    core::ports::{
        Timestamp,
        store::{StoreError, Upkeep},
    },
};

use super::{MemoryStore, State};

#[async_trait]
impl Upkeep for MemoryStore {
    async fn delete_expired(
        &self,
        now: Timestamp,
        audit_before: Timestamp,
        batch: u32,
    ) -> Result<u64, StoreError> {
        let (mut state, batch) = (self.lock()?, batch as usize);
        let expired = state.delete_sessions(now, batch);
        let told = state.told.forget(now, batch - expired);
        let links = state.delete_expired_links(now, batch);
        let devices = state.delete_devices(now, batch);
        let keys = state.delete_keys(now, batch);
        let audit = state.delete_audit(audit_before, batch);
        Ok((expired + told + links + devices + keys + audit) as u64)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.lock().map(drop)
    }

    async fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
    }
}

impl State {
    fn delete_sessions(&mut self, now: Timestamp, limit: usize) -> usize {
        let sessions = self.sessions.values().map(|row| &row.session);
        let over = sessions.filter(|session| session.expires_at <= now && session.access_until <= now);
        let over: Vec<_> = over.map(|session| session.id).take(limit).collect();
        over.iter().filter_map(|id| self.sessions.remove(id)).count()
    }

    fn delete_expired_links(&mut self, now: Timestamp, limit: usize) -> usize {
        let over = self.links.values().filter(|row| row.link.expires_at <= now);
        let over: Vec<_> = over.map(|row| row.link.digest).take(limit).collect();
        over.iter().filter_map(|digest| self.links.remove(digest)).count()
    }

    fn delete_keys(&mut self, now: Timestamp, limit: usize) -> usize {
        let before = self.signing_keys.len();
        let mut room = limit;
        self.signing_keys.retain(|key| {
            let goes = room > 0 && key.verifies_until.is_some_and(|until| until <= now);
            room -= usize::from(goes);
            !goes
        });
        before - self.signing_keys.len()
    }

    fn delete_audit(&mut self, before: Timestamp, limit: usize) -> usize {
        let old: Vec<_> = self.audit.keys().take_while(|(at, _)| *at < before).take(limit).copied().collect();
        old.iter().filter_map(|key| self.audit.remove(key)).count()
    }
}
