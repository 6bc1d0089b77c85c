//! Cut-offs and what is told of them, once for every engine.

use async_trait::async_trait;
use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{AccountCutoff, Progress, Revocations, Revoked, StoreError},
    },
    values::account::AccountId,
};

use super::SqlStore;
use crate::{
    administration,
    engine::{Engine, counted},
    revocation,
};

#[async_trait]
impl<E: Engine> Revocations for SqlStore<E> {
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

    async fn black_out(&self, at: Timestamp) -> Result<Timestamp, StoreError> {
        self.write("black_out", at, |tx, &at| Box::pin(administration::black_out(tx, at))).await
    }

    async fn find_blackout_notice(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read("find_blackout_notice", (), |tx, ()| Box::pin(administration::find_blackout_notice(tx)))
            .await
    }

    async fn delete_blackout_notice(&self) -> Result<bool, StoreError> {
        self.step("delete_blackout_notice", (), |tx, ()| Box::pin(administration::delete_blackout_notice(tx)))
            .await
    }

    async fn list_revocations(&self, after: &Progress, now: Timestamp) -> Result<Revoked, StoreError> {
        self.list_at_once("list_revocations", (after.clone(), now), |tx, (after, now)| {
            Box::pin(revocation::list_revocations(tx, after, *now))
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
}
