//! Errands and proofs that fail where a test wants them to.

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

use super::FaultyStore;

#[async_trait]
impl Errands for FaultyStore {
    async fn queue_errand(&self, errand: NewErrand) -> Result<(), StoreError> {
        self.call("queue_errand", self.inner.queue_errand(errand)).await
    }

    async fn claim_errand(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        latest: Timestamp,
    ) -> Result<Option<ClaimedErrand>, StoreError> {
        self.call("claim_errand", self.inner.claim_errand(now, lease_until, latest)).await
    }

    async fn finish_errand(&self, id: Uuid, attempts: u32) -> Result<bool, StoreError> {
        self.call("finish_errand", self.inner.finish_errand(id, attempts)).await
    }

    async fn postpone_errand(&self, id: Uuid, attempts: u32, due_at: Timestamp) -> Result<bool, StoreError> {
        self.call("postpone_errand", self.inner.postpone_errand(id, attempts, due_at)).await
    }

    async fn count_errands(&self) -> Result<ErrandCount, StoreError> {
        self.call("count_errands", self.inner.count_errands()).await
    }
}

#[async_trait]
impl Proofs for FaultyStore {
    async fn issue_link(&self, link: NewLink, errand: NewErrand) -> Result<bool, StoreError> {
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

    async fn reset_password(&self, reset: PasswordReset) -> Result<Option<AccountCutoff>, StoreError> {
        self.call("reset_password", self.inner.reset_password(reset)).await
    }

    async fn replace_password(
        &self,
        replacement: PasswordReplacement,
    ) -> Result<Option<AccountCutoff>, StoreError> {
        self.call("replace_password", self.inner.replace_password(replacement)).await
    }

    async fn change_password(
        &self,
        change: PasswordChange,
    ) -> Result<Option<Vec<RevokedSession>>, StoreError> {
        self.call("change_password", self.inner.change_password(change)).await
    }
}
