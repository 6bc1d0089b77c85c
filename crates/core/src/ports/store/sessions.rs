//! Sessions, opened, refreshed and revoked.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use super::{Arrival, StoreError};
use crate::{
    ports::clock::Timestamp,
    values::{
        account::{Account, AccountId},
        password::PasswordHash,
        scope::Scopes,
        session::{NewSession, RevokedSession, Session, SessionId},
    },
};

/// Keeps sessions. One is live while it is neither revoked nor expired and was born after the cut-offs of its account and
/// of everybody.
///
/// # Atomic
/// - A login: the account is active and has the password that was verified, its last login is noted, the session is there,
///   the one it replaces and those that make room for it have ended, its device is remembered, and the letter that tells
///   of a new one is queued.
/// - A rotation: generation, expiry and the account as it now is are one compare-and-swap.
///
/// # Races
/// - Of many rotations with one generation, one is [`Rotation::Rotated`] and the others, within the grace,
///   [`Rotation::Repeated`]: one child, never two.
/// - Of many logins by one new device, one is told of.
/// - Of many that use a token a second time after its grace, one is [`Rotation::ReuseDetected`]; the others find a dead
///   session.
/// - A login beside a cut-off, a ban, a deletion or a change of the password is refused, or the session that it opened
///   ends with the others: none lives on that began before.
///
/// Whatever ends here is told to the other nodes, see [`Revocations`](super::Revocations).
///
/// In memory: `crates/vestibule/examples/own-store/sessions.rs`.
#[async_trait]
pub trait Sessions: Send + Sync + fmt::Debug {
    /// Opens a session after a successful verification.
    ///
    /// One that would be born at or before a cut-off is refused: it would be dead from its birth. Whether its device is new
    /// is decided in the same step, which queues the letter about it, see [`Arrival`].
    async fn open_session(&self, opening: SessionOpening) -> Result<Opening, StoreError>;

    /// Moves a session one generation further: one compare-and-swap.
    ///
    /// A generation beyond the one that is kept is good, and the next one follows it: the token's MAC proves that we issued
    /// it, and a restored backup lags behind. One that is kept already is answered with the same child while nobody has
    /// used that and the grace lasts, counted from the swap or the end of the [`Stall`] that it fell into; a clock that
    /// ran backwards counts as no time. Everything else was used before: theft, which ends the session. No session gets to
    /// the generation `i64::MAX`: what names that or a later one is refused.
    async fn rotate_session(&self, rotation: RotationRequest) -> Result<Rotation, StoreError>;

    /// The live sessions of an account, the newest first.
    async fn list_sessions(&self, account_id: AccountId, now: Timestamp) -> Result<Vec<Session>, StoreError>;

    /// Whose session this is, if it is live.
    async fn find_session_owner(
        &self,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<AccountId>, StoreError>;

    /// Revokes a session, if it is live and, where `owner` is given, that account's.
    ///
    /// One that has expired is worth revoking as long as an access token of it has not.
    async fn revoke_session(
        &self,
        id: SessionId,
        owner: Option<AccountId>,
        now: Timestamp,
    ) -> Result<Option<RevokedSession>, StoreError>;

    /// Revokes every live session of an account but one; expired ones as [`revoke_session`](Self::revoke_session) does.
    async fn revoke_other_sessions(
        &self,
        account_id: AccountId,
        keep: SessionId,
        now: Timestamp,
    ) -> Result<Vec<RevokedSession>, StoreError>;
}

/// What opening a session takes.
#[derive(Clone, Debug)]
pub struct SessionOpening {
    /// The session.
    pub session: NewSession,
    /// The hash the password was verified against: if it has changed since, nobody logs in with the old one.
    pub verified: PasswordHash,
    /// The device; none where nobody remembers devices.
    pub arrival: Option<Arrival>,
    /// How many live sessions an account may have; the oldest make room.
    pub limit: u32,
}

/// The outcome of [`Sessions::open_session`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// The session is open and the account's last login is its birth.
    Opened {
        /// The account as it now stands.
        account: Account,
        /// The sessions that ended to make room.
        ended: Vec<RevokedSession>,
        /// Whether the device was new and the letter about it is queued.
        is_told: bool,
    },
    /// The account is gone or disabled, or its password has been changed since it was verified; nothing was written.
    Refused,
}

/// What a rotation takes.
#[derive(Clone, Copy, Debug)]
pub struct RotationRequest {
    /// The session named by the refresh token.
    pub id: SessionId,
    /// The generation named by the refresh token.
    pub generation: u64,
    /// The present moment.
    pub now: Timestamp,
    /// How long the session lives unless it is refreshed again.
    pub refresh_ttl: Duration,
    /// The latest `exp` of the access tokens that this rotation and its grace may issue.
    pub access_until: Timestamp,
    /// How long the same child is answered again.
    pub grace: Duration,
    /// When the store was away last, as far as this node knows: `grace` does not run then.
    pub stall: Option<Stall>,
}

/// A time in which the store did not answer. What it was asked then may have been done, and its end is when the answer
/// could be asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// When the first of the rotations that were not answered had begun.
    pub from: Timestamp,
    /// When the store answered again; the present moment while it has not.
    pub to: Timestamp,
}

impl Stall {
    /// When the grace of what happened at `moment` begins: not before the end of a stall that it fell into.
    #[must_use]
    pub fn grace_begins(stall: Option<Self>, moment: Timestamp) -> Timestamp {
        stall.filter(|stall| stall.from <= moment && moment <= stall.to).map_or(moment, |stall| stall.to)
    }
}

/// The outcome of [`Sessions::rotate_session`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The session is one generation further.
    Rotated(Rotated),
    /// The token was used a moment ago and its child is unused: the same child again. Nothing was written.
    Repeated(Rotated),
    /// The token was used before: proof of theft. The session is now revoked.
    ReuseDetected(RevokedSession),
    /// The session is unknown, revoked, expired or cut off, or its account is gone or disabled. Nothing was written.
    Refused,
}

/// A session after its rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The account, as of now.
    pub account: Account,
    /// The generation of the new refresh token.
    pub generation: u64,
    /// The scope granted at login.
    pub scope: Scopes,
    /// When the person last proved who they are.
    pub authenticated_at: Timestamp,
    /// When the session ends if it is not refreshed.
    pub expires_at: Timestamp,
}
