//! The store: everything that outlives the process.
//!
//! Every method is one intent and atomic. An `Err` means that nothing is known about the outcome's effect; every
//! expected outcome, a refusal or a conflict too, is a value.
//!
//! # For whoever writes a store
//! - A method happens wholly or not at all, and before it answers `Ok` what it wrote outlives a crash. Two that touch the
//!   same account or session come one after the other: whoever loses such a race sees what the winner wrote.
//! - What a method says it does "in the same step" (the errand of a change, the sessions that a ban ends) is one
//!   transaction with it; callers never put one intent together of several calls.
//! - A one-time thing is found and used up by one step, so that of many that come at once one has it.
//! - Moments come from the caller. A store reads no clock, and compares with no other.
//! - A session that ends, a cut-off and a change of the keys are told to the other nodes:
//!   [`is_changed_elsewhere`](Store::is_changed_elsewhere) says so there, and [`list_revocations`](Store::list_revocations)
//!   what it was, until the last access token of it has expired.
//! - After [`close`](Store::close) every method is [`StoreError::Unavailable`].
//!
//! `vestibule_testkit::contract` holds a store to this: each method, its conflicts and its races, made into tests by
//! `store_contract!`.

mod administration;
mod announcer;
mod avatars;
mod deletions;
mod errands;
mod proofs;
mod revoked;
mod setup;

use std::{fmt, future, time::Duration};

use async_trait::async_trait;

pub use self::{
    administration::{
        AccountChange, AccountChanged, AccountDeleted, AccountDeletion, AccountPage, AccountSearch, Activity,
        Administration, AuditPage, AuditSearch, DisabledAccount, PermissionChange,
    },
    announcer::{Announcer, Occurrence},
    avatars::{Avatar, Avatars},
    deletions::{DeletedAccount, DeletionRequest, DeletionRequested, Deletions, PendingDeletion},
    errands::{ClaimedErrand, ErrandCount, Errands, NewErrand},
    proofs::{
        AddressConfirmation, Confirmed, FoundLink, KeptRegistration, LinkCode, PasswordChange,
        PasswordReplacement, PasswordReset, Proofs, SealedRegistration,
    },
    revoked::{AccountCutoff, Progress, Revoked},
    setup::Setup,
};
use super::{
    audit::{AuditBatch, AuditRecord},
    clock::Timestamp,
};
use crate::values::{
    account::{Account, AccountId, Credentials, NewAccount},
    password::PasswordHash,
    scope::Scopes,
    session::{NewSession, RevokedSession, Session, SessionId},
    username::LoginName,
};

/// Keeps accounts, sessions, signing keys and the audit log.
#[async_trait]
pub trait Store: Administration + Avatars + Deletions + Errands + Proofs + Setup {
    // ── accounts ──

    /// Makes an account, and its first session where one is given, or says which name is taken.
    ///
    /// The session that the first one replaces ends with the insertion, or lives on without it.
    async fn insert_account(
        &self,
        account: NewAccount,
        session: Option<NewSession>,
    ) -> Result<Insertion, StoreError>;

    /// Finds an account.
    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;

    /// Finds what a login needs. [`LoginName::Neither`] is looked up like every other name and finds nothing.
    async fn find_credentials(&self, name: &LoginName) -> Result<Option<Credentials>, StoreError>;

    /// Replaces a password hash if it still is `from`; says whether it was.
    async fn update_password_hash(
        &self,
        id: AccountId,
        from: PasswordHash,
        to: PasswordHash,
    ) -> Result<bool, StoreError>;

    /// Adds a permission; `None` where there is no such account.
    async fn insert_permission(&self, id: AccountId, permission: &str)
    -> Result<Option<Account>, StoreError>;

    // ── sessions ──

    /// Opens a session after a successful verification.
    async fn open_session(&self, opening: SessionOpening) -> Result<Opening, StoreError>;

    /// Moves a session one generation further: one compare-and-swap.
    async fn rotate_session(&self, rotation: RotationRequest) -> Result<Rotation, StoreError>;

    /// The live sessions of an account, the newest first.
    async fn list_sessions(&self, account_id: AccountId, now: Timestamp) -> Result<Vec<Session>, StoreError>;

