//! Passwords, set, reset and changed.

use std::fmt;

use async_trait::async_trait;

use super::{AccountCutoff, NewErrand, StoreError};
use crate::{
    ports::clock::Timestamp,
    values::{
        account::AccountId,
        link::LinkDigest,
        password::PasswordHash,
        session::{RevokedSession, SessionId},
    },
};

/// Sets the passwords of accounts.
///
/// Whoever gets a new password has ended every other mailed way in: links that reset it, and those that would lead the
/// account to another address than its own. That is part of each step here but
/// [`update_password_hash`](Self::update_password_hash), which is a new hash of the same password.
///
/// # Atomic
/// The new password, the end of the sessions, of the mailed ways in and of the link, and the errands that tell of it.
///
/// # Races
/// - Of many that redeem one link, one sets the password.
/// - Of many that replace the same hash, one does.
///
/// In memory: `crates/vestibule/examples/own-store/passwords.rs`.
#[async_trait]
pub trait Passwords: Send + Sync + fmt::Debug {
    /// Replaces a password hash if it still is `from`; says whether it was.
    async fn update_password_hash(
        &self,
        id: AccountId,
        from: PasswordHash,
        to: PasswordHash,
    ) -> Result<bool, StoreError>;

    /// Uses a link up and sets a new password, if it was mailed to the address that the account has now, which counts as
    /// proved. Every session that the account has ends, and every other mailed way in; counters of failures begin anew,
    /// and no device is known any more.
    async fn reset_password(&self, reset: PasswordReset) -> Result<Option<AccountCutoff>, StoreError>;

    /// Sets a new password whatever the old one was. Every session that the account has ends, and every mailed way in but
    /// the proof of its present address; counters of failures begin anew, and no device is known any more. `None` where
    /// there is no account.
    async fn replace_password(
        &self,
        replacement: PasswordReplacement,
    ) -> Result<Option<AccountCutoff>, StoreError>;

    /// Sets a new password if the old one still is `from`, and ends every session but one; no device that was known until
    /// then is known any more. `None`, and nothing is written, where it is another password by now.
    async fn change_password(
        &self,
        change: PasswordChange,
    ) -> Result<Option<Vec<RevokedSession>>, StoreError>;
}

/// What a reset takes.
#[derive(Clone, Debug)]
pub struct PasswordReset {
    /// The link.
    pub digest: LinkDigest,
    /// The hash of the new password.
    pub to: PasswordHash,
    /// The present moment.
    pub now: Timestamp,
    /// What tells the owner, and others.
    pub errands: Vec<NewErrand>,
}

/// What an operator's new password takes.
#[derive(Clone, Debug)]
pub struct PasswordReplacement {
    /// Whose password it is.
    pub account_id: AccountId,
    /// The hash of the new password.
    pub to: PasswordHash,
    /// The present moment.
    pub now: Timestamp,
    /// What tells of it.
    pub errands: Vec<NewErrand>,
}

/// What a change of the password takes.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    /// Whose password it is.
    pub account_id: AccountId,
    /// The hash that the old password was verified against; `None` where the account has none.
    pub from: Option<PasswordHash>,
    /// The hash of the new password.
    pub to: PasswordHash,
    /// The session that goes on.
    pub keep: SessionId,
    /// The present moment.
    pub now: Timestamp,
    /// What tells the owner, and others.
    pub errands: Vec<NewErrand>,
}
