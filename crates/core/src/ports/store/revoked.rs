//! What no longer counts, as a store tells it.

use uuid::Uuid;

use crate::{
    ports::clock::Timestamp,
    values::{account::AccountId, session::RevokedSession},
};

/// An account's cut-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountCutoff {
    /// The account.
    pub account_id: AccountId,
    /// Sessions begun at or before this moment are dead.
    pub at: Timestamp,
    /// The latest `exp` issued for any of them.
    pub until: Timestamp,
}

/// A page of what no longer counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revoked {
    /// Revoked sessions whose access tokens have not all expired.
    pub sessions: Vec<RevokedSession>,
    /// Account cut-offs that some unexpired access token may fall under.
    pub accounts: Vec<AccountCutoff>,
    /// The global cut-off.
    pub everyone: Timestamp,
    /// Where the next page begins, or the next look.
    pub progress: Progress,
    /// Whether there is no further page for now.
    pub is_all: bool,
}

/// How far somebody has read what was revoked. Only the store knows what the places mean; the default is the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress(Vec<(i64, Uuid)>);

impl Progress {
    /// A store's own note of where to read on.
    #[must_use]
    pub const fn new(places: Vec<(i64, Uuid)>) -> Self {
        Self(places)
    }

    /// What the store noted.
    #[must_use]
    pub fn as_slice(&self) -> &[(i64, Uuid)] {
        &self.0
    }
}
