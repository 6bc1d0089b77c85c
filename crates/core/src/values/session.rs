//! Sessions: one login on one device, as one row.

pub use vestibule_token::ids::SessionId;

use super::{account::AccountId, client::Client, device::DeviceId, scope::Scopes};
use crate::ports::clock::Timestamp;

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
    /// Who opens it.
    pub client: Client,
    /// The device it is opened on.
    pub device: Option<DeviceId>,
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
