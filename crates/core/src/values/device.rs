//! Devices: how a browser that has logged in to an account is known again.
//!
//! A browser keeps its device's id and, for each account that has logged in on it, the moment of the last login and a MAC of
//! the three. Nothing about it is stored here, it names no account, and without `secret_key` nobody makes one up.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    account::AccountId,
    client::Client,
    secret::{MasterKeys, random_bytes},
};
use crate::ports::clock::Timestamp;

/// For how long a device is known after a login.
pub const KNOWN_FOR: Duration = Duration::from_hours(24 * 180);
/// What every text begins with.
const PREFIX: &str = "vd1.";
/// How many accounts are known on one device; the one that logged in longest ago makes room.
const MAX_ACCOUNTS: usize = 8;
/// The bytes of an id.
const ID: usize = 16;
/// The bytes of an acquaintance: a moment and the beginning of a MAC.
const ACQUAINTANCE: usize = 8 + 16;

/// Identifies a device.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceId([u8; ID]);

impl DeviceId {
    fn generate() -> Self {
        Self(random_bytes())
    }

    /// Takes an id that a store kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; ID]) -> Self {
        Self(bytes)
    }

    /// The id's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; ID] {
        &self.0
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceId({self})")
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// That an account has logged in on a device.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Acquaintance {
    at: Timestamp,
    mac: [u8; 16],
}

/// What a browser keeps of the device that it is.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceToken {
    id: DeviceId,
    /// The account that logged in last comes first.
    accounts: Vec<Acquaintance>,
}

impl fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceToken(…)")
    }
}

impl DeviceToken {
    /// Reads what came back; `None` where it is none of ours by its form. Whether it is true is for [`Self::knows`].
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (id, accounts) = bytes.split_first_chunk::<ID>()?;
        if accounts.len() % ACQUAINTANCE != 0 || accounts.len() > MAX_ACCOUNTS * ACQUAINTANCE {
            return None;
        }
        let accounts = accounts.chunks_exact(ACQUAINTANCE).filter_map(|chunk| {
            let (at, mac) = chunk.split_first_chunk::<8>()?;
            let at = Timestamp::from_millis(i64::from_be_bytes(*at));
            Some(Acquaintance { at, mac: mac.try_into().ok()? })
        });
        Some(Self { id: DeviceId(*id), accounts: accounts.collect() })
    }

    /// The text to be kept; it fits into a cookie.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut bytes = self.id.0.to_vec();
        for account in &self.accounts {
            bytes.extend_from_slice(&account.at.as_millis().to_be_bytes());
            bytes.extend_from_slice(&account.mac);
        }
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The device.
    #[must_use]
    pub const fn id(&self) -> DeviceId {
        self.id
    }

    /// Whether the account has logged in here after `since`, and not too long ago.
    #[must_use]
    pub fn knows(&self, keys: &MasterKeys, account: AccountId, since: Timestamp, now: Timestamp) -> bool {
        self.find(keys, account).is_some_and(|(_, at)| at > since && now < at.plus(KNOWN_FOR))
    }

    fn find(&self, keys: &MasterKeys, account: AccountId) -> Option<(usize, Timestamp)> {
        let found = self.accounts.iter().enumerate().find(|(_, one)| {
            let body = body(self.id, account, one.at);
            keys.is_device_mac(&body, &one.mac)
        });
        found.map(|(place, one)| (place, one.at))
    }

    /// What a browser keeps once the account has logged in on it: the same device, if it was one.
    #[must_use]
    pub fn after_login(before: Option<&Self>, keys: &MasterKeys, account: AccountId, now: Timestamp) -> Self {
        let mut token =
            before.cloned().unwrap_or_else(|| Self { id: DeviceId::generate(), accounts: Vec::new() });
        if let Some((place, _)) = token.find(keys, account) {
            token.accounts.remove(place);
        }
        let mac = keys.device_mac(&body(token.id, account, now));
        token.accounts.insert(0, Acquaintance { at: now, mac });
        token.accounts.truncate(MAX_ACCOUNTS);
        token
    }
}

fn body(id: DeviceId, account: AccountId, at: Timestamp) -> Vec<u8> {
    [PREFIX.as_bytes(), &id.0, account.as_uuid().as_bytes(), &at.as_millis().to_be_bytes()].concat()
}

/// What somebody logs in with.
#[derive(Clone, Debug)]
pub enum Device {
    /// A browser, and what it has kept.
    Browser(Option<DeviceToken>),
    /// A program, which keeps nothing but its tokens.
    Program,
}

impl Device {
    /// What a browser showed; a text that is none of ours is as good as nothing.
    #[must_use]
    pub fn of_browser(text: Option<&str>) -> Self {
        Self::Browser(text.and_then(DeviceToken::read))
    }

    /// What the device has to keep once the account has logged in on it.
    #[must_use]
    pub fn after_login(&self, keys: &MasterKeys, account: AccountId, now: Timestamp) -> Option<DeviceToken> {
        match self {
            Self::Browser(before) => Some(DeviceToken::after_login(before.as_ref(), keys, account, now)),
            Self::Program => None,
        }
    }

    /// The device, if the account has logged in on it before.
    #[must_use]
    pub fn known(
        &self,
        keys: &MasterKeys,
        account: AccountId,
        since: Timestamp,
        now: Timestamp,
    ) -> Option<DeviceId> {
        let Self::Browser(Some(token)) = self else { return None };
        token.knows(keys, account, since, now).then_some(token.id)
    }

    /// What a device that shows no cookie is known by: the account, where it calls from and what it calls itself.
    #[must_use]
    pub fn place(keys: &MasterKeys, account: AccountId, client: &Client) -> DeviceId {
        let (id, network) = (account.as_uuid().as_bytes(), client.network().to_string());
        // No network's name contains the byte that ends it.
        DeviceId(keys.place_mac(&[id, network.as_bytes(), b"\0", client.user_agent.as_bytes()].concat()))
    }

