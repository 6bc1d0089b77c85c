//! Accounts changed, disabled, kicked and deleted; everybody sent out.

use std::sync::Arc;

use super::{AccountPatch, AdministrationError, Administrator};
use crate::{
    Auth,
    detach::to_the_end,
    hooks::After,
    ports::{
        audit::{AuditEvent, AuditKind, AuditOutcome},
        clock::Timestamp,
        profile::ProfileRefusal,
        store::{
            AccountChange, AccountChanged, AccountDeleted, AccountDeletion, Activity, PermissionChange,
            StoreError,
        },
    },
    values::{
        account::{Account, AccountId, FullName},
        email::Email,
        rule::RuleViolation,
        scope::Scopes,
    },
};

/// What an account's permissions may take together, in bytes: as much as a token holds.
const MAX_PERMISSIONS: usize = 1536;

impl Auth {
    /// Disables or enables an account. Disabled, it is out of every door at once, and its sessions stay dead when it is
    /// enabled again.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn set_active(
        self: &Arc<Self>,
        admin: &Administrator,
        id: AccountId,
        activity: Activity,
    ) -> Result<Account, AdministrationError> {
        let change = AccountChange { active: Some(activity), ..self.change_of(admin, id) };
        self.change(admin.clone(), change, AuditKind::Ban).await
    }

    /// Adds, removes or replaces permissions; tokens have the new ones after their next refresh.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn change_permissions(
        self: &Arc<Self>,
        admin: &Administrator,
        id: AccountId,
        permissions: PermissionChange,
    ) -> Result<Account, AdministrationError> {
        if let PermissionChange::Add(names) | PermissionChange::Set(names) = &permissions {
            check_permissions(names).map_err(|broken| AdministrationError::Rules(vec![broken]))?;
        }
        let change = AccountChange { permissions: Some(permissions), ..self.change_of(admin, id) };
        self.change(admin.clone(), change, AuditKind::PermissionChange).await
    }

    /// Changes whatever a patch names, all of it or nothing; the owner is told of another user name or address by mail.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn patch_account(
        self: &Arc<Self>,
        admin: &Administrator,
        id: AccountId,
        patch: AccountPatch,
    ) -> Result<Account, AdministrationError> {
        let change = self.read_patch(&self.change_of(admin, id), patch)?;
        let change = self.with_letters(change).await?;
        self.change(admin.clone(), change, AuditKind::AccountChange).await
    }

    fn change_of(&self, admin: &Administrator, id: AccountId) -> AccountChange {
        AccountChange {
            keeps_an_admin: !admin.is_operator(),
            announcer: self.announcer(self.clock.now()),
            ..AccountChange::of(id, self.clock.now())
        }
    }

    /// Checks every rule, so that all is mended at once.
    fn read_patch(
        &self,
        change: &AccountChange,
        patch: AccountPatch,
    ) -> Result<AccountChange, AdministrationError> {
        let mut broken = Vec::new();
        let mut note = |violation| broken.push(violation);
        let email = patch.email.map(|email| Email::parse(&email).map_err(&mut note));
        let rules = &self.policy.usernames;
        let username = patch.username.map(|name| name.map(|name| rules.parse(&name)).transpose());
        let username = username.map(|parsed| parsed.map_err(&mut note));
        let full_name = patch.full_name.map(|name| FullName::parse(name.as_deref().unwrap_or_default()));
        let full_name = full_name.map(|parsed| parsed.map_err(&mut note));
        if let Some(Err(violation)) = patch.permissions.as_ref().map(check_permissions) {
            note(violation);
        }
        let profile = match patch.profile.map(|sent| self.first_profile(Some(&sent))).transpose() {
            Ok(profile) => profile.flatten(),
            Err(ProfileRefusal::Rules(rules)) => {
                broken.extend(rules);
                None
            }
            Err(other) => return Err(AdministrationError::Profile(other)),
        };
        if !broken.is_empty() {
            return Err(AdministrationError::Rules(broken));
        }
        let activity = |active| if active { Activity::Enabled } else { Activity::Disabled };
        Ok(AccountChange {
            email: email.and_then(Result::ok),
            username: username.and_then(Result::ok),
            full_name: full_name.and_then(Result::ok),
            active: patch.active.map(activity),
            confirmed: patch.confirmed,
            permissions: patch.permissions.map(PermissionChange::Set),
            profile,
            ..change.clone()
        })
    }

    /// The one place where an account is changed for somebody else.
    async fn change(
        self: &Arc<Self>,
        admin: Administrator,
        change: AccountChange,
        kind: AuditKind,
    ) -> Result<Account, AdministrationError> {
        self.ask_hooks_about(&admin, &change).await?;
        let auth = Arc::clone(self);
        to_the_end(async move {
            let (id, now) = (change.id, change.now);
            match auth.store.change_account(change).await? {
                AccountChanged::Changed { before, after, cutoff } => {
                    if let Some(cutoff) = cutoff {
                        auth.revocations.learn_cutoff(cutoff);
                    }
                    auth.wake_outbox();
                    auth.record_change(&admin, kind, &before, &after, now);
                    auth.tell_hooks_of(&admin, before, &after).await;
                    Ok(after)
                }
                AccountChanged::Taken { email, username } => {
                    Err(AdministrationError::Taken { email, username })
                }
                AccountChanged::LastAdmin => Err(auth.refuse_last_admin(&admin, kind, id)),
                AccountChanged::Unknown => Err(AdministrationError::Unknown),
            }
        })
        .await
    }

    /// An event for each thing that a reader of the log would look for by itself.
    fn record_change(
        &self,
        admin: &Administrator,
        kind: AuditKind,
        before: &Account,
        after: &Account,
        now: Timestamp,
    ) {
        let mut kinds = Vec::new();
        if before.active != after.active {
            kinds.push(if after.active { AuditKind::Unban } else { AuditKind::Ban });
        }
        if before.permissions != after.permissions {
            kinds.push(AuditKind::PermissionChange);
        }
        if before.stored_profile != after.stored_profile {
            kinds.push(AuditKind::ProfileChanged);
        }
        if kind == AuditKind::AccountChange {
            kinds.push(kind);
        }
        for kind in kinds {
            self.audit.record(admin.event(now, kind, Some(after.id)));
        }
    }

    fn refuse_last_admin(
        &self,
        admin: &Administrator,
        kind: AuditKind,
        id: AccountId,
    ) -> AdministrationError {
        let event = admin.event(self.clock.now(), kind, Some(id));
        self.audit.record(AuditEvent { outcome: AuditOutcome::Failure, detail: "last_admin", ..event });
        AdministrationError::LastAdmin
    }

    /// Deletes an account; its sessions and whatever was mailed to it are dead at once.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn delete_account(
        self: &Arc<Self>,
        admin: &Administrator,
        id: AccountId,
    ) -> Result<Account, AdministrationError> {
        self.ask_hooks_about_deletion(admin, id).await?;
        let (auth, admin) = (Arc::clone(self), admin.clone());
        to_the_end(async move {
            let now = auth.clock.now();
            let deletion = AccountDeletion {
                id,
                keeps_an_admin: !admin.is_operator(),
                announcer: auth.announcer(now),
                now,
            };
            match auth.store.delete_account(deletion).await? {
                AccountDeleted::Deleted { account, ended } => {
                    auth.wake_outbox();
                    auth.revocations.learn_sessions(&ended);
                    metrics::counter!("vestibule_sessions_ended_total").increment(ended.len() as u64);
                    auth.audit.record(admin.event(now, AuditKind::AccountDeletion, Some(id)));
                    auth.tell_hooks(|| After::AccountDeletion(admin.deletion_of(&account))).await;
                    Ok(account)
                }
                AccountDeleted::LastAdmin => {
                    Err(auth.refuse_last_admin(&admin, AuditKind::AccountDeletion, id))
                }
                AccountDeleted::Unknown => Err(AdministrationError::Unknown),
            }
        })
        .await
    }

    /// Ends every session of an account that has begun, for good; it may log in anew.
    ///
    /// # Errors
    /// [`AdministrationError::Unknown`], or an outage.
    pub async fn kick(
        self: &Arc<Self>,
        admin: &Administrator,
        id: AccountId,
    ) -> Result<(), AdministrationError> {
        let (auth, admin) = (Arc::clone(self), admin.clone());
        to_the_end(async move {
            let now = auth.clock.now();
            let cutoff = auth.store.cut_off_account(id, now).await?.ok_or(AdministrationError::Unknown)?;
            auth.revocations.learn_cutoff(cutoff);
            auth.audit.record(admin.event(now, AuditKind::Kick, Some(id)));
            Ok(())
        })
        .await
    }

    /// Ends every session of everybody, the caller's too, and puts up a notice of it.
    ///
    /// # Errors
    /// An outage.
    pub async fn black_out(self: &Arc<Self>, admin: &Administrator) -> Result<Timestamp, StoreError> {
        let (auth, admin) = (Arc::clone(self), admin.clone());
        to_the_end(async move {
            let now = auth.clock.now();
            let cutoff = auth.store.black_out(now).await?;
            auth.revocations.learn_global_cutoff(cutoff);
            auth.audit.record(admin.event(now, AuditKind::Blackout, None));
            Ok(cutoff)
        })
        .await
    }

    /// Lets everybody try an account's password again, whatever has failed before; on every node, with the next login.
    ///
    /// # Errors
    /// [`AdministrationError::Unknown`], or an outage.
    pub async fn unlock(&self, admin: &Administrator, id: AccountId) -> Result<(), AdministrationError> {
        if !self.store.unlock_account(id).await? {
            return Err(AdministrationError::Unknown);
        }
        self.audit.record(admin.event(self.clock.now(), AuditKind::Unlock, Some(id)));
        Ok(())
    }

    /// Takes the notice of the last blackout down. Nothing that it ended comes back.
    ///
    /// # Errors
    /// An outage.
    pub async fn clear_blackout(&self, admin: &Administrator) -> Result<(), StoreError> {
        if self.store.delete_blackout_notice().await? {
            self.audit.record(admin.event(self.clock.now(), AuditKind::BlackoutCleared, None));
        }
        Ok(())
    }
}

fn check_permissions(names: &Scopes) -> Result<(), RuleViolation> {
    if names.iter().map(|name| name.len() + 3).sum::<usize>() <= MAX_PERMISSIONS {
        return Ok(());
    }
    let message = "The permissions are too many to fit into a token";
    Err(RuleViolation::new("permissions", "permissions_too_long", message))
}
