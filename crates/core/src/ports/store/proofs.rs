//! Proofs of a mailbox: mailed links and codes.

use std::fmt;

use async_trait::async_trait;

use super::{StoreError, errands::NewErrand};
use crate::{
    ports::clock::Timestamp,
    values::{
        account::Account,
        language::Language,
        link::{LinkDigest, LinkPurpose, NewLink},
    },
};

/// Keeps mailed links, one of each purpose an account, and takes the proof that they are.
///
/// A link is good until it expires, while its account may be used, and until a newer one of the same purpose takes its
/// place. One that resets a password must have been mailed to the address that the account has now. An account that gets
/// another address loses the links to the old one: whoever reads that mailbox has no more say.
///
/// # Atomic
/// A link and the errand that mails it; a link used up, the address it makes the account's, and what tells of it.
///
/// # Races
/// - Of many that use one link, one has it.
/// - Of many accounts that prove one address at once, one gets it; for the others it is [`Confirmed::Taken`].
/// - Attempts at a code are counted by the step that hands out what it is compared with: never more than the limit.
///
/// In memory: `crates/vestibule/examples/own-store/proofs.rs`.
#[async_trait]
pub trait Proofs: Send + Sync + fmt::Debug {
    /// Keeps a link in place of the older one of its purpose, and queues what tells of it; `false`, and nothing is
    /// written, where the account is gone or disabled, or has another password than the one that was verified. A
    /// [`LinkPurpose::Decoy`] needs no account, and leads nowhere.
    async fn issue_link(&self, link: NewLink, errand: Option<NewErrand>) -> Result<bool, StoreError>;

    /// Finds a link that is good, without using it up.
    async fn find_link(
        &self,
        digest: LinkDigest,
        purpose: LinkPurpose,
        now: Timestamp,
    ) -> Result<Option<FoundLink>, StoreError>;

    /// Counts an attempt at the codes of the links mailed to an address and returns those that outlive it: the count
    /// comes before anybody has looked at the code.
    ///
    /// Whoever asks for the codes of confirmations is asking for those of registrations, too, and for the codes of resets,
    /// for those of decoys.
    async fn count_code_attempt(
        &self,
        email_canonical: &str,
        purpose: LinkPurpose,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<LinkCode>, StoreError>;

    /// Uses a link up and makes its address the account's, proved.
    async fn confirm_address(&self, confirmation: AddressConfirmation) -> Result<Confirmed, StoreError>;
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
