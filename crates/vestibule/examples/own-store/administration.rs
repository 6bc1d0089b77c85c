//! Accounts changed, deleted and found by others.

use std::cmp::Reverse;

use vestibule::{
    async_trait,
    core::{
        ports::{
            Timestamp,
            store::{
                AccountChange, AccountChanged, AccountDeleted, AccountDeletion, AccountPage, AccountSearch,
                Administration, DisabledAccount, Occurrence, StoreError,
            },
        },
        values::{
            account::{Account, AccountId},
            scope::ADMIN,
            session::RevokedSession,
        },
    },
};

use super::{AccountRow, MemoryStore, State};

#[async_trait]
impl Administration for MemoryStore {
    async fn change_account(&self, change: AccountChange) -> Result<AccountChanged, StoreError> {
        let (mut state, id) = (self.lock()?, change.id);
        let Some(row) = state.accounts.get(&id) else { return Ok(AccountChanged::Unknown) };
        let before = row.account.clone();
        let after = change.applied_to(&before);
        if change.keeps_an_admin && !may_administrate(&after) && state.is_last_admin(&before) {
            return Ok(AccountChanged::LastAdmin);
        }
        let username = change.username.as_ref().and_then(Option::as_ref);
        let (email, username) = state.taken(Some(id), change.email.as_ref(), username);
        if email || username {
            return Ok(AccountChanged::Taken { email, username });
        }
        let told = change.announcer.errands(Occurrence::Changed { before: &before, after: &after })?;
        state.change(id, |row| row.apply(&change, after.clone()));
        if before.email != after.email {
            state.delete_links(id);
        }
        let cutoff = if before.active && !after.active { state.cut_off(id, change.now) } else { None };
        state.queue(change.errand.into_iter().chain(told));
        Ok(AccountChanged::Changed { before, after, cutoff })
    }

    async fn delete_account(&self, deletion: AccountDeletion) -> Result<AccountDeleted, StoreError> {
        let mut state = self.lock()?;
        let Some(row) = state.accounts.get(&deletion.id) else { return Ok(AccountDeleted::Unknown) };
        let account = row.account.clone();
        if deletion.keeps_an_admin && state.is_last_admin(&account) {
            return Ok(AccountDeleted::LastAdmin);
        }
        let gone = Occurrence::Deleted { id: deletion.id, account: Some(&account) };
        let told = deletion.announcer.errands(gone)?;
        let ended = state.remove(deletion.id);
        state.queue(told);
        Ok(AccountDeleted::Deleted { account, ended })
    }

    async fn unlock_account(&self, id: AccountId) -> Result<bool, StoreError> {
        let mut state = self.lock()?;
        Ok(state.accounts.get_mut(&id).map(|row| row.unlocks += 1).is_some())
    }

    async fn list_accounts(&self, skip: u32, limit: u32) -> Result<Vec<Account>, StoreError> {
        let state = self.lock()?;
        let page = state.accounts.values().skip(skip as usize).take(limit as usize);
        Ok(page.map(|row| row.account.clone()).collect())
    }

    async fn search_accounts(&self, search: AccountSearch) -> Result<AccountPage, StoreError> {
        let state = self.lock()?;
        let text = search.username.to_ascii_lowercase();
        let is_meant = |row: &&AccountRow| {
            text.is_empty() || row.username.as_ref().is_some_and(|name| name.canonical().contains(&text))
        };
        let found = state.accounts.values().filter(is_meant).take(search.bound as usize);
        let found: Vec<_> = found.map(|row| &row.account).collect();
        let page = found.iter().skip(search.skip as usize).take(search.limit as usize);
        Ok(AccountPage {
            accounts: page.map(|account| (*account).clone()).collect(),
            total: found.len() as u64,
        })
    }

    async fn list_disabled_accounts(&self, limit: u32) -> Result<Vec<DisabledAccount>, StoreError> {
        let state = self.lock()?;
        let mut disabled: Vec<_> = state.accounts.values().filter(|row| !row.account.active).collect();
        disabled.sort_by_key(|row| Reverse((row.disabled_at, row.account.id)));
        let listed = disabled.into_iter().take(limit as usize).map(|row| DisabledAccount {
            id: row.account.id,
            username: row.account.username.clone(),
            disabled_at: row.disabled_at,
        });
        Ok(listed.collect())
    }
}

fn may_administrate(account: &Account) -> bool {
    account.active && account.permissions.contains(ADMIN)
}

impl State {
    /// Whether nobody else may administrate.
    pub(super) fn is_last_admin(&self, account: &Account) -> bool {
        let others = self.accounts.values().map(|row| &row.account).filter(|other| other.id != account.id);
        may_administrate(account) && !others.into_iter().any(may_administrate)
    }

    /// Removes an account with everything that is its own; what nodes know its sessions by stays.
    pub(super) fn remove(&mut self, id: AccountId) -> Vec<RevokedSession> {
        self.take(id);
        self.delete_links(id);
        self.errands.retain(|_, row| row.errand.account_id != Some(id));
        self.avatars.remove(&id);
        self.devices.remove(&id);
        let sessions: Vec<_> = self.sessions_of(id).map(|row| row.session.id).collect();
        sessions.into_iter().filter_map(|id| self.end(id)).collect()
    }

    /// Makes whatever was mailed to an account worth nothing.
    pub(super) fn delete_links(&mut self, id: AccountId) {
        self.links.retain(|_, row| row.link.account_id != id);
    }
}

impl AccountRow {
    fn apply(&mut self, change: &AccountChange, after: Account) {
        if self.account.active != after.active {
            self.disabled_at = if after.active { Timestamp::EPOCH } else { change.now };
        }
        // An account in use is not about to be deleted; and what an administrator disables, its owner does not take back.
        if after.active {
            self.deletion = None;
        } else if let Some(deletion) = &mut self.deletion
            && change.active.is_some()
        {
            deletion.may_be_restored = false;
        }
        if let Some(email) = &change.email {
            self.email = email.clone();
        }
        if let Some(username) = &change.username {
            self.username.clone_from(username);
        }
        self.account = after;
    }
}
