//! Sessions: one login on one device, as one row.

use std::fmt;

use uuid::Uuid;

use super::{account::AccountId, client::Client, scope::Scopes, secret::time_ordered_id};
use crate::ports::clock::Timestamp;

/// Identifies a session; a UUIDv7 whose time is the session's birth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Uuid);

impl SessionId {
    /// Makes the id of a session born at `created_at`.
    #[must_use]
    pub fn new(created_at: Timestamp) -> Self {
        Self(time_ordered_id(created_at))
    }

    /// Takes an id that a store kept.
    #[must_use]
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads an id from a URL or a claim; `None` where it is none.
    #[must_use]
    pub fn read(input: &str) -> Option<Self> {
        read_uuid(input).map(Self)
    }

    /// When the session was born, to the millisecond: what cut-offs are compared with.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        let millis = self.0.as_u128() >> 80;
        Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    /// The id as a UUID.
    #[must_use]
    pub const fn as_uuid(&self) -> &Uuid {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Reads a UUID in its hyphenated lower-case spelling only, so that an id has one name.
pub(super) fn read_uuid(input: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(input).ok()?;
    (id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == input).then_some(id)
}

/// A session to be opened.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id, made of `created_at`.
    pub id: SessionId,
    /// Whose it is.
    pub account_id: AccountId,
    /// The granted scope; empty for cookie logins.
    pub scope: Scopes,
    /// Its birth: after every cut-off.
    pub created_at: Timestamp,
    /// When it ends if it is not refreshed.
    pub expires_at: Timestamp,
    /// When it ends however often it is refreshed.
    pub ends_at: Timestamp,
    /// The latest `exp` of an access token issued for it.
    pub access_until: Timestamp,
    /// The device.
    pub client: Client,
    /// The session whose cookie came along; it ends in the same step.
    pub replaces: Option<SessionId>,
}

/// A session as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// When it was opened.
    pub created_at: Timestamp,
    /// Its last refresh; its opening where there was none.
    pub last_seen_at: Timestamp,
    /// The address it was opened from.
    pub address: String,
    /// The device's user agent when it was opened.
    pub user_agent: String,
}

/// A session that has been revoked, for the memory of what no longer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokedSession {
    /// Its id.
    pub id: SessionId,
    /// Whose it was.
    pub account_id: AccountId,
    /// The latest `exp` issued for it: after that moment nobody needs to remember it.
    pub access_until: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_carries_its_birth_to_the_millisecond() {
        let birth = Timestamp::from_millis(1_763_759_000_123);
        assert_eq!(SessionId::new(birth).created_at(), birth);
        assert_eq!(SessionId::new(birth).as_uuid().get_version_num(), 7);
    }
}
