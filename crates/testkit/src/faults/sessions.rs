//! Sessions, failing where a test wants it to.

use async_trait::async_trait;
use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{Opening, Rotation, RotationRequest, SessionOpening, Sessions, StoreError},
    },
    values::{
        account::AccountId,
        session::{RevokedSession, Session, SessionId},
    },
};

use super::FaultyStore;

#[async_trait]
impl Sessions for FaultyStore {
    async fn open_session(&self, opening: SessionOpening) -> Result<Opening, StoreError> {
        self.call("open_session", self.inner.open_session(opening)).await
    }

    async fn rotate_session(&self, rotation: RotationRequest) -> Result<Rotation, StoreError> {
        self.call("rotate_session", self.inner.rotate_session(rotation)).await
    }

    async fn list_sessions(&self, account_id: AccountId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        self.call("list_sessions", self.inner.list_sessions(account_id, now)).await
    }

    async fn find_session_owner(
        &self,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<AccountId>, StoreError> {
        self.call("find_session_owner", self.inner.find_session_owner(id, now)).await
    }

    async fn revoke_session(
        &self,
        id: SessionId,
        owner: Option<AccountId>,
        now: Timestamp,
    ) -> Result<Option<RevokedSession>, StoreError> {
        self.call("revoke_session", self.inner.revoke_session(id, owner, now)).await
    }

    async fn revoke_other_sessions(
        &self,
        account_id: AccountId,
        keep: SessionId,
        now: Timestamp,
    ) -> Result<Vec<RevokedSession>, StoreError> {
        self.call("revoke_other_sessions", self.inner.revoke_other_sessions(account_id, keep, now)).await
    }
}
