//! Accounts and their passwords, once for every engine.

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

use super::SqlStore;
use crate::{
    accounts,
    engine::{Body, Engine},
    links::passwords,
};

#[async_trait]
impl<E: Engine> Accounts for SqlStore<E> {
    async fn insert_account(
        &self,
        account: NewAccount,
        session: Option<NewSession>,
    ) -> Result<Insertion, StoreError> {
        let needs_more = session.is_some()
            || account.invitation.is_some()
            || account.username.is_some()
            || !account.devices.is_empty()
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
}

#[async_trait]
impl<E: Engine> Passwords for SqlStore<E> {
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

    async fn reset_password(&self, reset: PasswordReset) -> Result<Option<AccountCutoff>, StoreError> {
        self.write("reset_password", reset, |tx, reset| Box::pin(passwords::reset_password(tx, reset))).await
    }

    async fn replace_password(
        &self,
        replacement: PasswordReplacement,
    ) -> Result<Option<AccountCutoff>, StoreError> {
        self.write("replace_password", replacement, |tx, replacement| {
            Box::pin(passwords::replace_password(tx, replacement))
        })
        .await
    }

    async fn change_password(
        &self,
        change: PasswordChange,
    ) -> Result<Option<Vec<RevokedSession>>, StoreError> {
        self.write("change_password", change, |tx, change| Box::pin(passwords::change_password(tx, change)))
            .await
    }
}
