//! What administrators do with accounts, and what they look at.

use std::fmt;

use async_trait::async_trait;

use super::{AccountCutoff, Announcer, NewErrand, StoreError};
use crate::{
    ports::clock::Timestamp,
    values::{
        account::{Account, AccountId, FullName},
        email::Email,
        profile::ProfileText,
        scope::Scopes,
        session::RevokedSession,
        username::Username,
    },
};

/// Changes accounts on behalf of others, and finds them.
///
/// # Atomic
/// Everything that a change asks for: where one name is taken, nothing of it happens. A ban and the end of the sessions; a
/// new address and the end of the links to the old one; a deletion and everything that was the account's own, errands about
/// it included; what tells of it, in each of them.
///
/// # Races
/// - Changes of one account come one after the other: permissions that several add at once are all there.
/// - Two administrators who disable or delete each other at once: one of them stays.
/// - A login beside a ban or a deletion is refused, or its session ends.
///
/// In memory: `crates/vestibule/examples/own-store/administration.rs`.
#[async_trait]
pub trait Administration: Send + Sync + fmt::Debug {
    /// Changes an account. Where that disables it, every session that it has ends for good in the same step.
    async fn change_account(&self, change: AccountChange) -> Result<AccountChanged, StoreError>;

    /// Removes an account and everything that is its own, and revokes its sessions: what the nodes remember them by is
    /// kept until their last access token has expired.
    async fn delete_account(&self, deletion: AccountDeletion) -> Result<AccountDeleted, StoreError>;

    /// Begins the counters of an account's failures anew, wherever they live: they are named after what this raises. Says
    /// whether there is such an account.
    async fn unlock_account(&self, id: AccountId) -> Result<bool, StoreError>;

    /// Accounts in the order they were made in.
    async fn list_accounts(&self, skip: u32, limit: u32) -> Result<Vec<Account>, StoreError>;

    /// Accounts whose user name contains a text in any case, in the order they were made in; every account, one without a
    /// name too, where the text is empty.
    async fn search_accounts(&self, search: AccountSearch) -> Result<AccountPage, StoreError>;

    /// Disabled accounts, the last disabled first, at most `limit`.
    async fn list_disabled_accounts(&self, limit: u32) -> Result<Vec<DisabledAccount>, StoreError>;
}

/// What is to be changed about an account; `None` leaves a thing as it is.
#[derive(Clone, Debug)]
pub struct AccountChange {
    /// The account.
    pub id: AccountId,
    /// Its address. Links mailed to the old one end with it, and it is unproved unless `confirmed` says otherwise.
    pub email: Option<Email>,
    /// Its user name, or that it has none.
    pub username: Option<Option<Username>>,
    /// Its owner's name, or that it has none.
    pub full_name: Option<Option<FullName>>,
    /// Whether it may be used.
    pub active: Option<Activity>,
    /// Whether its address counts as proved.
    pub confirmed: Option<bool>,
    /// What it may do.
    pub permissions: Option<PermissionChange>,
    /// What the application keeps with it.
    pub profile: Option<ProfileText>,
    /// Whether to refuse what would leave no active administrator.
    pub keeps_an_admin: bool,
    /// What tells the owner; queued where the change is made.
    pub errand: Option<NewErrand>,
    /// What tells others; asked where the change is made.
    pub announcer: Announcer,
    /// The present moment.
    pub now: Timestamp,
}

impl AccountChange {
    /// A change of nothing, to be filled in.
    #[must_use]
    pub fn of(id: AccountId, now: Timestamp) -> Self {
        Self {
            id,
            email: None,
            username: None,
            full_name: None,
            active: None,
            confirmed: None,
            permissions: None,
            profile: None,
            keeps_an_admin: true,
            errand: None,
            announcer: Announcer::default(),
            now,
        }
    }

