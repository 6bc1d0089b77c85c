//! What goes on beside requests.

use std::fmt;

use async_trait::async_trait;

use super::StoreError;
use crate::ports::clock::Timestamp;

/// Removes what no longer matters, and opens and closes.
///
/// # Races
/// Any number of nodes may remove at once; what one has removed, the others do not count.
///
/// In memory: `crates/vestibule/examples/own-store/upkeep.rs`.
#[async_trait]
pub trait Upkeep: Send + Sync + fmt::Debug {
    /// Removes at most `batch` rows of each kind that no longer matter: sessions that ended and whose access tokens
    /// have expired, keys that no longer verify, links that have expired, devices that are known no more, audit events
    /// from before `audit_before`. It may stop earlier. Returns how many went; whoever calls goes on until none did.
    async fn delete_expired(
        &self,
        now: Timestamp,
        audit_before: Timestamp,
        batch: u32,
    ) -> Result<u64, StoreError>;

    /// Asks whether reads and writes would be answered now.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Answers what is under way and closes; later calls are outages. Closing again does no harm, and other processes on
    /// the same database notice nothing.
    async fn close(&self);
}
