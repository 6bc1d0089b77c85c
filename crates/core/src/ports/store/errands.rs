//! Errands: what is done after the answer, queued in the transaction that causes it.

use std::fmt;

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreError;
use crate::{ports::clock::Timestamp, values::account::AccountId};

/// Keeps errands until they have been run.
///
/// Every node may run them. Who claims one has it to themselves until the lease ends; an errand is gone only when it has
/// been run, so a node that dies leaves it to the others, and it may be run twice.
///
/// # Races
/// Of many that claim at once, each gets another errand; one that finds nothing because somebody else was faster asks again
/// later. Whoever comes back after its lease has nothing to say: the claims are counted, and an older count changes nothing.
///
/// In memory: `crates/vestibule/examples/own-store/errands.rs`.
#[async_trait]
pub trait Errands: Send + Sync + fmt::Debug {
    /// Queues an errand of its own.
    async fn queue_errand(&self, errand: NewErrand) -> Result<(), StoreError>;

    /// Takes the errand that has been due for longest, and makes it due again at `lease_until`.
    ///
    /// One that is not due before `latest` was put off by a clock that was ahead; it is taken where no other is due.
    async fn claim_errand(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        latest: Timestamp,
    ) -> Result<Option<ClaimedErrand>, StoreError>;

    /// Forgets an errand that has been run or given up, if it was claimed no more than `attempts` times.
    async fn finish_errand(&self, id: Uuid, attempts: u32) -> Result<bool, StoreError>;

    /// Makes an errand due at `due_at`, if it was claimed no more than `attempts` times.
    async fn postpone_errand(&self, id: Uuid, attempts: u32, due_at: Timestamp) -> Result<bool, StoreError>;

    /// How many errands wait, and since when the oldest does.
    async fn count_errands(&self) -> Result<ErrandCount, StoreError>;
}

/// An errand to be kept.
#[derive(Clone, PartialEq, Eq)]
pub struct NewErrand {
    /// Its id; a UUIDv7.
    pub id: Uuid,
    /// What is to be done, sealed with `secret_key`.
    pub sealed: Vec<u8>,
    /// The account that it is about, whose deletion takes it along.
    pub account_id: Option<AccountId>,
    /// When it is made.
    pub created_at: Timestamp,
    /// From when it may be run.
    pub due_at: Timestamp,
}

impl fmt::Debug for NewErrand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewErrand")
            .field("id", &self.id)
            .field("due_at", &self.due_at)
            .finish_non_exhaustive()
    }
}

/// An errand that somebody is to run now.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimedErrand {
    /// Its id.
    pub id: Uuid,
    /// What is to be done, sealed with `secret_key`.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// How often it has been claimed, this time included.
    pub attempts: u32,
}

impl fmt::Debug for ClaimedErrand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimedErrand")
            .field("id", &self.id)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// The length of the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrandCount {
    /// How many errands there are; 10 000 stands for as many or more.
    pub waiting: u64,
    /// When the oldest was made.
    pub oldest: Option<Timestamp>,
}