    /// The account as it is afterwards.
    #[must_use]
    pub fn applied_to(&self, before: &Account) -> Account {
        let mut after = before.clone();
        if let Some(email) = &self.email {
            after.confirmed &= email.canonical() == canonical_of(&before.email);
            email.as_typed().clone_into(&mut after.email);
        }
        if let Some(username) = &self.username {
            after.username = username.as_ref().map(|name| name.as_str().to_owned());
        }
        if let Some(full_name) = &self.full_name {
            after.full_name = full_name.as_ref().map(|name| name.as_str().to_owned());
        }
        after.active = self.active.map_or(before.active, |activity| activity.applied_to(before.active));
        after.confirmed = self.confirmed.unwrap_or(after.confirmed);
        if let Some(change) = &self.permissions {
            after.permissions = change.applied_to(&before.permissions);
        }
        if let Some(profile) = &self.profile {
            after.stored_profile = Some(profile.clone());
        }
        after
    }
}

/// The canonical form of a stored address, which has been parsed before.
fn canonical_of(stored: &str) -> String {
    Email::parse(stored).map(|email| email.canonical().to_owned()).unwrap_or_default()
}

/// What becomes of an account's being active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It may be used.
    Enabled,
    /// It may not.
    Disabled,
    /// The one if it was the other.
    Toggled,
}

impl Activity {
    const fn applied_to(self, is_active: bool) -> bool {
        match self {
            Self::Enabled => true,
            Self::Disabled => false,
            Self::Toggled => !is_active,
        }
    }
}

/// What becomes of an account's permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PermissionChange {
    /// These too.
    Add(Scopes),
    /// Not these.
    Remove(Scopes),
    /// These and no others.
    Set(Scopes),
}

impl PermissionChange {
    fn applied_to(&self, before: &Scopes) -> Scopes {
        match self {
            Self::Add(names) => before.iter().chain(names.iter()).collect(),
            Self::Remove(names) => before.iter().filter(|name| !names.contains(name)).collect(),
            Self::Set(names) => names.clone(),
        }
    }
}

/// The outcome of [`Administration::change_account`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one")]
pub enum AccountChanged {
    /// It was changed, if there was anything to change.
    Changed {
        /// As it was.
        before: Account,
        /// As it is.
        after: Account,
        /// The end of its sessions, where it was disabled.
        cutoff: Option<AccountCutoff>,
    },
    /// At least one of the names belongs to somebody else; nothing was written.
    Taken {
        /// The address does.
        email: bool,
        /// The user name does.
        username: bool,
    },
    /// It is the last active administrator and would not be one any more; nothing was written.
    LastAdmin,
    /// There is no such account.
    Unknown,
}

/// What a deletion takes.
#[derive(Clone, Debug)]
pub struct AccountDeletion {
    /// The account.
    pub id: AccountId,
    /// Whether to refuse to delete the last active administrator.
    pub keeps_an_admin: bool,
    /// What tells others.
    pub announcer: Announcer,
    /// The present moment.
    pub now: Timestamp,
}

/// The outcome of [`Administration::delete_account`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountDeleted {
    /// It is gone.
    Deleted {
        /// As it was.
        account: Account,
        /// Its sessions, which ended.
        ended: Vec<RevokedSession>,
    },
    /// It is the last active administrator; nothing was written.
    LastAdmin,
    /// There is no such account.
    Unknown,
}

/// What accounts are looked for.
#[derive(Clone, Debug)]
pub struct AccountSearch {
    /// What the user name contains, in any case; never a pattern. Empty for all accounts.
    pub username: String,
    /// How many matches to leave out.
    pub skip: u32,
    /// How many to return, at most 100.
    pub limit: u32,
    /// How many matches are looked at: those beyond are neither counted nor returned.
    pub bound: u32,
}

/// A part of what a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountPage {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// How many there are in all, at most the bound.
    pub total: u64,
}

/// An account that may not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisabledAccount {
    /// Its id.
    pub id: AccountId,
    /// Its user name.
    pub username: Option<String>,
    /// Since when; the epoch where nobody knows.
    pub disabled_at: Timestamp,
}
