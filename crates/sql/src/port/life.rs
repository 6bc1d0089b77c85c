//! Errands and proofs, once for every engine.

use async_trait::async_trait;
use uuid::Uuid;
use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{
            AccountCutoff, AddressConfirmation, ClaimedErrand, Confirmed, ErrandCount, Errands, FoundLink,
            Insertion, KeptRegistration, LinkCode, NewErrand, PasswordChange, PasswordReplacement,
            PasswordReset, Proofs, SealedRegistration, StoreError,
        },
    },
    values::{
        account::NewAccount,
        link::{LinkDigest, LinkPurpose, NewLink},
        session::RevokedSession,
    },
};

use super::SqlStore;
use crate::{engine::Engine, errands, links};

#[async_trait]
impl<E: Engine> Errands for SqlStore<E> {
    async fn queue_errand(&self, errand: NewErrand) -> Result<(), StoreError> {
        self.step("queue_errand", errand, |tx, errand| Box::pin(errands::queue_errand(tx, errand))).await
    }

    async fn claim_errand(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        latest: Timestamp,
    ) -> Result<Option<ClaimedErrand>, StoreError> {
        self.step("claim_errand", (now, lease_until, latest), |tx, &(now, lease_until, latest)| {
            Box::pin(errands::claim_errand(tx, now, lease_until, latest))
        })
        .await
    }

    async fn finish_errand(&self, id: Uuid, attempts: u32) -> Result<bool, StoreError> {
        self.step("finish_errand", (id, attempts), |tx, &(id, attempts)| {
            Box::pin(errands::finish_errand(tx, id, attempts))
        })
        .await
    }

    async fn postpone_errand(&self, id: Uuid, attempts: u32, due_at: Timestamp) -> Result<bool, StoreError> {
        self.step("postpone_errand", (id, attempts, due_at), |tx, &(id, attempts, due_at)| {
            Box::pin(errands::postpone_errand(tx, id, attempts, due_at))
        })
        .await
    }

    async fn count_errands(&self) -> Result<ErrandCount, StoreError> {
        self.list("count_errands", (), |tx, ()| Box::pin(errands::count_errands(tx))).await
    }
}

#[async_trait]
impl<E: Engine> Proofs for SqlStore<E> {
    async fn issue_link(&self, link: NewLink, errand: NewErrand) -> Result<bool, StoreError> {
        self.write("issue_link", (link, errand), |tx, (link, errand)| {
            Box::pin(links::issue_link(tx, link, errand))
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

    async fn reset_password(&self, reset: PasswordReset) -> Result<Option<AccountCutoff>, StoreError> {
        self.write("reset_password", reset, |tx, reset| Box::pin(links::reset_password(tx, reset))).await
    }

    async fn replace_password(
        &self,
        replacement: PasswordReplacement,
    ) -> Result<Option<AccountCutoff>, StoreError> {
        self.write("replace_password", replacement, |tx, replacement| {
            Box::pin(links::replace_password(tx, replacement))
        })
        .await
    }

    async fn change_password(
        &self,
        change: PasswordChange,
    ) -> Result<Option<Vec<RevokedSession>>, StoreError> {
        self.write("change_password", change, |tx, change| Box::pin(links::change_password(tx, change))).await
    }
}
