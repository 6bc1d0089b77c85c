//! Mailed links and registrations, failing where a test wants it to.

use async_trait::async_trait;
use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{
            AddressConfirmation, Confirmed, FoundLink, Insertion, KeptRegistration, LinkCode, NewErrand,
            Proofs, Registrations, SealedRegistration, StoreError,
        },
    },
    values::{
        account::NewAccount,
        link::{LinkDigest, LinkPurpose, NewLink},
    },
};

use super::FaultyStore;

#[async_trait]
impl Proofs for FaultyStore {
    async fn issue_link(&self, link: NewLink, errand: Option<NewErrand>) -> Result<bool, StoreError> {
        self.call("issue_link", self.inner.issue_link(link, errand)).await
    }

    async fn find_link(
        &self,
        digest: LinkDigest,
        purpose: LinkPurpose,
        now: Timestamp,
    ) -> Result<Option<FoundLink>, StoreError> {
        self.call("find_link", self.inner.find_link(digest, purpose, now)).await
    }

    async fn count_code_attempt(
        &self,
        email_canonical: &str,
        purpose: LinkPurpose,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<LinkCode>, StoreError> {
        let counted = self.inner.count_code_attempt(email_canonical, purpose, limit, now);
        self.call("count_code_attempt", counted).await
    }

    async fn confirm_address(&self, confirmation: AddressConfirmation) -> Result<Confirmed, StoreError> {
        self.call("confirm_address", self.inner.confirm_address(confirmation)).await
    }
}

#[async_trait]
impl Registrations for FaultyStore {
    async fn keep_registration(
        &self,
        kept: KeptRegistration,
        errand: Option<NewErrand>,
    ) -> Result<(), StoreError> {
        self.call("keep_registration", self.inner.keep_registration(kept, errand)).await
    }

    async fn find_registration(
        &self,
        digest: LinkDigest,
        now: Timestamp,
    ) -> Result<Option<SealedRegistration>, StoreError> {
        self.call("find_registration", self.inner.find_registration(digest, now)).await
    }

    async fn complete_registration(
        &self,
        digest: LinkDigest,
        account: NewAccount,
        now: Timestamp,
    ) -> Result<Option<Insertion>, StoreError> {
        let completed = self.inner.complete_registration(digest, account, now);
        self.call("complete_registration", completed).await
    }
}
