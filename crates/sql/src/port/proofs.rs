//! Mailed links and registrations, once for every engine.

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

use super::SqlStore;
use crate::{engine::Engine, links};

#[async_trait]
impl<E: Engine> Proofs for SqlStore<E> {
    async fn issue_link(&self, link: NewLink, errand: Option<NewErrand>) -> Result<bool, StoreError> {
        self.write("issue_link", (link, errand), |tx, (link, errand)| {
            Box::pin(links::issue_link(tx, link, errand.as_ref()))
        })
        .await
    }

    async fn find_link(
        &self,
        digest: LinkDigest,
        purpose: LinkPurpose,
        now: Timestamp,
    ) -> Result<Option<FoundLink>, StoreError> {
        self.read("find_link", (digest, purpose, now), |tx, &(digest, purpose, now)| {
            Box::pin(links::find_link(tx, digest, purpose, now))
        })
        .await
    }

    async fn count_code_attempt(
        &self,
        email_canonical: &str,
        purpose: LinkPurpose,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<LinkCode>, StoreError> {
        let arguments = (email_canonical.to_owned(), purpose, limit, now);
        self.step("count_code_attempt", arguments, |tx, (email, purpose, limit, now)| {
            Box::pin(links::count_code_attempt(tx, email, *purpose, *limit, *now))
        })
        .await
    }

    async fn confirm_address(&self, confirmation: AddressConfirmation) -> Result<Confirmed, StoreError> {
        self.write("confirm_address", confirmation, |tx, confirmation| {
            Box::pin(links::confirm_address(tx, confirmation))
        })
        .await
    }
}

#[async_trait]
impl<E: Engine> Registrations for SqlStore<E> {
    async fn keep_registration(
        &self,
        kept: KeptRegistration,
        errand: Option<NewErrand>,
    ) -> Result<(), StoreError> {
        self.write("keep_registration", (kept, errand), |tx, (kept, errand)| {
            Box::pin(links::keep_registration(tx, kept, errand.as_ref()))
        })
        .await
    }

    async fn find_registration(
        &self,
        digest: LinkDigest,
        now: Timestamp,
    ) -> Result<Option<SealedRegistration>, StoreError> {
        self.read("find_registration", (digest, now), |tx, &(digest, now)| {
            Box::pin(links::find_registration(tx, digest, now))
        })
        .await
    }

    async fn complete_registration(
        &self,
        digest: LinkDigest,
        account: NewAccount,
        now: Timestamp,
    ) -> Result<Option<Insertion>, StoreError> {
        self.write("complete_registration", (digest, account, now), |tx, (digest, account, now)| {
            Box::pin(links::complete_registration(tx, *digest, account, *now))
        })
        .await
    }
}
