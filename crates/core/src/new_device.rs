//! Devices that are new to an account: their logins are told to its owner by mail.
//!
//! Stores, for each account, up to a hundred devices by which it is known: the numbers of browsers that have shown their
//! cookie, and MACs of account, client network and user agent for whatever shows none. Steered by `mail.new_device`,
//! `throttle.mails` and `throttle.mail_window`. Defends against passwords that are used unnoticed, and the owner's mailbox
//! against logins that come every minute.
//!
//! A cookie counts once its MAC has been verified for this very account, so nobody makes one up to go unnoticed. Nobody
//! can tell a browser that has lost its cookies from a stranger's that looks the same, so what shows no cookie is known by
//! its place for a day alone; a program, which never shows any, for as long as a device. The letter is queued by the
//! transaction that opens the session: there is no login without it, and no letter about a login that failed.

use std::time::Duration;

use crate::{
    Auth,
    confirmation::recipient,
    login::LoginAttempt,
    ports::{
        clock::Timestamp,
        store::{Acquaintance, Arrival, NewDeviceLetter, StoreError},
    },
    values::{
        account::{AccountId, Credentials},
        client::Client,
        device::{Device, DeviceId, DeviceToken, KNOWN_FOR},
        message::Content,
    },
};

/// For how long a place is known by a browser that showed no cookie there.
const COOKIELESS_FOR: Duration = Duration::from_hours(24);
/// How often it is written down that a device is still in use.
const NOTED_EVERY: Duration = Duration::from_hours(24);
/// The window of the one letter to an address that nobody has proved: it may be a stranger's.
const UNPROVED_WINDOW: Duration = Duration::from_hours(24);

impl Auth {
    /// What a login brings along; `token` is what its browser keeps from now on.
    pub(crate) fn arrival(
        &self,
        credentials: &Credentials,
        attempt: &LoginAttempt,
        token: Option<&DeviceToken>,
        at: Timestamp,
    ) -> Result<Arrival, StoreError> {
        let LoginAttempt { device, client, .. } = attempt;
        let account = &credentials.account;
        let known_until = at.plus(KNOWN_FOR);
        let noted = known_until.minus(NOTED_EVERY);
        let devices_since = credentials.devices_since;
        if let Some(device) = device.known(&self.master, account.id, devices_since, at) {
            let device = Acquaintance { device, until: known_until };
            return Ok(Arrival { device, suffices: noted, devices_since, given: None, letter: None });
        }
        Ok(Arrival {
            device: self.place(account.id, device, client, at),
            // A place is no better known because somebody without cookies comes from it again.
            suffices: if matches!(device, Device::Program) { noted } else { at },
            devices_since,
            given: token.map(|token| Acquaintance { device: token.id(), until: known_until }),
            letter: self.new_device_letter(credentials, client, at)?,
        })
    }

    /// What a device that shows no cookie is known by.
    pub(crate) fn place(
        &self,
        account: AccountId,
        device: &Device,
        client: &Client,
        at: Timestamp,
    ) -> Acquaintance {
        let place = Device::place(&self.master, account, client);
        match device {
            Device::Program => Acquaintance { device: place, until: at.plus(KNOWN_FOR) },
            Device::Browser(_) => first_place(place, at),
        }
    }

    fn new_device_letter(
        &self,
        credentials: &Credentials,
        client: &Client,
        at: Timestamp,
    ) -> Result<Option<NewDeviceLetter>, StoreError> {
        if !self.policy.mail.tells_of_new_devices {
            return Ok(None);
        }
        let account = &credentials.account;
        let (address, user_agent) = (client.address.to_string(), client.user_agent.clone());
        let content = Content::NewDevice { address, user_agent };
        let letter = self.letter(recipient(account, credentials.language), at, content)?;
        let policy = &self.policy.throttle;
        let (limit, window) = match (policy.is_enabled, account.confirmed) {
            (false, _) => (u32::MAX, Duration::ZERO),
            (true, true) => (policy.mails, policy.mail_window),
            (true, false) => (1, UNPROVED_WINDOW),
        };
        Ok(letter.map(|errand| NewDeviceLetter { errand, limit, since: at.minus(window) }))
    }
}

/// A place that somebody came from in a browser that showed no cookie.
pub(crate) fn first_place(device: DeviceId, at: Timestamp) -> Acquaintance {
    Acquaintance { device, until: at.plus(COOKIELESS_FOR) }
}
