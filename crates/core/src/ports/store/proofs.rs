//! Proofs of a mailbox, and the changes to an account that need one or a password.

use std::fmt;

use async_trait::async_trait;

use super::{AccountCutoff, Insertion, StoreError, errands::NewErrand};
use crate::{
    ports::clock::Timestamp,
    values::{
        account::{Account, AccountId, NewAccount},
        language::Language,
        link::{LinkDigest, LinkPurpose, NewLink},
        password::PasswordHash,
        session::{RevokedSession, SessionId},
    },
};

/// Keeps mailed links, and makes the changes that they and passwords allow.
///
/// Whatever is told by mail is queued by the same transaction.
#[async_trait]
pub trait Proofs: Send + Sync + fmt::Debug {
    /// Keeps a link in place of the older one of its purpose; `false`, and nothing is queued, where the account is gone
    /// or disabled.
    async fn issue_link(&self, link: NewLink, errand: NewErrand) -> Result<bool, StoreError>;

    /// Finds a link that is good, without using it up.
    async fn find_link(
        &self,
        digest: LinkDigest,
        purpose: LinkPurpose,
        now: Timestamp,
    ) -> Result<Option<FoundLink>, StoreError>;

    /// Counts an attempt at the codes of the links mailed to an address and returns those that outlive it: the count
    /// comes before anybody has looked at the code.
    async fn count_code_attempt(
        &self,
        email_canonical: &str,
        purpose: LinkPurpose,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<LinkCode>, StoreError>;

    /// Uses a link up and makes its address the account's, proved.
    async fn confirm_address(&self, confirmation: AddressConfirmation) -> Result<Confirmed, StoreError>;

    /// Keeps what a registration asks for until its link is used, and queues what tells of it. An address may have several.
    async fn keep_registration(
        &self,
        kept: KeptRegistration,
        errand: Option<NewErrand>,
    ) -> Result<(), StoreError>;

    /// Finds what the registration of a link that is good asked for, without using it up.
    async fn find_registration(
        &self,
        digest: LinkDigest,
        now: Timestamp,
    ) -> Result<Option<SealedRegistration>, StoreError>;

    /// Uses a link up and makes the account of its registration; `None`, and nothing is made, where the link is not good.
    /// An account whose user name was taken meanwhile is made without; every other registration of the address ends.
    async fn complete_registration(
        &self,
        digest: LinkDigest,
        account: NewAccount,
        now: Timestamp,
    ) -> Result<Option<Insertion>, StoreError>;

    /// Uses a link up and sets a new password, if it was mailed to the address that the account has now, which counts as
    /// proved. Every session that the account has ends, and every other mailed way in.
    async fn reset_password(&self, reset: PasswordReset) -> Result<Option<AccountCutoff>, StoreError>;

    /// Sets a new password whatever the old one was. Every session that the account has ends, and every mailed way in but
    /// the proof of its present address; `None` where there is no account.
    async fn replace_password(
        &self,
        replacement: PasswordReplacement,
    ) -> Result<Option<AccountCutoff>, StoreError>;

    /// Sets a new password if the old one still is `from`, and ends every session but one; `None`, and nothing is
    /// written, where it is another one by now.
    async fn change_password(
        &self,
        change: PasswordChange,
    ) -> Result<Option<Vec<RevokedSession>>, StoreError>;
}

/// A registration to be kept.
#[derive(Clone, Debug)]
pub struct KeptRegistration {
    /// Its link, of the purpose [`LinkPurpose::Register`]; the account is the one that there will be.
    pub link: NewLink,
    /// What was asked for, sealed.
    pub sealed: Vec<u8>,
}

/// A registration that waits for the proof of its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRegistration {
    /// The id that the account will have.
    pub account_id: AccountId,
    /// What was asked for, sealed.
    pub sealed: Vec<u8>,
}

/// A link that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundLink {
    /// Whose it is, as of now.
    pub account: Account,
    /// The language the account is written to in.
    pub language: Option<Language>,
    /// The address it was mailed to, as typed.
    pub email: String,
}

/// What a typed code is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkCode {
    /// The link's digest.
    pub digest: LinkDigest,
    /// The code's MAC.
    pub code_mac: Vec<u8>,
}

/// What a confirmation takes.
#[derive(Clone, Debug)]
pub struct AddressConfirmation {
    /// The link.
    pub digest: LinkDigest,
    /// The account's address until now, as typed: a link that was looked at under another address is no longer good.
    pub from: String,
    /// The present moment.
    pub now: Timestamp,
    /// What tells the old address of a new one, and others.
    pub errands: Vec<NewErrand>,
}

/// The outcome of [`Proofs::confirm_address`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// The address is the account's and proved.
    Confirmed(Account),
    /// The link is not good, or the account has another address than the one it was looked at under; nothing but the link
    /// was changed.
    Refused,
    /// The address has become somebody else's meanwhile; the link is used up.
    Taken,
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
    /// What tells the owner.
    pub errand: Option<NewErrand>,
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
