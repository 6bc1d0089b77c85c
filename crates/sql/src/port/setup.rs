//! The setup link, once for every engine.

use async_trait::async_trait;
use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{Insertion, Setup, StoreError},
    },
    values::{account::NewAccount, link::LinkDigest},
};

use super::SqlStore;
use crate::{engine::Engine, setup};

#[async_trait]
impl<E: Engine> Setup for SqlStore<E> {
    async fn issue_setup_link(&self, digest: LinkDigest, expires_at: Timestamp) -> Result<bool, StoreError> {
        self.step("issue_setup_link", (digest, expires_at), |tx, &(digest, expires_at)| {
            Box::pin(setup::issue_setup_link(tx, digest, expires_at))
        })
        .await
    }

    async fn is_setup_link_good(&self, digest: LinkDigest, now: Timestamp) -> Result<bool, StoreError> {
        self.read("is_setup_link_good", (digest, now), |tx, &(digest, now)| {
            Box::pin(setup::is_setup_link_good(tx, digest, now))
        })
        .await
    }

    async fn insert_first_admin(
        &self,
        digest: LinkDigest,
        account: NewAccount,
    ) -> Result<Option<Insertion>, StoreError> {
        self.write("insert_first_admin", (digest, account), |tx, (digest, account)| {
            Box::pin(setup::insert_first_admin(tx, *digest, account))
        })
        .await
    }
}
