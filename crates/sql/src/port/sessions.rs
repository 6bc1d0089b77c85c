//! Sessions, once for every engine.

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

use super::SqlStore;
use crate::{
    engine::{Body, Engine},
    rotation, sessions,
};

#[async_trait]
impl<E: Engine> Sessions for SqlStore<E> {
    async fn open_session(&self, opening: SessionOpening) -> Result<Opening, StoreError> {
        self.write("open_session", opening, |tx, opening| Box::pin(sessions::open_session(tx, opening))).await
    }

    async fn rotate_session(&self, rotation: RotationRequest) -> Result<Rotation, StoreError> {
        let swap: Body<E, _, _> = |tx, request| Box::pin(rotation::swap_generation(tx, request));
        if let Some(rotated) = self.step("rotate_session", rotation, swap).await? {
            return Ok(Rotation::Rotated(rotated));
        }
        let explain: Body<E, _, _> = |tx, request| Box::pin(rotation::explain_refusal(tx, request));
        self.write("explain_refusal", rotation, explain).await
    }

    async fn list_sessions(&self, account_id: AccountId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        self.list("list_sessions", (account_id, now), |tx, &(account_id, now)| {
            Box::pin(sessions::list_sessions(tx, account_id, now))
        })
        .await
    }

    async fn find_session_owner(
        &self,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<AccountId>, StoreError> {
        self.read("find_session_owner", (id, now), |tx, &(id, now)| {
            Box::pin(sessions::find_session_owner(tx, id, now))
        })
        .await
    }

    async fn revoke_session(
        &self,
        id: SessionId,
        owner: Option<AccountId>,
        now: Timestamp,
    ) -> Result<Option<RevokedSession>, StoreError> {
        self.write("revoke_session", (id, owner, now), |tx, &(id, owner, now)| {
            Box::pin(sessions::revoke_session(tx, id, owner, now))
        })
        .await
    }

    async fn revoke_other_sessions(
        &self,
        account_id: AccountId,
        keep: SessionId,
        now: Timestamp,
    ) -> Result<Vec<RevokedSession>, StoreError> {
        self.write("revoke_other_sessions", (account_id, keep, now), |tx, &(account_id, keep, now)| {
            Box::pin(sessions::revoke_other_sessions(tx, account_id, keep, now))
        })
        .await
    }
}
