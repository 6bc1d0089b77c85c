//! The keys that sign tokens.

use std::fmt;

use async_trait::async_trait;

use super::StoreError;
use crate::ports::clock::Timestamp;

/// Keeps signing keys, their private parts wrapped: who has what is kept here can sign nothing.
///
/// # Atomic
/// At every moment one key signs, the one whose end is `None`, once there is a first.
///
/// # Races
/// - Of many processes that start at once, one keeps its key; the others are told `false` and read that one.
/// - Rotations at once succeed one after the other; the last one's key signs, and the others verify as long as asked for.
///
/// A first key and a rotation are told to the other nodes:
/// [`is_changed_elsewhere`](super::Revocations::is_changed_elsewhere).
///
/// In memory: `crates/vestibule/examples/own-store/signing_keys.rs`.
#[async_trait]
pub trait SigningKeys: Send + Sync + fmt::Debug {
    /// All signing keys that are not gone, the newest first.
    async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError>;

    /// Keeps the first signing key; `false` where another process was faster.
    async fn insert_first_signing_key(&self, key: StoredSigningKey) -> Result<bool, StoreError>;

    /// Makes `key` the one that signs; keys that verified without end now verify until `others_until`.
    ///
    /// An `others_until` that is no later than the key's birth ends them all at once, those that were retired before, too:
    /// they are compromised.
    async fn rotate_signing_key(
        &self,
        key: StoredSigningKey,
        others_until: Timestamp,
    ) -> Result<(), StoreError>;

    /// Replaces a wrapped private key if it still is `from`.
    async fn update_wrapped_key(&self, kid: &str, from: Vec<u8>, to: Vec<u8>) -> Result<(), StoreError>;
}

/// A signing key as it is kept: the private part wrapped.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredSigningKey {
    /// The key's id, as tokens name it.
    pub kid: String,
    /// The JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
    pub algorithm: String,
    /// The private key (PKCS #8), wrapped with `secret_key`.
    pub wrapped: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it verifies; `None` for the one that signs.
    pub verifies_until: Option<Timestamp>,
}

impl fmt::Debug for StoredSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSigningKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .field("created_at", &self.created_at)
            .field("verifies_until", &self.verifies_until)
            .finish_non_exhaustive()
    }
}
