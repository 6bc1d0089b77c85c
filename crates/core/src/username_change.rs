//! Changing a user name.
//!
//! Stores the name and what tells the owner of it, in one step. Steered by `usernames.*`. Tokens carry the new name after
//! their next refresh; a change of letter case alone is one, too.

use std::sync::Arc;

use crate::{
    Auth,
    access::AccountAccess,
    confirmation::recipient,
    detach::to_the_end,
    hooks::{After, Before},
    ports::{
        audit::AuditKind,
        hooks::{Changed, HookError, UsernameChange},
        store::{AccountChange, AccountChanged, StoreError},
    },
    values::{account::Account, message::Content, rule::RuleViolation},
};

/// Why the name is what it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsernameChangeError {
    /// It is the name that the account has.
    #[error("the name is the same")]
    Same,
    /// The name breaks a rule.
    #[error("the name breaks a rule")]
    Rule(RuleViolation),
    /// The name is somebody else's.
    #[error("the name is taken")]
    Taken,
    /// The account has gone meanwhile.
    #[error("there is no such account")]
    Unknown,
    /// The application does not want it, or could not be asked.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Auth {
    /// Gives an account another user name and tells its owner by mail.
    ///
    /// # Errors
    /// [`UsernameChangeError`].
    pub async fn change_username(
        self: &Arc<Self>,
        access: AccountAccess,
        username: &str,
    ) -> Result<Account, UsernameChangeError> {
        let account = &access.account;
        let username = self.policy.usernames.parse(username).map_err(UsernameChangeError::Rule)?;
        if account.username.as_deref() == Some(username.as_str()) {
            return Err(UsernameChangeError::Same);
        }
        let caller = access.caller();
        self.ask_hooks(|| {
            let (account, username) = (account.clone(), Some(username.as_str().to_owned()));
            Before::UsernameChange(UsernameChange { account, username, caller: caller.clone() })
        })
        .await?;
        let now = self.clock.now();
        let language = self.credentials_of(account).await?.and_then(|found| found.language);
        let content =
            Content::UsernameChanged { old: account.username.clone(), new: username.as_str().to_owned() };
        let errand = self.letter(recipient(account, language), now, content)?;
        let change = AccountChange {
            username: Some(Some(username)),
            errand,
            announcer: self.announcer(now),
            ..AccountChange::of(account.id, now)
        };
        let auth = Arc::clone(self);
        to_the_end(async move {
            match auth.store.change_account(change).await? {
                AccountChanged::Changed { before, after, .. } => {
                    auth.wake_outbox();
                    auth.audit.record(access.event(now, AuditKind::UsernameChanged));
                    let changed = || Changed { before, after: after.clone(), caller };
                    auth.tell_hooks(|| After::UsernameChange(changed())).await;
                    Ok(after)
                }
                AccountChanged::Taken { .. } => Err(UsernameChangeError::Taken),
                AccountChanged::Unknown | AccountChanged::LastAdmin => Err(UsernameChangeError::Unknown),
            }
        })
        .await
    }
}
