//! Errands: queued once, claimed by one at a time, gone only when done.

use uuid::Uuid;
use vestibule::{
    async_trait,
    core::ports::{
        Timestamp,
        store::{ClaimedErrand, ErrandCount, Errands, NewErrand, StoreError},
    },
};

use super::{ErrandRow, MemoryStore, State};

#[async_trait]
impl Errands for MemoryStore {
    async fn queue_errand(&self, errand: NewErrand) -> Result<(), StoreError> {
        self.lock()?.queue([errand]);
        Ok(())
    }

    async fn claim_errand(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        latest: Timestamp,
    ) -> Result<Option<ClaimedErrand>, StoreError> {
        let mut state = self.lock()?;
        let id =
            state.first_due(|due_at| due_at <= now).or_else(|| state.first_due(|due_at| due_at > latest));
        let row = id.and_then(|id| state.errands.get_mut(&id));
        Ok(row.map(|row| {
            row.attempts += 1;
            row.errand.due_at = lease_until;
            let NewErrand { id, sealed, created_at, .. } = row.errand.clone();
            ClaimedErrand { id, sealed, created_at, attempts: row.attempts }
        }))
    }

    async fn finish_errand(&self, id: Uuid, attempts: u32) -> Result<bool, StoreError> {
        let mut state = self.lock()?;
        // Claimed by somebody else since, it is theirs.
        let is_own = state.errands.get(&id).is_some_and(|row| row.attempts <= attempts);
        Ok(is_own && state.errands.remove(&id).is_some())
    }

    async fn postpone_errand(&self, id: Uuid, attempts: u32, due_at: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.lock()?;
        let own = state.errands.get_mut(&id).filter(|row| row.attempts <= attempts);
        Ok(own.map(|row| row.errand.due_at = due_at).is_some())
    }

    async fn count_errands(&self) -> Result<ErrandCount, StoreError> {
        let state = self.lock()?;
        Ok(ErrandCount {
            waiting: state.errands.len().min(10_000) as u64,
            oldest: state.errands.values().next().map(|row| row.errand.created_at),
        })
    }
}

impl State {
    pub(super) fn queue(&mut self, errands: impl IntoIterator<Item = NewErrand>) {
        for errand in errands {
            self.errands.insert(errand.id, ErrandRow { errand, attempts: 0 });
        }
    }

    fn first_due(&self, is_meant: impl Fn(Timestamp) -> bool) -> Option<Uuid> {
        let due = self.errands.values().map(|row| (row.errand.due_at, row.errand.id));
        due.filter(|(due_at, _)| is_meant(*due_at)).min().map(|(_, id)| id)
    }
}
