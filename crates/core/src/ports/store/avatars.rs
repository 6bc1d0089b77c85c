//! Pictures of accounts.

use std::fmt;

use async_trait::async_trait;

use super::StoreError;
use crate::{ports::clock::Timestamp, values::account::AccountId};

/// Keeps one picture an account.
///
/// # Races
/// A picture that is set while its account is deleted is refused or goes with it. [`store`](super) has an implementation.
#[async_trait]
pub trait Avatars: Send + Sync + fmt::Debug {
    /// Keeps a picture in place of the one before; `false` where there is no such account.
    async fn put_avatar(&self, id: AccountId, avatar: Avatar) -> Result<bool, StoreError>;

    /// Finds the picture of an account that may be used.
    async fn find_avatar(&self, id: AccountId) -> Result<Option<Avatar>, StoreError>;

    /// Removes a picture; says whether there was one.
    async fn delete_avatar(&self, id: AccountId) -> Result<bool, StoreError>;
}

/// A picture of an account.
#[derive(Clone, PartialEq, Eq)]
pub struct Avatar {
    /// The file, as we have drawn it.
    pub bytes: Vec<u8>,
    /// What it is: `image/jpeg` or `image/png`.
    pub media_type: String,
    /// What tells it from every other picture.
    pub etag: String,
    /// When it was set.
    pub changed_at: Timestamp,
}

impl fmt::Debug for Avatar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Avatar")
            .field("media_type", &self.media_type)
            .field("etag", &self.etag)
            .field("length", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
