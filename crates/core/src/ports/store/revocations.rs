//! Cut-offs, and what no longer counts, as a store tells it.

use std::{fmt, future};

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreError;
use crate::{
    ports::clock::Timestamp,
    values::{account::AccountId, session::RevokedSession},
};

/// Ends many sessions at once, and tells every node what has ended.
///
/// Nodes refuse dead access tokens without asking: each keeps in memory what was revoked, and reads on whenever
/// [`is_changed_elsewhere`](Self::is_changed_elsewhere) says so.
///
/// # Atomic
/// A cut-off and the end of the sessions that there are: whoever sees the one sees the other.
///
/// # Races
/// - A cut-off never moves back, whatever moments come in whatever order.
/// - What a rotation issues beside a cut-off is covered by what is told, to the last access token.
/// - A reader that has read up to a [`Progress`] finds everything that is committed later beyond it. Numbers that are given
///   away before their transaction has committed break this: one that commits late under a lower number is never read.
///
/// In memory: `crates/vestibule/examples/own-store/revocations.rs`.
#[async_trait]
pub trait Revocations: Send + Sync + fmt::Debug {
    /// Ends every session that an account has, and every other one of it begun at or before `at`, for good.
    ///
    /// The cut-off covers the youngest session that there is: the clock of the machine that opened it may be ahead.
    async fn cut_off_account(
        &self,
        account_id: AccountId,
        at: Timestamp,
    ) -> Result<Option<AccountCutoff>, StoreError>;

    /// Ends every session that there is, and every other one begun at or before `at`, for good. Returns the cut-off.
    async fn cut_off_everyone(&self, at: Timestamp) -> Result<Timestamp, StoreError>;

    /// Ends every session that there is, as [`cut_off_everyone`](Self::cut_off_everyone), and puts up the notice of it in
    /// the same step. Returns the cut-off.
    async fn black_out(&self, at: Timestamp) -> Result<Timestamp, StoreError>;

    /// The notice of the last blackout, unless it has been taken down.
    async fn find_blackout_notice(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Takes the notice down; the cut-off stays. Says whether there was one.
    async fn delete_blackout_notice(&self) -> Result<bool, StoreError>;

    /// What a node must know to refuse dead tokens without asking the store: the next page of what was revoked after
    /// `after`, at most a thousand of each kind, from the beginning where the store no longer knows that place.
    ///
    /// A place that lies ahead of everything is one the store does not know: it is a restored backup, or a standby that has
    /// not heard of everything. Of what no access token is good for at `now`, nothing need be told.
    async fn list_revocations(&self, after: &Progress, now: Timestamp) -> Result<Revoked, StoreError>;

    /// Whether another process may have revoked something, set a cut-off or changed the keys since the last call.
    ///
    /// A yes too many costs a read; there is never a no too many.
    async fn is_changed_elsewhere(&self) -> Result<bool, StoreError>;

    /// Waits until there is reason to ask [`is_changed_elsewhere`](Self::is_changed_elsewhere) at once; for ever where
    /// nobody tells.
    ///
    /// What is told may be lost: it makes a node quicker and is no reason to stop asking.
    async fn hear_of_changes(&self) {
        future::pending::<()>().await;
    }
}

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
