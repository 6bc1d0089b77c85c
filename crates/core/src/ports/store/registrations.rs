//! Registrations that wait for the proof of their address.

use std::fmt;

use async_trait::async_trait;

use super::{Insertion, NewErrand, StoreError};
use crate::{
    ports::clock::Timestamp,
    values::{
        account::{AccountId, NewAccount},
        link::{LinkDigest, NewLink},
    },
};

/// Keeps registrations of which no account is made before somebody has proved that its address is theirs.
///
/// Their links are kept beside those of [`Proofs`](super::Proofs): attempts at their codes are counted there, and
/// [`Upkeep`](super::Upkeep) removes them when they have expired.
///
/// # Atomic
/// A registration and what tells of it; the link used up, the account made, and every other registration of the address
/// ended.
///
/// # Races
/// Of many that complete registrations of one address at once, one makes an account.
///
/// In memory: `crates/vestibule/examples/own-store/registrations.rs`.
#[async_trait]
pub trait Registrations: Send + Sync + fmt::Debug {
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
}

/// A registration to be kept.
#[derive(Clone, Debug)]
pub struct KeptRegistration {
    /// Its link, of the purpose [`LinkPurpose::Register`](crate::values::link::LinkPurpose::Register); the account is the one that there will be.
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
