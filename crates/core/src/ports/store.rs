//! The store: everything that outlives the process.
//!
//! [`Store`] is what the engine asks for. It is the sum of small traits, one for each kind of thing that is kept, and
//! whoever implements all of them has a store:
//!
//! | trait | keeps |
//! |---|---|
//! | [`Accounts`] | accounts, and what a login is checked against |
//! | [`Passwords`] | their passwords, set, reset and changed |
//! | [`Sessions`] | sessions, opened, refreshed and revoked |
//! | [`Revocations`] | cut-offs, and what every node has to know of what ended |
//! | [`SigningKeys`] | the keys that sign tokens, wrapped |
//! | [`Proofs`] | mailed links and codes |
//! | [`Registrations`] | registrations that wait for the proof of their address |
//! | [`Errands`] | what is done after the answer |
//! | [`Administration`] | accounts changed, deleted and found by others |
//! | [`Deletions`] | accounts that their owners delete |
//! | [`Avatars`] | pictures |
//! | [`KnownDevices`] | the devices that have logged in to an account |
//! | [`Setup`] | the link that makes the first administrator |
//! | [`AuditTrail`] | what happened |
//! | [`Upkeep`] | nothing: removes what has expired, and closes |
//!
//! None of them may be left out: each is behind routes and rules that rely on it. An application that does not want a
//! capability leaves its routes out.
//!
//! # For whoever writes a store
//! - A method is one intent. It happens wholly or not at all, and before it answers `Ok` what it wrote outlives a crash.
//!   Two that touch the same account or session come one after the other: whoever loses such a race sees what the winner
//!   wrote.
//! - An `Err` means that nothing is known about the effect. Every expected outcome, a refusal or a conflict too, is a
//!   value; one that says "nothing was written" is kept to the letter.
//! - What a method says it does "in the same step" (the errand of a change, the sessions that a ban ends) is one
//!   transaction with it; callers never put one intent together of several calls. An [`Announcer`] is asked inside it,
//!   and where it fails nothing has happened.
//! - A one-time thing is found and used up by one step, so that of many that come at once one has it.
//! - Moments come from the caller. A store reads no clock, and compares with no other. What is good "until" a moment is no
//!   longer good at that moment.
//! - A session that ends, a cut-off and a change of the keys are told to the other nodes:
//!   [`is_changed_elsewhere`](Revocations::is_changed_elsewhere) says so there, and
//!   [`list_revocations`](Revocations::list_revocations) what it was, until the last access token of it has expired.
//! - Names are compared in their canonical form, which the values bring along: [`Email::canonical`] and
//!   [`Username::canonical`]. What is kept to be shown is what was typed.
//! - After [`close`](Upkeep::close) every method is [`StoreError::Unavailable`].
//!
//! `vestibule_testkit::contract` holds a store to this: each method, its conflicts and its races, made into tests by
//! `store_contract!`, which asks for a fixture with two short methods. `crates/vestibule/examples/own-store` is a whole store
//! that keeps it, a file for each trait, and `crates/vestibule/tests/own_store.rs` the test that holds it to it.
//!
//! [`Email::canonical`]: crate::values::email::Email::canonical
//! [`Username::canonical`]: crate::values::username::Username::canonical
//!
//! # Example
//! One of the traits, in memory. The lock is what makes each method one step; a database has transactions for it.
//!
//! ```
//! use std::{collections::HashMap, sync::{Mutex, MutexGuard}};
//!
//! use async_trait::async_trait;
//! use vestibule_core::{
//!     ports::store::{Avatar, Avatars, StoreError},
//!     values::account::{Account, AccountId},
//! };
//!
//! #[derive(Debug, Default)]
//! struct State {
//!     accounts: HashMap<AccountId, Account>,
//!     avatars: HashMap<AccountId, Avatar>,
//! }
//!
//! #[derive(Debug, Default)]
//! struct Memory(Mutex<State>);
//!
//! impl Memory {
//!     fn lock(&self) -> Result<MutexGuard<'_, State>, StoreError> {
//!         self.0.lock().map_err(|_| StoreError::Broken("a thread died in the middle of a change".into()))
//!     }
//! }
//!
//! #[async_trait]
//! impl Avatars for Memory {
//!     async fn put_avatar(&self, id: AccountId, avatar: Avatar) -> Result<bool, StoreError> {
//!         let mut state = self.lock()?;
//!         // Under the same lock as the deletion of accounts: no picture outlives its account.
//!         let is_there = state.accounts.contains_key(&id);
//!         if is_there {
//!             state.avatars.insert(id, avatar);
//!         }
//!         Ok(is_there)
//!     }
//!
//!     async fn find_avatar(&self, id: AccountId) -> Result<Option<Avatar>, StoreError> {
//!         let state = self.lock()?;
//!         let is_shown = state.accounts.get(&id).is_some_and(|account| account.active);
//!         Ok(state.avatars.get(&id).filter(|_| is_shown).cloned())
//!     }
//!
//!     async fn delete_avatar(&self, id: AccountId) -> Result<bool, StoreError> {
//!         Ok(self.lock()?.avatars.remove(&id).is_some())
//!     }
//! }
//! # drop(Memory::default());
//! ```