    /// Whose session this is, if it is live.
    async fn find_session_owner(
        &self,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<AccountId>, StoreError>;

    /// Revokes a session, if it is live and, where `owner` is given, that account's.
    async fn revoke_session(
        &self,
        id: SessionId,
        owner: Option<AccountId>,
        now: Timestamp,
    ) -> Result<Option<RevokedSession>, StoreError>;

    /// Revokes every live session of an account but one.
    async fn revoke_other_sessions(
        &self,
        account_id: AccountId,
        keep: SessionId,
        now: Timestamp,
    ) -> Result<Vec<RevokedSession>, StoreError>;

    /// Ends every session that an account has, and every other one of it begun at or before `at`, for good.
    async fn cut_off_account(
        &self,
        account_id: AccountId,
        at: Timestamp,
    ) -> Result<Option<AccountCutoff>, StoreError>;

    /// Ends every session that there is, and every other one begun at or before `at`, for good.
    async fn cut_off_everyone(&self, at: Timestamp) -> Result<Timestamp, StoreError>;

    /// What a node must know to refuse dead tokens without asking the store: the next page of what was revoked after
    /// `after`, from the beginning where the store no longer knows that place.
    async fn list_revocations(&self, after: &Progress, now: Timestamp) -> Result<Revoked, StoreError>;

    // ── signing keys ──

    /// All signing keys that are not gone, the newest first.
    async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError>;

    /// Keeps the first signing key; `false` where another process was faster.
    async fn insert_first_signing_key(&self, key: StoredSigningKey) -> Result<bool, StoreError>;

    /// Makes `key` the one that signs; keys that verified without end now verify until `others_until`.
    ///
    /// `others_until` in the past ends them all at once.
    async fn rotate_signing_key(
        &self,
        key: StoredSigningKey,
        others_until: Timestamp,
    ) -> Result<(), StoreError>;

    /// Replaces a wrapped private key if it still is `from`.
    async fn update_wrapped_key(&self, kid: &str, from: Vec<u8>, to: Vec<u8>) -> Result<(), StoreError>;

    // ── audit, upkeep, health ──

    /// Appends audit events; those whose id is there already are left as they are.
    async fn record_audit(&self, batch: AuditBatch) -> Result<(), StoreError>;

    /// The newest audit events, of one account where one is given, at most `limit`.
    async fn list_audit(
        &self,
        account_id: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError>;

    /// A page of the audit events of one account, the newest first.
    async fn page_audit(&self, page: AuditPage) -> Result<Vec<AuditRecord>, StoreError>;

    /// Removes at most `batch` rows of each kind that no longer matter: sessions that ended and whose access tokens
    /// have expired, keys that no longer verify, audit events from before `audit_before`. Returns how many went.
    async fn delete_expired(
        &self,
        now: Timestamp,
        audit_before: Timestamp,
        batch: u32,
    ) -> Result<u64, StoreError>;

    /// Whether another process may have revoked something, set a cut-off or changed the keys since the last call.
    ///
    /// A yes too many costs a read; there is never a no too many.
    async fn is_changed_elsewhere(&self) -> Result<bool, StoreError>;

    /// Waits until there is reason to ask [`is_changed_elsewhere`](Self::is_changed_elsewhere) at once; for ever where
    /// nobody tells.
    ///
    /// What is told may be lost: it makes a node quicker and is no reason to stop asking.
    async fn hear_of_changes(&self) {
        future::pending::<()>().await;
    }

    /// Asks whether reads and writes would be answered now.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Answers what is under way and closes; later calls are outages.
    async fn close(&self);
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

/// The outcome of [`Store::insert_account`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Insertion {
    /// The account exists now.
    Inserted {
        /// The account.
        account: Account,
        /// The session that its first one replaced, if that was live.
        ended: Option<RevokedSession>,
    },
    /// At least one of the names belongs to somebody; nothing was written.
    Taken {
        /// The address does.
        email: bool,
        /// The user name does.
        username: bool,
    },
}

/// What opening a session takes.
#[derive(Clone, Debug)]
pub struct SessionOpening {
    /// The session.
    pub session: NewSession,
    /// The hash the password was verified against: if it has changed since, nobody logs in with the old one.
    pub verified: PasswordHash,
    /// How many live sessions an account may have; the oldest make room.
    pub limit: u32,
}

/// The outcome of [`Store::open_session`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// The session is open and the account's last login is its birth.
    Opened {
        /// The account as it now stands.
        account: Account,
        /// The sessions that ended to make room.
        ended: Vec<RevokedSession>,
    },
    /// The account is gone or disabled, or its password has been changed since it was verified; nothing was written.
    Refused,
}

/// What a rotation takes.
#[derive(Clone, Copy, Debug)]
pub struct RotationRequest {
    /// The session named by the refresh token.
    pub id: SessionId,
    /// The generation named by the refresh token.
    pub generation: u64,
    /// The present moment.
    pub now: Timestamp,
    /// How long the session lives unless it is refreshed again.
    pub refresh_ttl: Duration,
    /// The latest `exp` of the access tokens that this rotation and its grace may issue.
    pub access_until: Timestamp,
    /// How long the same child is answered again.
    pub grace: Duration,
    /// When the store was away last, as far as this node knows: `grace` does not run then.
    pub stall: Option<Stall>,
}

/// A time in which the store did not answer. What it was asked then may have been done, and its end is when the answer
/// could be asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// When the first of the rotations that were not answered had begun.
    pub from: Timestamp,
    /// When the store answered again; the present moment while it has not.
    pub to: Timestamp,
}

impl Stall {
    /// When the grace of what happened at `moment` begins: not before the end of a stall that it fell into.
    #[must_use]
    pub fn grace_begins(stall: Option<Self>, moment: Timestamp) -> Timestamp {
        stall.filter(|stall| stall.from <= moment && moment <= stall.to).map_or(moment, |stall| stall.to)
    }
}

/// The outcome of [`Store::rotate_session`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The session is one generation further.
    Rotated(Rotated),
    /// The token was used a moment ago and its child is unused: the same child again. Nothing was written.
    Repeated(Rotated),
    /// The token was used before: proof of theft. The session is now revoked.
    ReuseDetected(RevokedSession),
    /// The session is unknown, revoked, expired or cut off, or its account is gone or disabled. Nothing was written.
    Refused,
}

/// A session after its rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The account, as of now.
    pub account: Account,
    /// The generation of the new refresh token.
    pub generation: u64,
    /// The scope granted at login.
    pub scope: Scopes,
    /// When the person last proved who they are.
    pub authenticated_at: Timestamp,
    /// When the session ends if it is not refreshed.
    pub expires_at: Timestamp,
}

/// A signing key as it is kept: the private part wrapped.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredSigningKey {
    /// The key's id, as tokens name it.
    pub kid: String,
    /// The JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
    pub algorithm: String,
    /// The private key (PKCS #8), wrapped with `secret_key`.
    pub wrapped: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it verifies; `None` for the one that signs.
    pub verifies_until: Option<Timestamp>,
}

impl fmt::Debug for StoredSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSigningKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .field("created_at", &self.created_at)
            .field("verifies_until", &self.verifies_until)
            .finish_non_exhaustive()
    }
}
