//! The link that makes the first administrator.

use std::fmt;

use async_trait::async_trait;

use super::{Insertion, StoreError};
use crate::{
    ports::clock::Timestamp,
    values::{account::NewAccount, link::LinkDigest},
};

/// Keeps the one link that makes the first administrator. It is good until it expires, and as long as no account may
/// administrate, an inactive one neither.
///
/// # Races
/// Of many that use the link at once, one makes an account.
///
/// In memory: `crates/vestibule/examples/own-store/setup.rs`.
#[async_trait]
pub trait Setup: Send + Sync + fmt::Debug {
    /// Keeps a link in the place of an older one; `false`, and nothing is kept, where there is an administrator.
    async fn issue_setup_link(&self, digest: LinkDigest, expires_at: Timestamp) -> Result<bool, StoreError>;

    /// Whether a link is good.
    async fn is_setup_link_good(&self, digest: LinkDigest, now: Timestamp) -> Result<bool, StoreError>;

    /// Uses a link up and makes the account; the moment that counts is the account's own. `None` where the link is not
    /// good. A taken name leaves it good.
    async fn insert_first_admin(
        &self,
        digest: LinkDigest,
        account: NewAccount,
    ) -> Result<Option<Insertion>, StoreError>;
}
