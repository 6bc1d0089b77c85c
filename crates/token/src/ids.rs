//! The names that tokens carry: whose they are, and of which session.

use std::fmt;

use uuid::Uuid;

use crate::{clock::Timestamp, random::time_ordered_id};

/// Identifies an account; a UUIDv7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(Uuid);

impl AccountId {
    /// Makes the id of an account created at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(time_ordered_id(now))
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

    /// The id as a UUID.
    #[must_use]
    pub const fn as_uuid(&self) -> &Uuid {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

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
fn read_uuid(input: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(input).ok()?;
    (id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == input).then_some(id)
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

    #[test]
    fn an_id_has_one_spelling() {
        let id = AccountId::new(Timestamp::EPOCH).to_string();
        assert!(AccountId::read(&id).is_some());
        let braced = format!("{{{id}}}");
        let plain = id.replace('-', "");
        for other in [braced.as_str(), plain.as_str(), "", "x"] {
            assert!(AccountId::read(other).is_none() && SessionId::read(other).is_none(), "{other}");
        }
    }
}
