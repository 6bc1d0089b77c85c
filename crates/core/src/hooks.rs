//! The application's callbacks, asked with patience that ends.
//!
//! Stores nothing. Steered by `hooks.patience`. Defends against hooks that panic, hang or block their thread: each runs in
//! a task of its own, and what it would have decided is then decided against the caller.

use std::{future::Future, sync::Arc};

use tokio::time::timeout;

use crate::{
    Auth,
    access::AccountAccess,
    administration::Administrator,
    detach::Abandoned,
    ports::hooks::{
        Caller, Changed, Concerning, Deletion, EmailChange, HookError, HookFailure, Hooks, LogIn, LogOut,
        PasswordReason, PasswordSetting, ProfileChange, Registering, UsernameChange, Verdict,
    },
    values::{account::Account, client::Client},
};

/// What is about to be done.
pub(crate) enum Before {
    Register(Registering),
    Login(Concerning),
    UsernameChange(UsernameChange),
    EmailChange(EmailChange),
    ProfileChange(ProfileChange),
    PasswordChange(PasswordSetting),
    AccountDeletion(Concerning),
}

/// What has been done; of a logout, which cannot be vetoed, also what is about to be.
pub(crate) enum After {
    Register(Concerning),
    Login(LogIn),
    LogoutBegins(LogOut),
    Logout(LogOut),
    UsernameChange(Changed),
    EmailChange(Changed),
    EmailConfirmed(Concerning),
    ProfileChange(Changed),
    PasswordChange(PasswordSetting),
    DeletionRequested(Concerning),
    AccountDeletion(Deletion),
    Administration(Changed),
}

impl Before {
    const fn name(&self) -> &'static str {
        match self {
            Self::Register(_) => "before_register",
            Self::Login(_) => "before_login",
            Self::UsernameChange(_) => "before_username_change",
            Self::EmailChange(_) => "before_email_change",
            Self::ProfileChange(_) => "before_profile_change",
            Self::PasswordChange(_) => "before_password_change",
            Self::AccountDeletion(_) => "before_account_deletion",
        }
    }

    async fn ask(self, hooks: Arc<dyn Hooks>) -> Result<Verdict, HookFailure> {
        match self {
            Self::Register(event) => hooks.before_register(&event).await,
            Self::Login(event) => hooks.before_login(&event).await,
            Self::UsernameChange(event) => hooks.before_username_change(&event).await,
            Self::EmailChange(event) => hooks.before_email_change(&event).await,
            Self::ProfileChange(event) => hooks.before_profile_change(&event).await,
            Self::PasswordChange(event) => hooks.before_password_change(&event).await,
            Self::AccountDeletion(event) => hooks.before_account_deletion(&event).await,
        }
    }
}

impl After {
    const fn name(&self) -> &'static str {
        match self {
            Self::Register(_) => "after_register",
            Self::Login(_) => "after_login",
            Self::LogoutBegins(_) => "before_logout",
            Self::Logout(_) => "after_logout",
            Self::UsernameChange(_) => "after_username_change",
            Self::EmailChange(_) => "after_email_change",
            Self::EmailConfirmed(_) => "after_email_confirmed",
            Self::ProfileChange(_) => "after_profile_change",
            Self::PasswordChange(_) => "after_password_change",
            Self::DeletionRequested(_) => "after_deletion_requested",
            Self::AccountDeletion(_) => "after_account_deletion",
            Self::Administration(_) => "after_administration",
        }
    }

    async fn tell(self, hooks: Arc<dyn Hooks>) -> Result<(), HookFailure> {
        match self {
            Self::Register(event) => hooks.after_register(&event).await,
            Self::Login(event) => hooks.after_login(&event).await,
            Self::LogoutBegins(event) => hooks.before_logout(&event).await,
            Self::Logout(event) => hooks.after_logout(&event).await,
            Self::UsernameChange(event) => hooks.after_username_change(&event).await,
            Self::EmailChange(event) => hooks.after_email_change(&event).await,
            Self::EmailConfirmed(event) => hooks.after_email_confirmed(&event).await,
            Self::ProfileChange(event) => hooks.after_profile_change(&event).await,
            Self::PasswordChange(event) => hooks.after_password_change(&event).await,
            Self::DeletionRequested(event) => hooks.after_deletion_requested(&event).await,
            Self::AccountDeletion(event) => hooks.after_account_deletion(&event).await,
            Self::Administration(event) => hooks.after_administration(&event).await,
        }
    }
}

impl Auth {
    /// Whether anybody wants to know.
    pub(crate) const fn has_hooks(&self) -> bool {
        self.hooks.is_some()
    }

    /// Asks whether something may be done.
    pub(crate) async fn ask_hooks(&self, before: impl FnOnce() -> Before + Send) -> Result<(), HookError> {
        let Some(hooks) = &self.hooks else { return Ok(()) };
        let before = before();
        let hook = before.name();
        match self.wait_for(before.ask(Arc::clone(hooks))).await {
            Ok(Verdict::Proceed) => Ok(()),
            Ok(Verdict::Veto(veto)) => {
                count(hook, "vetoed");
                Err(HookError::Vetoed(veto))
            }
            Err(cause) => {
                count(hook, "failed");
                Err(HookError::Failed { hook, cause })
            }
        }
    }

    /// Tells of something that has been done; where that fails, it is the log that is told.
    pub(crate) async fn tell_hooks(&self, after: impl FnOnce() -> After + Send) {
        let Some(hooks) = &self.hooks else { return };
        let after = after();
        let hook = after.name();
        if let Err(cause) = self.wait_for(after.tell(Arc::clone(hooks))).await {
            count(hook, "failed");
            tracing::error!(hook, cause, "a hook failed; what it was told of is done all the same");
        }
    }

    async fn wait_for<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, HookFailure>> + Send + 'static,
    ) -> Result<T, String> {
        let patience = self.policy.hooks.patience;
        // Of its own: a panic ends the task only, and a hook that blocks its thread does not block us.
        match timeout(patience, Abandoned::spawn(work).outcome()).await {
            Ok(Some(Ok(outcome))) => Ok(outcome),
            Ok(Some(Err(failure))) => Err(failure.to_string()),
            Ok(None) => Err("it panicked".to_owned()),
            Err(_) => Err(format!("no answer within {} ms", patience.as_millis())),
        }
    }
}

fn count(hook: &'static str, outcome: &'static str) {
    metrics::counter!("vestibule_hooks_refused_total", "hook" => hook, "outcome" => outcome).increment(1);
}

impl Caller {
    pub(crate) fn of(client: &Client) -> Self {
        Self { address: client.address.to_string(), actor_id: None }
    }
}

impl Concerning {
    pub(crate) fn of(account: &Account, caller: Caller) -> Self {
        Self { account: account.clone(), caller }
    }
}

impl PasswordSetting {
    pub(crate) fn of(account: &Account, reason: PasswordReason, client: &Client) -> Self {
        Self { account: account.clone(), reason, caller: Caller::of(client) }
    }
}

impl AccountAccess {
    pub(crate) fn caller(&self) -> Caller {
        Caller { actor_id: self.admin, ..Caller::of(&self.client) }
    }
}

impl Administrator {
    pub(crate) fn caller(&self) -> Caller {
        Caller { address: self.address().to_owned(), actor_id: self.account_id() }
    }
}