    /// What programs are told apart by: where they call from and what they call themselves.
    #[must_use]
    pub fn of_program(keys: &MasterKeys, client: &Client) -> DeviceId {
        DeviceId(keys.counter_mac(format!("program\0{}\0{}", client.network(), client.user_agent).as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::secret::SecretKey;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + day * 86_400_000)
    }

    fn keys() -> MasterKeys {
        MasterKeys::derive(&SecretKey::generate(), &[]).unwrap()
    }

    #[test]
    fn a_device_is_known_for_180_days_after_each_login() {
        let (keys, ada) = (keys(), AccountId::new(at(0)));
        let token = DeviceToken::after_login(None, &keys, ada, at(0));
        let back = DeviceToken::read(&token.expose()).unwrap();
        assert_eq!(back, token);
        let knows = |token: &DeviceToken, day| token.knows(&keys, ada, at(-1), at(day));
        assert!(knows(&back, 0) && knows(&back, 179) && !knows(&back, 180));
        assert!(!back.knows(&keys, ada, at(0), at(1)), "devices were forgotten at that moment");
        let again = DeviceToken::after_login(Some(&back), &keys, ada, at(100));
        assert_eq!((again.id, again.accounts.len()), (back.id, 1));
        assert!(knows(&again, 279) && !knows(&again, 280));
    }

    #[test]
    fn several_accounts_share_a_device_and_the_oldest_makes_room() {
        let keys = keys();
        let accounts: Vec<_> = (0..=MAX_ACCOUNTS).map(|_| AccountId::new(at(0))).collect();
        let mut token = None;
        for (day, account) in (0..).zip(&accounts) {
            token = Some(DeviceToken::after_login(token.as_ref(), &keys, *account, at(day)));
        }
        let token = DeviceToken::read(&token.unwrap().expose()).unwrap();
        let known: Vec<_> = accounts.iter().map(|one| token.knows(&keys, *one, at(-1), at(9))).collect();
        assert!(!known[0] && known[1..].iter().all(|is_known| *is_known), "{known:?}");
        assert!(token.expose().len() < 512);
    }

    #[test]
    fn whatever_is_changed_is_known_no_more() {
        let (keys, ada, eve) = (keys(), AccountId::new(at(0)), AccountId::new(at(0)));
        let token = DeviceToken::after_login(None, &keys, ada, at(0));
        assert!(!token.knows(&keys, eve, at(-1), at(0)));
        let mut bytes = URL_SAFE_NO_PAD.decode(token.expose().strip_prefix(PREFIX).unwrap()).unwrap();
        for place in 0..bytes.len() {
            bytes[place] ^= 1;
            let forged = DeviceToken::read(&format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&bytes))).unwrap();
            assert!(!forged.knows(&keys, ada, at(-1), at(0)), "{place}");
            bytes[place] ^= 1;
        }
        // Another device's acquaintance is none of this one's.
        let other = DeviceToken::after_login(None, &keys, ada, at(0));
        let stolen = DeviceToken { id: other.id, accounts: token.accounts };
        assert!(!stolen.knows(&keys, ada, at(-1), at(0)));
    }

    #[test]
    fn a_place_is_an_accounts_a_networks_and_a_user_agents() {
        let (keys, ada, eve) = (keys(), AccountId::new(at(0)), AccountId::new(at(0)));
        let place = |account, address: &str, name: &str| {
            Device::place(&keys, account, &Client::new(address.parse().unwrap(), name))
        };
        let home = place(ada, "2001:db8::1", "curl");
        assert_eq!(home, place(ada, "2001:db8::ffff:1", "curl"), "a network of a subscriber");
        for other in [
            place(eve, "2001:db8::1", "curl"),
            place(ada, "2001:db8:0:1::1", "curl"),
            place(ada, "2001:db8::1", "curl "),
            Device::place(&self::keys(), ada, &Client::new("2001:db8::1".parse().unwrap(), "curl")),
        ] {
            assert_ne!(home, other);
        }
    }

    #[test]
    fn previous_keys_still_know_a_device() {
        let (old, new) = (SecretKey::generate(), SecretKey::generate());
        let before = MasterKeys::derive(&old, &[]).unwrap();
        let (after, stranger) =
            (MasterKeys::derive(&new, &[old]).unwrap(), MasterKeys::derive(&new, &[]).unwrap());
        let ada = AccountId::new(at(0));
        let token = DeviceToken::after_login(None, &before, ada, at(0));
        assert!(token.knows(&after, ada, at(-1), at(1)));
        assert!(!token.knows(&stranger, ada, at(-1), at(1)));
        let renewed = DeviceToken::after_login(Some(&token), &after, ada, at(1));
        assert_eq!((renewed.id, renewed.accounts.len()), (token.id, 1));
        assert!(renewed.knows(&stranger, ada, at(-1), at(1)));
    }

    #[test]
    fn no_text_panics_and_none_is_too_long() {
        for text in [
            "",
            "vd1.",
            "vd1.AAAA",
            "vd2.AAAAAAAAAAAAAAAAAAAAAA",
            "vd1.AAAAAAAAAAAAAAAAAAAAAA=",
            "vd1.\u{e9}",
        ] {
            assert!(DeviceToken::read(text).is_none(), "{text}");
        }
        assert!(DeviceToken::read("vd1.AAAAAAAAAAAAAAAAAAAAAA").is_some());
        let long = URL_SAFE_NO_PAD.encode([0; ID + (MAX_ACCOUNTS + 1) * ACQUAINTANCE]);
        assert!(DeviceToken::read(&format!("{PREFIX}{long}")).is_none());
    }
}
