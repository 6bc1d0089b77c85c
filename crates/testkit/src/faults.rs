//! A store that fails where a test wants it to, and remembers what it was asked.

mod administration;
mod avatars;
mod deletions;
mod life;
mod setup;

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::Notify;
use vestibule_core::{
    ports::{
        audit::{AuditBatch, AuditRecord},
        clock::Timestamp,
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

/// When a method fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Before it did anything: the database is away.
    Before,
    /// After it took effect: the answer is lost on its way.
    After,
    /// Not at all, but its next call waits until [`FaultyStore::heal`]; the calls after that one are answered.
    Held,
}

/// A store that answers chosen methods with an outage.
#[derive(Debug)]
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    faults: Mutex<Faults>,
    calls: Mutex<Vec<&'static str>>,
    healed: Notify,
}

#[derive(Debug, Default)]
struct Faults {
    all: Option<Fault>,
    methods: HashMap<&'static str, Fault>,
}

impl FaultyStore {
    /// Wraps a store; nothing fails yet.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, faults: Mutex::default(), calls: Mutex::default(), healed: Notify::new() }
    }

    /// Takes the names of the methods called since it was last asked, in order.
    #[must_use]
    pub fn take_calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets a method fail, by its name in [`Store`], until [`FaultyStore::heal`].
    pub fn fail(&self, method: &'static str, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).methods.insert(method, fault);
    }

    /// Lets every method fail until [`FaultyStore::heal`].
    pub fn fail_all(&self, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).all = Some(fault);
    }

    /// Lets nothing fail any more.
    pub fn heal(&self) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = Faults::default();
        self.healed.notify_waiters();
    }

    async fn call<R>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<R, StoreError>>,
    ) -> Result<R, StoreError> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(method);
        let fault = {
            let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
            if faults.methods.get(method) == Some(&Fault::Held) {
                faults.methods.remove(method)
            } else {
                faults.methods.get(method).copied().or(faults.all)
            }
        };
        match fault {
            None => call.await,
            Some(Fault::Before) => Err(outage()),
            Some(Fault::Held) => {
                self.healed.notified().await;
                call.await
            }
            Some(Fault::After) => {
                drop(call.await);
                Err(outage())
            }
        }
    }
}

fn outage() -> StoreError {
    StoreError::Unavailable("injected by a test".into())
}

#[async_trait]
impl Store for FaultyStore {
    async fn insert_account(
        &self,
        account: NewAccount,
        session: Option<NewSession>,
    ) -> Result<Insertion, StoreError> {
        self.call("insert_account", self.inner.insert_account(account, session)).await
    }

    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.call("find_account", self.inner.find_account(id)).await
    }

    async fn find_credentials(&self, name: &LoginName) -> Result<Option<Credentials>, StoreError> {
        self.call("find_credentials", self.inner.find_credentials(name)).await
    }

    async fn update_password_hash(
        &self,
        id: AccountId,
        from: PasswordHash,
        to: PasswordHash,
    ) -> Result<bool, StoreError> {
        self.call("update_password_hash", self.inner.update_password_hash(id, from, to)).await
    }

    async fn insert_permission(
        &self,
        id: AccountId,
        permission: &str,
    ) -> Result<Option<Account>, StoreError> {
        self.call("insert_permission", self.inner.insert_permission(id, permission)).await
    }

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

    async fn cut_off_account(
        &self,
        account_id: AccountId,
        at: Timestamp,
    ) -> Result<Option<AccountCutoff>, StoreError> {
        self.call("cut_off_account", self.inner.cut_off_account(account_id, at)).await
    }

    async fn cut_off_everyone(&self, at: Timestamp) -> Result<Timestamp, StoreError> {
        self.call("cut_off_everyone", self.inner.cut_off_everyone(at)).await
    }

    async fn list_revocations(&self, after: &Progress, now: Timestamp) -> Result<Revoked, StoreError> {
        self.call("list_revocations", self.inner.list_revocations(after, now)).await
    }

    async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        self.call("list_signing_keys", self.inner.list_signing_keys()).await
    }

    async fn insert_first_signing_key(&self, key: StoredSigningKey) -> Result<bool, StoreError> {
        self.call("insert_first_signing_key", self.inner.insert_first_signing_key(key)).await
    }

    async fn rotate_signing_key(
        &self,
        key: StoredSigningKey,
        others_until: Timestamp,
    ) -> Result<(), StoreError> {
        self.call("rotate_signing_key", self.inner.rotate_signing_key(key, others_until)).await
    }

    async fn update_wrapped_key(&self, kid: &str, from: Vec<u8>, to: Vec<u8>) -> Result<(), StoreError> {
        self.call("update_wrapped_key", self.inner.update_wrapped_key(kid, from, to)).await
    }

    async fn record_audit(&self, batch: AuditBatch) -> Result<(), StoreError> {
        self.call("record_audit", self.inner.record_audit(batch)).await
    }

    async fn list_audit(
        &self,
        account_id: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        self.call("list_audit", self.inner.list_audit(account_id, limit)).await
    }

    async fn page_audit(&self, page: AuditPage) -> Result<Vec<AuditRecord>, StoreError> {
        self.call("page_audit", self.inner.page_audit(page)).await
    }

    async fn delete_expired(
        &self,
        now: Timestamp,
        audit_before: Timestamp,
        batch: u32,
    ) -> Result<u64, StoreError> {
        self.call("delete_expired", self.inner.delete_expired(now, audit_before, batch)).await
    }

    async fn is_changed_elsewhere(&self) -> Result<bool, StoreError> {
        self.call("is_changed_elsewhere", self.inner.is_changed_elsewhere()).await
    }

    async fn hear_of_changes(&self) {
        self.inner.hear_of_changes().await;
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.call("ping", self.inner.ping()).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
