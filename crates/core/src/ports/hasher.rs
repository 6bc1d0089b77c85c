//! Password hashing: the resource that decides how many people can log in at once.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use crate::values::{
    client::ClientNetwork,
    password::{Password, PasswordHash},
};

/// Hashes and verifies passwords with bounded memory and a bounded wait.
#[async_trait]
pub trait PasswordHasher: Send + Sync + fmt::Debug {
    /// Hashes `password` with the parameters in force and returns a PHC string.
    ///
    /// `requester` is the client network on whose behalf the work is done; the queue is fair between networks.
    /// Dropping the future withdraws the work if it has not begun.
    ///
    /// # Errors
    /// [`HashError::Overloaded`] at once when the queue is full.
    async fn hash(&self, password: Password, requester: ClientNetwork) -> Result<PasswordHash, HashError>;

    /// Verifies `password` against `stored`.
    ///
    /// # Security
    /// `None` (no such account, or an account without a password) costs the same as a wrong password, and so does
    /// a stored hash that cannot be read or whose parameters are out of bounds.
    ///
    /// # Errors
    /// [`HashError::Overloaded`] at once when the queue is full.
    async fn verify(
        &self,
        stored: Option<PasswordHash>,
        password: Password,
        requester: ClientNetwork,
    ) -> Result<Verification, HashError>;
}

/// The outcome of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// The password is wrong, or there was nothing to compare it with.
    Wrong,
    /// The password is right.
    Right {
        /// The stored hash was made with other parameters than those in force and should be replaced.
        is_outdated: bool,
    },
}

/// Why nothing was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// The queue is full, or the wait it implies is too long.
    #[error("the hashing queue is full; it should have room in {} s", retry_after.as_secs())]
    Overloaded {
        /// When a retry has a chance.
        retry_after: Duration,
    },
    /// The hashing threads are gone; the process is shutting down or one of them died.
    #[error("the hashing threads do not answer")]
    Stopped,
}
