//! Accounts and their passwords, failing where a test wants it to.

use async_trait::async_trait;
use vestibule_core::{
    ports::store::{
        AccountCutoff, Accounts, Insertion, PasswordChange, PasswordReplacement, PasswordReset, Passwords,
        StoreError,
    },
    values::{
        account::{Account, AccountId, Credentials, NewAccount},
        password::PasswordHash,
        session::{NewSession, RevokedSession},
        username::LoginName,
    },
};

use super::FaultyStore;

#[async_trait]
impl Accounts for FaultyStore {
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

    async fn insert_permission(
        &self,
        id: AccountId,
        permission: &str,
    ) -> Result<Option<Account>, StoreError> {
        self.call("insert_permission", self.inner.insert_permission(id, permission)).await
    }
}

#[async_trait]
impl Passwords for FaultyStore {
    async fn update_password_hash(
        &self,
        id: AccountId,
        from: PasswordHash,
        to: PasswordHash,
    ) -> Result<bool, StoreError> {
        self.call("update_password_hash", self.inner.update_password_hash(id, from, to)).await
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