mod accounts;
mod administration;
mod announcer;
mod audit_trail;
mod avatars;
mod deletions;
mod errands;
mod known_devices;
mod passwords;
mod proofs;
mod registrations;
mod revocations;
mod sessions;
mod setup;
mod signing_keys;
mod upkeep;

pub use self::{
    accounts::{Accounts, Insertion},
    administration::{
        AccountChange, AccountChanged, AccountDeleted, AccountDeletion, AccountPage, AccountSearch, Activity,
        Administration, DisabledAccount, PermissionChange,
    },
    announcer::{Announcer, Occurrence},
    audit_trail::{AuditPage, AuditSearch, AuditTrail},
    avatars::{Avatar, Avatars},
    deletions::{DeletedAccount, DeletionRequest, DeletionRequested, Deletions, PendingDeletion},
    errands::{ClaimedErrand, ErrandCount, Errands, NewErrand},
    known_devices::{Acquaintance, Arrival, KnownDevice, KnownDevices, MAX_KNOWN_DEVICES, NewDeviceLetter},
    passwords::{PasswordChange, PasswordReplacement, PasswordReset, Passwords},
    proofs::{AddressConfirmation, Confirmed, FoundLink, LinkCode, Proofs},
    registrations::{KeptRegistration, Registrations, SealedRegistration},
    revocations::{AccountCutoff, Progress, Revocations, Revoked},
    sessions::{Opening, Rotated, Rotation, RotationRequest, SessionOpening, Sessions, Stall},
    setup::Setup,
    signing_keys::{SigningKeys, StoredSigningKey},
    upkeep::Upkeep,
};

/// Keeps everything: whatever implements all of its parts is a store.
///
/// A `dyn Store` has the methods of all of them; for those of a concrete store, the trait that a method belongs to must be
/// in scope, or all of them: `use vestibule_core::ports::store::prelude::*`.
pub trait Store:
    Accounts
    + Administration
    + AuditTrail
    + Avatars
    + Deletions
    + Errands
    + KnownDevices
    + Passwords
    + Proofs
    + Registrations
    + Revocations
    + Sessions
    + Setup
    + SigningKeys
    + Upkeep
{
}

impl<S> Store for S where
    S: Accounts
        + Administration
        + AuditTrail
        + Avatars
        + Deletions
        + Errands
        + KnownDevices
        + Passwords
        + Proofs
        + Registrations
        + Revocations
        + Sessions
        + Setup
        + SigningKeys
        + Upkeep
{
}

/// The methods of every trait that a store is made of, to be glob-imported by whoever calls a concrete one. It brings no
/// names.
pub mod prelude {
    pub use super::{
        Accounts as _, Administration as _, AuditTrail as _, Avatars as _, Deletions as _, Errands as _,
        KnownDevices as _, Passwords as _, Proofs as _, Registrations as _, Revocations as _, Sessions as _,
        Setup as _, SigningKeys as _, Upkeep as _,
    };
}

/// The store could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It is away: no connection, disk full, locked too long, shutting down. Asking again may help.
    #[error("the store is unavailable: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answered something we cannot understand: a bug or foreign data. Asking again does not help.
    #[error("the store answered nonsense: {0}")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}
