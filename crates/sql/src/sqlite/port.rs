//! The store port on SQLite: which body runs where.

use async_trait::async_trait;
use vestibule_core::{
    ports::{
        audit::{AuditEvent, AuditRecord},
        clock::{Stopwatch, Timestamp},
        store::{
            AccountCutoff, Insertion, Opening, Revoked, Rotation, RotationRequest, SessionOpening, Store,
            StoreError, StoredSigningKey,
        },
    },
    values::{
        account::{Account, AccountId, Credentials, NewAccount},
        password::PasswordHash,
        session::{NewSession, RevokedSession, Session, SessionId},
        username::LoginName,
    },
};

use super::{SqliteStore, counted, measured};
use crate::{accounts, audit, keys, revocation, rotation, sessions, upkeep};

#[async_trait]
impl Store for SqliteStore {
    async fn insert_account(
        &self,
        account: NewAccount,
        session: Option<NewSession>,
    ) -> Result<Insertion, StoreError> {
        self.write("insert_account", async move |tx| {
            accounts::insert_account(tx, &account, session.as_ref()).await
        })
        .await
    }

    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.read("find_account", async |tx| accounts::find_account(tx, id).await)
    }

    async fn find_credentials(&self, name: &LoginName) -> Result<Option<Credentials>, StoreError> {
        self.read("find_credentials", async |tx| accounts::find_credentials(tx, name).await)
    }

    async fn update_password_hash(
        &self,
        id: AccountId,
        from: PasswordHash,
        to: PasswordHash,
    ) -> Result<bool, StoreError> {
        self.write("update_password_hash", async move |tx| {
            accounts::update_password_hash(tx, id, &from, &to).await
        })
        .await
    }

    async fn insert_permission(
        &self,
        id: AccountId,
        permission: &str,
    ) -> Result<Option<Account>, StoreError> {
        let permission = permission.to_owned();
        self.write("insert_permission", async move |tx| {
            accounts::insert_permission(tx, id, &permission).await
        })
        .await
    }

    async fn open_session(&self, opening: SessionOpening) -> Result<Opening, StoreError> {
        self.write("open_session", async move |tx| sessions::open_session(tx, &opening).await).await
    }

    async fn rotate_session(&self, rotation: RotationRequest) -> Result<Rotation, StoreError> {
        self.write("rotate_session", async move |tx| rotation::rotate_session(tx, &rotation).await).await
    }

    async fn list_sessions(&self, account_id: AccountId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        self.list("list_sessions", async move |tx| sessions::list_sessions(tx, account_id, now).await).await
    }

    async fn find_session_owner(
        &self,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<AccountId>, StoreError> {
        self.read("find_session_owner", async |tx| sessions::find_session_owner(tx, id, now).await)
    }

    async fn revoke_session(
        &self,
        id: SessionId,
        owner: Option<AccountId>,
        now: Timestamp,
    ) -> Result<Option<RevokedSession>, StoreError> {
        self.write("revoke_session", async move |tx| sessions::revoke_session(tx, id, owner, now).await).await
    }

    async fn revoke_other_sessions(
        &self,
        account_id: AccountId,
        keep: SessionId,
        now: Timestamp,
    ) -> Result<Vec<RevokedSession>, StoreError> {
        self.write("revoke_other_sessions", async move |tx| {
            sessions::revoke_other_sessions(tx, account_id, keep, now).await
        })
        .await
    }

    async fn cut_off_account(
        &self,
        account_id: AccountId,
        at: Timestamp,
    ) -> Result<Option<AccountCutoff>, StoreError> {
        self.write("cut_off_account", async move |tx| revocation::cut_off_account(tx, account_id, at).await)
            .await
    }

    async fn cut_off_everyone(&self, at: Timestamp) -> Result<Timestamp, StoreError> {
        self.write("cut_off_everyone", async move |tx| revocation::cut_off_everyone(tx, at).await).await
    }

    async fn list_revocations(&self, now: Timestamp) -> Result<Revoked, StoreError> {
        self.list("list_revocations", async move |tx| revocation::list_revocations(tx, now).await).await
    }

    async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        self.list("list_signing_keys", async move |tx| keys::list_signing_keys(tx).await).await
    }

    async fn insert_first_signing_key(&self, key: StoredSigningKey) -> Result<bool, StoreError> {
        self.write("insert_first_signing_key", async move |tx| keys::insert_first_signing_key(tx, &key).await)
            .await
    }

    async fn rotate_signing_key(
        &self,
        key: StoredSigningKey,
        others_until: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("rotate_signing_key", async move |tx| {
            keys::rotate_signing_key(tx, &key, others_until).await
        })
        .await
    }

    async fn update_wrapped_key(&self, kid: &str, from: Vec<u8>, to: Vec<u8>) -> Result<(), StoreError> {
        let kid = kid.to_owned();
        self.write("update_wrapped_key", async move |tx| keys::update_wrapped_key(tx, &kid, &from, &to).await)
            .await
    }

    async fn record_audit(&self, events: Vec<AuditEvent>) -> Result<(), StoreError> {
        self.write("record_audit", async move |tx| audit::record_audit(tx, &events).await).await
    }

    async fn list_audit(
        &self,
        account_id: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        self.list("list_audit", async move |tx| audit::list_audit(tx, account_id, limit).await).await
    }

    async fn delete_expired(
        &self,
        now: Timestamp,
        audit_before: Timestamp,
        batch: u32,
    ) -> Result<u64, StoreError> {
        self.write("delete_expired", async move |tx| {
            upkeep::delete_expired(tx, now, audit_before, batch).await
        })
        .await
    }

    async fn is_changed_elsewhere(&self) -> Result<bool, StoreError> {
        // Not measured: asked several times a second, it would say nothing about what people wait for.
        counted("is_changed_elsewhere", self.look_for_changes().await)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let stopwatch = Stopwatch::start();
        let reads = self.readers.read(async |tx| revocation::find_global_cutoff(tx).await);
        let outcome = match reads {
            Ok(_) => self.writer.ping().await,
            Err(outage) => Err(outage),
        };
        measured("ping", stopwatch, outcome)
    }

    async fn close(&self) {
        self.shut().await;
    }
}
