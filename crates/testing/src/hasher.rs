//! A hasher whose hashes cost next to nothing.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use async_trait::async_trait;
use vestibule::{
    core::{
        ports::{HashError, PasswordHasher, Verification},
        values::{
            client::ClientNetwork,
            password::{Password, PasswordHash},
        },
    },
    hashing::{HashingConfig, HashingPool},
};

/// Argon2id as in production, on two threads, with parameters that take microseconds.
///
/// # Security
/// For tests alone: who steals these hashes guesses their passwords.
#[derive(Debug)]
pub struct TestHasher(HashingPool);

impl TestHasher {
    /// Starts its threads.
    ///
    /// # Panics
    /// Where the system gives none.
    #[must_use]
    pub fn start() -> Self {
        Self(HashingPool::start(HashingConfig::cheap_for_tests()).expect("hashing threads"))
    }
}

#[async_trait]
impl PasswordHasher for TestHasher {
    async fn hash(&self, password: Password, requester: ClientNetwork) -> Result<PasswordHash, HashError> {
        self.0.hash(password, requester).await
    }

    async fn verify(
        &self,
        stored: Option<PasswordHash>,
        password: Password,
        requester: ClientNetwork,
    ) -> Result<Verification, HashError> {
        self.0.verify(stored, password, requester).await
    }
}
