//! Accounts: made once, found by key.

use vestibule::{
    async_trait,
    core::{
        ports::{
            Timestamp,
            store::{Accounts, Insertion, NewErrand, Occurrence, StoreError},
        },
        values::{
            account::{Account, AccountId, Credentials, FullName, NewAccount},
            email::Email,
            session::NewSession,
            username::{LoginName, Username},
        },
    },
};

use super::{AccountRow, MemoryStore, State};

#[async_trait]
impl Accounts for MemoryStore {
    async fn insert_account(
        &self,
        account: NewAccount,
        session: Option<NewSession>,
    ) -> Result<Insertion, StoreError> {
        let mut state = self.lock()?;
        let draft = match state.draft(&account)? {
            Ok(draft) => draft,
            Err(taken) => return Ok(taken),
        };
        let account = state.insert(draft);
        let ended = session.and_then(|session| state.insert_session(session, u32::MAX).pop());
        Ok(Insertion::Inserted { account, ended })
    }

    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.lock()?.accounts.get(&id).map(|row| row.account.clone()))
    }

    async fn find_credentials(&self, name: &LoginName) -> Result<Option<Credentials>, StoreError> {
        let state = self.lock()?;
        let id = match name {
            LoginName::Email(email) => state.emails.get(email),
            LoginName::Username(name) => state.usernames.get(name),
            // The same work as for a name that could exist; no user name is empty.
            LoginName::Neither => state.usernames.get(""),
        };
        let row = id.and_then(|id| state.accounts.get(id));
        Ok(row.map(|row| Credentials {
            account: row.account.clone(),
            password_hash: row.password_hash.clone(),
            language: row.language,
            cutoff_at: row.cutoff_at.max(state.everyone),
            deletion: row.deletion,
            unlocks: row.unlocks,
            devices_since: row.devices_since,
        }))
    }

    async fn insert_permission(
        &self,
        id: AccountId,
        permission: &str,
    ) -> Result<Option<Account>, StoreError> {
        let mut state = self.lock()?;
        Ok(state.accounts.get_mut(&id).map(|row| {
            row.account.permissions.insert(permission);
            row.account.clone()
        }))
    }
}

/// An account that nothing stands in the way of, with what is to be kept beside it.
pub(super) struct Draft {
    row: AccountRow,
    new: NewAccount,
    errands: Vec<NewErrand>,
}

impl State {
    /// Looks whether an account can be made, and asks who has to be told. Writes nothing.
    pub(super) fn draft(&self, new: &NewAccount) -> Result<Result<Draft, Insertion>, StoreError> {
        let (email, username) = self.taken(None, Some(&new.email), new.username.as_ref());
        if email || username {
            return Ok(Err(Insertion::Taken { email, username }));
        }
        let row = AccountRow::of(new);
        let errands = new.announcer.errands(Occurrence::Inserted(&row.account))?;
        Ok(Ok(Draft { row, new: new.clone(), errands }))
    }

    /// Makes the account.
    pub(super) fn insert(&mut self, draft: Draft) -> Account {
        let account = draft.row.account.clone();
        self.put(draft.row);
        if let Some((link, errand)) = draft.new.invitation {
            self.keep_link(link, None);
            self.queue([errand]);
        }
        self.queue(draft.errands);
        for device in draft.new.devices {
            self.note_device(account.id, device, account.created_at);
        }
        account
    }

    /// Which of two names belong to somebody, `own` aside.
    pub(super) fn taken(
        &self,
        own: Option<AccountId>,
        email: Option<&Email>,
        username: Option<&Username>,
    ) -> (bool, bool) {
        let is_others = |owner: Option<&AccountId>| owner.is_some_and(|owner| Some(*owner) != own);
        (
            email.is_some_and(|email| is_others(self.emails.get(email.canonical()))),
            username.is_some_and(|name| is_others(self.usernames.get(&name.canonical()))),
        )
    }

    /// Changes an account, its names with it.
    pub(super) fn change(&mut self, id: AccountId, change: impl FnOnce(&mut AccountRow)) {
        if let Some(mut row) = self.take(id) {
            change(&mut row);
            self.put(row);
        }
    }

    /// Takes an account out, and its names.
    pub(super) fn take(&mut self, id: AccountId) -> Option<AccountRow> {
        let row = self.accounts.remove(&id)?;
        self.emails.remove(row.email.canonical());
        if let Some(username) = &row.username {
            self.usernames.remove(&username.canonical());
        }
        Some(row)
    }

    fn put(&mut self, row: AccountRow) {
        let id = row.account.id;
        self.emails.insert(row.email.canonical().to_owned(), id);
        if let Some(username) = &row.username {
            self.usernames.insert(username.canonical(), id);
        }
        self.accounts.insert(id, row);
    }
}

impl AccountRow {
    fn of(new: &NewAccount) -> Self {
        let account = Account {
            id: new.id,
            email: new.email.as_typed().to_owned(),
            username: new.username.as_ref().map(|name| name.as_str().to_owned()),
            full_name: new.full_name.as_ref().map(FullName::as_str).map(str::to_owned),
            active: true,
            confirmed: new.confirmed,
            permissions: new.permissions.clone(),
            created_at: new.created_at,
            last_login_at: None,
            stored_profile: new.profile.clone(),
        };
        Self {
            account,
            email: new.email.clone(),
            username: new.username.clone(),
            password_hash: new.password_hash.clone(),
            language: new.language,
            disabled_at: Timestamp::EPOCH,
            deletion: None,
            cutoff_at: Timestamp::EPOCH,
            cutoff_until: Timestamp::EPOCH,
            unlocks: 0,
            devices_since: Timestamp::EPOCH,
        }
    }
}
