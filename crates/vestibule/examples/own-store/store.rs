//! The store: maps behind one lock.
//!
//! Every method of the port is one step, and a step here is what happens under the lock: whoever comes second sees what the
//! first has done. A lock takes nothing back, so each step looks first and asks whatever may fail; once it writes, nothing
//! fails any more. A database does both with a transaction.
//!
//! What a row refers to is found by going through the map, where a database has an index.

mod accounts;
mod administration;
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

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use uuid::Uuid;
use vestibule::core::{
    ports::{
        Timestamp,
        audit::AuditRecord,
        store::{Avatar, KnownDevice, NewErrand, PendingDeletion, StoreError, StoredSigningKey},
    },
    values::{
        account::{Account, AccountId},
        email::Email,
        language::Language,
        link::{LinkDigest, NewLink},
        password::PasswordHash,
        session::{NewSession, SessionId},
        username::Username,
    },
};

use revocations::Told;

/// A handle on the store. A clone is another one on the same data, as another node of a service has one.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    state: Arc<Mutex<State>>,
    /// The last change that this handle has noticed.
    noticed: AtomicI64,
    is_closed: AtomicBool,
}

impl Clone for MemoryStore {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state), ..Self::default() }
    }
}

impl MemoryStore {
    /// Begins a step.
    fn lock(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("it is closed".into()));
        }
        self.state.lock().map_err(|_| StoreError::Broken("a step died halfway".into()))
    }
}

/// Everything that is kept. Ids are made in the order of time, so that their maps are in the order things were made in.
#[derive(Debug, Default)]
struct State {
    accounts: BTreeMap<AccountId, AccountRow>,
    /// Who has an address or a user name, by its canonical form.
    emails: HashMap<String, AccountId>,
    usernames: HashMap<String, AccountId>,
    avatars: HashMap<AccountId, Avatar>,
    devices: HashMap<AccountId, Vec<KnownDevice>>,
    /// Those that have not ended: what ends is taken out, and told.
    sessions: BTreeMap<SessionId, SessionRow>,
    told: Told,
    /// The cut-off of everybody, and the notice of the last blackout.
    everyone: Timestamp,
    notice: Option<Timestamp>,
    links: HashMap<LinkDigest, LinkRow>,
    errands: BTreeMap<Uuid, ErrandRow>,
    setup_link: Option<(LinkDigest, Timestamp)>,
    signing_keys: Vec<StoredSigningKey>,
    audit: BTreeMap<(Timestamp, Uuid), AuditRecord>,
}

#[derive(Debug)]
struct AccountRow {
    account: Account,
    email: Email,
    username: Option<Username>,
    password_hash: Option<PasswordHash>,
    language: Option<Language>,
    /// Since when it may not be used.
    disabled_at: Timestamp,
    deletion: Option<PendingDeletion>,
    /// Sessions born at or before this are dead, and the last access token of them ends then.
    cutoff_at: Timestamp,
    cutoff_until: Timestamp,
    unlocks: u64,
    devices_since: Timestamp,
}

#[derive(Debug)]
struct SessionRow {
    /// As it was opened; `expires_at` and `access_until` move on.
    session: NewSession,
    generation: u64,
    refreshed_at: Timestamp,
}

#[derive(Debug)]
struct LinkRow {
    link: NewLink,
    code_attempts: u32,
    /// What a registration asks for.
    registration: Option<Vec<u8>>,
}

#[derive(Debug)]
struct ErrandRow {
    /// As it was queued; `due_at` moves on.
    errand: NewErrand,
    attempts: u32,
}
