//! Passwords: set, reset and changed, each with the end of what the old one had opened.

use vestibule::{
    async_trait,
    core::{
        ports::store::{
            AccountCutoff, PasswordChange, PasswordReplacement, PasswordReset, Passwords, StoreError,
        },
        values::{account::AccountId, link::LinkPurpose, password::PasswordHash, session::RevokedSession},
    },
};

use super::MemoryStore;

#[async_trait]
impl Passwords for MemoryStore {
    async fn update_password_hash(
        &self,
        id: AccountId,
        from: PasswordHash,
        to: PasswordHash,
    ) -> Result<bool, StoreError> {
        let mut state = self.lock()?;
        let row = state.accounts.get_mut(&id).filter(|row| row.password_hash == Some(from));
        Ok(row.map(|row| row.password_hash = Some(to)).is_some())
    }

    async fn reset_password(&self, reset: PasswordReset) -> Result<Option<AccountCutoff>, StoreError> {
        let mut state = self.lock()?;
        let Some(used) = state.use_link(reset.digest, LinkPurpose::Reset, reset.now) else { return Ok(None) };
        let id = used.account_id;
        // Whoever reads a mailbox that was the account's once has no more say in it.
        let Some(row) =
            state.accounts.get_mut(&id).filter(|row| row.email.canonical() == used.email.canonical())
        else {
            return Ok(None);
        };
        row.password_hash = Some(reset.to);
        row.account.confirmed = true;
        // Whoever reads it now is let in to try, whatever others have tried, and no device is known any more.
        row.unlocks += 1;
        row.devices_since = reset.now;
        state.delete_other_ways_in(id);
        state.queue(reset.errands);
        Ok(state.cut_off(id, reset.now))
    }

    async fn replace_password(
        &self,
        replacement: PasswordReplacement,
    ) -> Result<Option<AccountCutoff>, StoreError> {
        let (mut state, id) = (self.lock()?, replacement.account_id);
        let Some(row) = state.accounts.get_mut(&id) else { return Ok(None) };
        row.password_hash = Some(replacement.to);
        row.unlocks += 1;
        row.devices_since = replacement.now;
        state.delete_other_ways_in(id);
        state.queue(replacement.errands);
        Ok(state.cut_off(id, replacement.now))
    }

    async fn change_password(
        &self,
        change: PasswordChange,
    ) -> Result<Option<Vec<RevokedSession>>, StoreError> {
        let (mut state, id) = (self.lock()?, change.account_id);
        let is_as_verified =
            |row: &&mut super::AccountRow| row.account.active && row.password_hash == change.from;
        let Some(row) = state.accounts.get_mut(&id).filter(is_as_verified) else { return Ok(None) };
        row.password_hash = Some(change.to);
        row.devices_since = change.now;
        state.delete_other_ways_in(id);
        state.queue(change.errands);
        Ok(Some(state.end_others(id, change.keep, change.now)))
    }
}
