//! Accounts that go because their owners want it: asked for, taken back, done.

use std::fmt;

use async_trait::async_trait;

use super::{AccountCutoff, Announcer, NewErrand, StoreError};
use crate::{
    ports::clock::Timestamp,
    values::{
        account::{Account, AccountId},
        password::PasswordHash,
        session::RevokedSession,
    },
};

/// Keeps accounts that are to be deleted until their time has come.
///
/// # Atomic
/// The account out of use, its sessions and links ended, and what tells of it.
///
/// # Races
/// - Administrators who delete themselves at the same time: the last one stays.
/// - A return and a deletion whose time has come: whichever is first wins, and the other finds nothing to do.
///
/// In memory: `crates/vestibule/examples/own-store/deletions.rs`.
#[async_trait]
pub trait Deletions: Send + Sync + fmt::Debug {
    /// Puts an account out of use until it is deleted: its sessions end for good, links mailed to it are worth nothing.
    async fn request_deletion(&self, request: DeletionRequest) -> Result<DeletionRequested, StoreError>;

    /// Brings an account back whose time has not come and whose owner may do so; its sessions stay dead.
    async fn restore_account(
        &self,
        id: AccountId,
        now: Timestamp,
        announcer: Announcer,
    ) -> Result<Option<Account>, StoreError>;

    /// Deletes accounts whose time has come, at most `batch`, those that have waited for longest first; with all that is
    /// theirs, as [`delete_account`](super::Administration::delete_account) does.
    async fn delete_due_accounts(
        &self,
        now: Timestamp,
        batch: u32,
        announcer: Announcer,
    ) -> Result<Vec<DeletedAccount>, StoreError>;
}

/// What a deletion by the owner takes.
#[derive(Clone, Debug)]
pub struct DeletionRequest {
    /// The account.
    pub id: AccountId,
    /// The hash the password was verified against: whoever has another one by now has not asked.
    pub verified: PasswordHash,
    /// When the account is to be deleted.
    pub deletes_at: Timestamp,
    /// What tells the owner, and others; queued with the request, and not deleted with the account.
    pub errands: Vec<NewErrand>,
    /// The present moment.
    pub now: Timestamp,
}

/// The outcome of [`Deletions::request_deletion`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionRequested {
    /// The account waits for its deletion; this ended its sessions.
    Pending(AccountCutoff),
    /// It is the last active administrator; nothing was written.
    LastAdmin,
    /// It is gone, disabled, or has another password; nothing was written.
    Refused,
}

/// When an account is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingDeletion {
    /// From when on it is as good as gone.
    pub at: Timestamp,
    /// Whether its owner may take it back: not where an administrator has disabled it since.
    pub may_be_restored: bool,
}

/// An account that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedAccount {
    /// Its id.
    pub id: AccountId,
    /// Its sessions, where they had not ended before.
    pub ended: Vec<RevokedSession>,
}
