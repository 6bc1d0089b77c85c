//! A hasher that counts.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use vestibule::core::{
    ports::{HashError, PasswordHasher, Verification},
    values::{
        client::ClientNetwork,
        password::{Password, PasswordHash},
    },
};

/// Counts how often passwords are hashed and verified, and does what the hasher behind it does.
#[derive(Debug)]
pub struct CountingHasher {
    inner: Arc<dyn PasswordHasher>,
    hashed: AtomicU64,
    verified: AtomicU64,
}

impl CountingHasher {
    /// Counts in front of another hasher.
    #[must_use]
    pub fn new(inner: Arc<dyn PasswordHasher>) -> Self {
        Self { inner, hashed: AtomicU64::new(0), verified: AtomicU64::new(0) }
    }

    /// How many passwords were hashed.
    #[must_use]
    pub fn hashed(&self) -> u64 {
        self.hashed.load(Ordering::SeqCst)
    }

    /// How many passwords were verified, against a hash or against none.
    #[must_use]
    pub fn verified(&self) -> u64 {
        self.verified.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl PasswordHasher for CountingHasher {
    async fn hash(&self, password: Password, requester: ClientNetwork) -> Result<PasswordHash, HashError> {
        self.hashed.fetch_add(1, Ordering::SeqCst);
        self.inner.hash(password, requester).await
    }

    async fn verify(
        &self,
        stored: Option<PasswordHash>,
        password: Password,
        requester: ClientNetwork,
    ) -> Result<Verification, HashError> {
        self.verified.fetch_add(1, Ordering::SeqCst);
        self.inner.verify(stored, password, requester).await
    }
}
