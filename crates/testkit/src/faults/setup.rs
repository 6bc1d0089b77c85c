//! The setup link, failing where a test wants it to.

use async_trait::async_trait;
use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{Insertion, Setup, StoreError},
    },
    values::{account::NewAccount, link::LinkDigest},
};

use super::FaultyStore;

#[async_trait]
impl Setup for FaultyStore {
    async fn issue_setup_link(&self, digest: LinkDigest, expires_at: Timestamp) -> Result<bool, StoreError> {
        self.call("issue_setup_link", self.inner.issue_setup_link(digest, expires_at)).await
    }

    async fn is_setup_link_good(&self, digest: LinkDigest, now: Timestamp) -> Result<bool, StoreError> {
        self.call("is_setup_link_good", self.inner.is_setup_link_good(digest, now)).await
    }

    async fn insert_first_admin(
        &self,
        digest: LinkDigest,
        account: NewAccount,
    ) -> Result<Option<Insertion>, StoreError> {
        self.call("insert_first_admin", self.inner.insert_first_admin(digest, account)).await
    }
}
