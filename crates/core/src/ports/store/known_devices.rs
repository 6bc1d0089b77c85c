//! The devices that have logged in to an account.

use std::fmt;

use async_trait::async_trait;

use super::{NewErrand, StoreError};
use crate::{
    ports::clock::Timestamp,
    values::{account::AccountId, device::DeviceId},
};

/// How many devices are remembered of an account; those that will be forgotten first make room.
pub const MAX_KNOWN_DEVICES: u32 = 100;

/// Remembers the devices that have logged in to an account. [`Sessions::open_session`](super::Sessions::open_session) and
/// [`Accounts::insert_account`](super::Accounts::insert_account) write them down.
#[async_trait]
pub trait KnownDevices: Send + Sync + fmt::Debug {
    /// The devices by which an account is known at `now`, the newest first.
    ///
    /// Those that were known before every device of the account was forgotten are not among them.
    async fn list_known_devices(
        &self,
        account_id: AccountId,
        now: Timestamp,
    ) -> Result<Vec<KnownDevice>, StoreError>;
}

/// A device that has logged in to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    /// What it is recognised by: a browser's own number, or what stands for a place that something without cookies called
    /// from.
    pub device: DeviceId,
    /// Since when it is known.
    pub since: Timestamp,
    /// Until when it is known, unless it logs in again.
    pub until: Timestamp,
    /// When the owner was written to about it, where they were.
    pub told_at: Option<Timestamp>,
}

/// A device that is known from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acquaintance {
    /// What it is recognised by.
    pub device: DeviceId,
    /// Until when.
    pub until: Timestamp,
}

/// What a login brings along: by what its device is recognised, and what the owner is told where it is new.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The device, and until when it is known from now on.
    pub device: Acquaintance,
    /// A device that is known for longer than this is not written down anew.
    pub suffices: Timestamp,
    /// What was known at or before this moment is known no more.
    pub devices_since: Timestamp,
    /// The number that a browser was given with this login, by which it is recognised from now on.
    pub given: Option<Acquaintance>,
    /// The letter to the owner; without one the device is written down in silence.
    pub letter: Option<NewDeviceLetter>,
}

/// A letter to the owner about a new device.
#[derive(Clone, Debug)]
pub struct NewDeviceLetter {
    /// The letter.
    pub errand: NewErrand,
    /// How many such letters the account may have been sent after `since`; beyond, the device is neither told of nor
    /// written down, so that its next login is told of.
    pub limit: u32,
    /// Which letters count.
    pub since: Timestamp,
}
