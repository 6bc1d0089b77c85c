//! Pictures, one an account.

use vestibule::{
    async_trait,
    core::{
        ports::store::{Avatar, Avatars, StoreError},
        values::account::AccountId,
    },
};

use super::MemoryStore;

#[async_trait]
impl Avatars for MemoryStore {
    async fn put_avatar(&self, id: AccountId, avatar: Avatar) -> Result<bool, StoreError> {
        let mut state = self.lock()?;
        // Under the lock that a deletion takes, too: no picture outlives its account.
        let is_there = state.accounts.contains_key(&id);
        if is_there {
            state.avatars.insert(id, avatar);
        }
        Ok(is_there)
    }

    async fn find_avatar(&self, id: AccountId) -> Result<Option<Avatar>, StoreError> {
        let state = self.lock()?;
        let is_shown = state.accounts.get(&id).is_some_and(|row| row.account.active);
        Ok(state.avatars.get(&id).filter(|_| is_shown).cloned())
    }

    async fn delete_avatar(&self, id: AccountId) -> Result<bool, StoreError> {
        Ok(self.lock()?.avatars.remove(&id).is_some())
    }
}
