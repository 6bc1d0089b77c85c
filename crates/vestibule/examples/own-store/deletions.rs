//! Accounts that their owners delete: out of use at once, gone later.

use vestibule::{
    async_trait,
    core::{
        ports::{
            Timestamp,
            store::{
                Announcer, DeletedAccount, DeletionRequest, DeletionRequested, Deletions, Occurrence,
                PendingDeletion, StoreError,
            },
        },
        values::account::{Account, AccountId},
    },
};

use super::MemoryStore;

#[async_trait]
impl Deletions for MemoryStore {
    async fn request_deletion(&self, request: DeletionRequest) -> Result<DeletionRequested, StoreError> {
        let (mut state, id) = (self.lock()?, request.id);
        let Some(row) = state.accounts.get(&id) else { return Ok(DeletionRequested::Refused) };
        if state.is_last_admin(&row.account) {
            return Ok(DeletionRequested::LastAdmin);
        }
        let Some(row) = state
            .accounts
            .get_mut(&id)
            .filter(|row| row.account.active && row.password_hash.as_ref() == Some(&request.verified))
        else {
            return Ok(DeletionRequested::Refused);
        };
        row.account.active = false;
        row.disabled_at = request.now;
        row.deletion = Some(PendingDeletion { at: request.deletes_at, may_be_restored: true });
        state.delete_links(id);
        state.queue(request.errands);
        let cutoff = state.cut_off(id, request.now);
        Ok(cutoff.map_or(DeletionRequested::Refused, DeletionRequested::Pending))
    }

    async fn restore_account(
        &self,
        id: AccountId,
        now: Timestamp,
        announcer: Announcer,
    ) -> Result<Option<Account>, StoreError> {
        let mut state = self.lock()?;
        let Some(row) = state.accounts.get_mut(&id).filter(|row| {
            !row.account.active
                && row.deletion.is_some_and(|deletion| deletion.may_be_restored && deletion.at > now)
        }) else {
            return Ok(None);
        };
        let after = Account { active: true, ..row.account.clone() };
        let told = announcer.errands(Occurrence::Changed { before: &row.account, after: &after })?;
        row.account = after.clone();
        row.disabled_at = Timestamp::EPOCH;
        row.deletion = None;
        state.queue(told);
        Ok(Some(after))
    }

    async fn delete_due_accounts(
        &self,
        now: Timestamp,
        batch: u32,
        announcer: Announcer,
    ) -> Result<Vec<DeletedAccount>, StoreError> {
        let mut state = self.lock()?;
        let waiting = state.accounts.values().filter_map(|row| Some((row.deletion?.at, row.account.id)));
        let mut due: Vec<_> = waiting.filter(|(at, _)| *at <= now).collect();
        due.sort_unstable();
        due.truncate(batch as usize);
        let mut told = Vec::new();
        for (_, id) in &due {
            told.extend(announcer.errands(Occurrence::Deleted { id: *id, account: None })?);
        }
        let deleted = due.into_iter().map(|(_, id)| DeletedAccount { id, ended: state.remove(id) }).collect();
        state.queue(told);
        Ok(deleted)
    }
}
