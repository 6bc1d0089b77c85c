//! The store port, once for every engine: which body runs how.

mod administration;
mod avatars;
mod deletions;
mod life;
mod setup;
mod ways;

use async_trait::async_trait;
use vestibule_core::{
    ports::{
        audit::{AuditBatch, AuditRecord},
        clock::{Stopwatch, Timestamp},
        store::{
            AccountCutoff, AuditPage, Insertion, Opening, Progress, Revoked, Rotation, RotationRequest,
            SessionOpening, Store, StoreError, StoredSigningKey,
        },
    },
    values::{
        account::{Account, AccountId, Credentials, NewAccount},
        password::PasswordHash,
        session::{NewSession, RevokedSession, Session, SessionId},
        username::LoginName,
    },
};

use crate::{
    accounts, audit,
    engine::{Body, Engine, counted, measured},
    keys, revocation, rotation, sessions, upkeep,
};

/// The store in a database of one engine.
#[derive(Debug)]
pub struct SqlStore<E> {
    pub(crate) engine: E,
}

#[async_trait]
impl<E: Engine> Store for SqlStore<E> {
    async fn insert_account(
        &self,
        account: NewAccount,
        session: Option<NewSession>,
    ) -> Result<Insertion, StoreError> {
        let needs_more = session.is_some()
            || account.invitation.is_some()
            || account.username.is_some()
            || account.announcer.is_heard();
        let arguments = (account, session);
        let body: Body<E, (_, Option<NewSession>), _> =
            |tx, (account, session)| Box::pin(accounts::insert_account(tx, account, session.as_ref()));
        if needs_more {
            self.write("insert_account", arguments, body).await
        } else {
            self.step("insert_account", arguments, body).await
        }
    }

    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.read("find_account", id, |tx, &id| Box::pin(accounts::find_account(tx, id))).await
    }

    async fn find_credentials(&self, name: &LoginName) -> Result<Option<Credentials>, StoreError> {
        self.read("find_credentials", name, |tx, name| Box::pin(accounts::find_credentials(tx, name))).await
    }

    async fn update_password_hash(
        &self,
        id: AccountId,
        from: PasswordHash,
        to: PasswordHash,
    ) -> Result<bool, StoreError> {
        self.step("update_password_hash", (id, from, to), |tx, (id, from, to)| {
            Box::pin(accounts::update_password_hash(tx, *id, from, to))
        })
        .await
    }

    async fn insert_permission(
        &self,
        id: AccountId,
        permission: &str,
    ) -> Result<Option<Account>, StoreError> {
        self.step("insert_permission", (id, permission.to_owned()), |tx, (id, permission)| {
            Box::pin(accounts::insert_permission(tx, *id, permission))
        })
        .await
    }

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

    async fn cut_off_account(
        &self,
        account_id: AccountId,
        at: Timestamp,
    ) -> Result<Option<AccountCutoff>, StoreError> {
        self.write("cut_off_account", (account_id, at), |tx, &(account_id, at)| {
            Box::pin(revocation::cut_off_account(tx, account_id, at))
        })
        .await
    }

    async fn cut_off_everyone(&self, at: Timestamp) -> Result<Timestamp, StoreError> {
        self.write("cut_off_everyone", at, |tx, &at| Box::pin(revocation::cut_off_everyone(tx, at))).await
    }

    async fn list_revocations(&self, after: &Progress, now: Timestamp) -> Result<Revoked, StoreError> {
        self.list_at_once("list_revocations", (after.clone(), now), |tx, (after, now)| {
            Box::pin(revocation::list_revocations(tx, after, *now))
        })
        .await
    }

    async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        self.list_at_once("list_signing_keys", (), |tx, ()| Box::pin(keys::list_signing_keys(tx))).await
    }

    async fn insert_first_signing_key(&self, key: StoredSigningKey) -> Result<bool, StoreError> {
        self.write("insert_first_signing_key", key, |tx, key| {
            Box::pin(keys::insert_first_signing_key(tx, key))
        })
        .await
    }

    async fn rotate_signing_key(
        &self,
        key: StoredSigningKey,
        others_until: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("rotate_signing_key", (key, others_until), |tx, (key, others_until)| {
            Box::pin(keys::rotate_signing_key(tx, key, *others_until))
        })
        .await
    }

    async fn update_wrapped_key(&self, kid: &str, from: Vec<u8>, to: Vec<u8>) -> Result<(), StoreError> {
        self.step("update_wrapped_key", (kid.to_owned(), from, to), |tx, (kid, from, to)| {
            Box::pin(keys::update_wrapped_key(tx, kid, from, to))
        })
        .await
    }

    async fn record_audit(&self, batch: AuditBatch) -> Result<(), StoreError> {
        self.write("record_audit", batch, |tx, batch| Box::pin(audit::record_audit(tx, batch))).await
    }

    async fn list_audit(
        &self,
        account_id: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        self.list("list_audit", (account_id, limit), |tx, &(account_id, limit)| {
            Box::pin(audit::list_audit(tx, account_id, limit))
        })
        .await
    }

    async fn page_audit(&self, page: AuditPage) -> Result<Vec<AuditRecord>, StoreError> {
        self.list("page_audit", page, |tx, page| Box::pin(audit::page_audit(tx, page))).await
    }

    async fn delete_expired(
        &self,
        now: Timestamp,
        audit_before: Timestamp,
        batch: u32,
    ) -> Result<u64, StoreError> {
        self.write("delete_expired", (now, audit_before, batch), |tx, &(now, audit_before, batch)| {
            Box::pin(upkeep::delete_expired(tx, now, audit_before, batch))
        })
        .await
    }

    async fn is_changed_elsewhere(&self) -> Result<bool, StoreError> {
        // Not measured: asked several times a second, it would say nothing about what people wait for.
        counted("is_changed_elsewhere", self.engine.is_changed_elsewhere().await)
    }

    async fn hear_of_changes(&self) {
        self.engine.hear_of_changes().await;
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let stopwatch = Stopwatch::start();
        measured("ping", stopwatch, self.engine.ping().await)
    }

    async fn close(&self) {
        self.engine.close().await;
    }
}
