//! What the application is asked and told where administrators change accounts.

use super::{AdministrationError, Administrator};
use crate::{
    Auth,
    hooks::{After, Before},
    ports::{
        hooks::{Changed, Concerning, Deletion, EmailChange, ProfileChange, UsernameChange},
        store::AccountChange,
    },
    values::account::{Account, AccountId},
};

impl Administrator {
    pub(super) fn deletion_of(&self, account: &Account) -> Deletion {
        Deletion { account_id: account.id, account: Some(account.clone()), caller: self.caller() }
    }
}

impl Auth {
    /// Asks about names, addresses and profiles; that an account may not be used any more, nobody may veto.
    pub(super) async fn ask_hooks_about(
        &self,
        admin: &Administrator,
        change: &AccountChange,
    ) -> Result<(), AdministrationError> {
        let is_asked = change.username.is_some() || change.email.is_some() || change.profile.is_some();
        if !self.has_hooks() || !is_asked {
            return Ok(());
        }
        let account = self.store.find_account(change.id).await?.ok_or(AdministrationError::Unknown)?;
        let after = change.applied_to(&account);
        if after.username != account.username {
            let (account, username) = (account.clone(), after.username);
            let asked = || UsernameChange { account, username, caller: admin.caller() };
            self.ask_hooks(|| Before::UsernameChange(asked())).await?;
        }
        if after.email != account.email {
            let (account, email) = (account.clone(), after.email);
            let asked = || EmailChange { account, email, caller: admin.caller() };
            self.ask_hooks(|| Before::EmailChange(asked())).await?;
        }
        if let Some(profile) = &change.profile {
            let profile = profile.clone();
            let asked = || ProfileChange { account, profile, caller: admin.caller() };
            self.ask_hooks(|| Before::ProfileChange(asked())).await?;
        }
        Ok(())
    }

    pub(super) async fn ask_hooks_about_deletion(
        &self,
        admin: &Administrator,
        id: AccountId,
    ) -> Result<(), AdministrationError> {
        if !self.has_hooks() {
            return Ok(());
        }
        let account = self.store.find_account(id).await?.ok_or(AdministrationError::Unknown)?;
        let about = || Concerning::of(&account, admin.caller());
        Ok(self.ask_hooks(|| Before::AccountDeletion(about())).await?)
    }

    pub(super) async fn tell_hooks_of(&self, admin: &Administrator, before: Account, after: &Account) {
        if !self.has_hooks() || before == *after {
            return;
        }
        let changed = || Changed { before: before.clone(), after: after.clone(), caller: admin.caller() };
        if before.username != after.username {
            self.tell_hooks(|| After::UsernameChange(changed())).await;
        }
        if before.email != after.email {
            self.tell_hooks(|| After::EmailChange(changed())).await;
        }
        if before.stored_profile != after.stored_profile {
            self.tell_hooks(|| After::ProfileChange(changed())).await;
        }
        self.tell_hooks(|| After::Administration(changed())).await;
    }
}
