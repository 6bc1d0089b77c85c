//! What an operator does for somebody who has lost their password.

use crate::{
    Auth,
    administration::Administrator,
    confirmation::recipient,
    new_password::NewPassword,
    ports::{
        audit::AuditKind,
        hasher::HashError,
        notifier::EventKind,
        store::{PasswordReplacement, StoreError},
    },
    values::{
        account::Account, client::ClientNetwork, email::Email, link::LinkPurpose, message::Content,
        password::Password, rule::RuleViolation,
    },
};

/// Why an operator could not help.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorResetError {
    /// There is no such account, or it may not be used.
    #[error("the account is gone or disabled")]
    Unusable,
    /// Nothing is told by mail here.
    #[error("no mail is sent here")]
    NoMail,
    /// The new password breaks rules; never empty.
    #[error("{} rules are broken", .0.len())]
    Rules(Vec<RuleViolation>),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Auth {
    /// Mails a link that resets the password to the address that the account has; nothing changes before it is used.
    ///
    /// # Errors
    /// [`OperatorResetError`].
    pub async fn mail_reset_link(
        &self,
        operator: &Administrator,
        account: &Account,
    ) -> Result<(), OperatorResetError> {
        let found = self.credentials_of(account).await?.ok_or(OperatorResetError::Unusable)?;
        let now = self.clock.now();
        let to = email_of(&found.account)?;
        let recipient = recipient(&found.account, found.language);
        let invitation = self.invite(recipient, &to, LinkPurpose::Reset, now)?;
        let (link, errand) = invitation.ok_or(OperatorResetError::NoMail)?;
        if !self.store.issue_link(link, Some(errand)).await? {
            return Err(OperatorResetError::Unusable);
        }
        self.wake_outbox();
        let event = operator.event(now, AuditKind::PasswordForgotten, Some(account.id));
        self.audit.write_now(event).await;
        Ok(())
    }

    /// Sets a new password; every session of the account ends, every mailed way into it too, and its owner is told.
    ///
    /// # Errors
    /// [`OperatorResetError`].
    pub async fn set_password_for(
        &self,
        operator: &Administrator,
        account: &Account,
        password: Password,
    ) -> Result<(), OperatorResetError> {
        let found = self.credentials_of(account).await?.ok_or(OperatorResetError::Unusable)?;
        let broken = self.check_replacement(&found.account, &password).await;
        if !broken.is_empty() {
            return Err(OperatorResetError::Rules(broken));
        }
        let to = self.hasher.hash(password, ClientNetwork::LOCAL).await?;
        let now = self.clock.now();
        let recipient = recipient(&found.account, found.language);
        let mut errands = self.announce(EventKind::PasswordChanged, &found.account, now)?;
        errands.extend(self.letter(recipient, now, Content::PasswordChanged)?);
        let replacement = PasswordReplacement { account_id: account.id, to, now, errands };
        let cutoff = self.store.replace_password(replacement).await?;
        self.revocations.learn_cutoff(cutoff.ok_or(OperatorResetError::Unusable)?);
        self.wake_outbox();
        let event = operator.event(now, AuditKind::PasswordReset, Some(account.id));
        self.audit.write_now(event).await;
        Ok(())
    }

    async fn check_replacement(&self, account: &Account, password: &Password) -> Vec<RuleViolation> {
        let username = account.username.as_deref();
        let username = username.and_then(|name| self.policy.usernames.parse_exempt(name).ok());
        let email = Email::parse(&account.email).ok();
        let (username, email) = (username.as_ref(), email.as_ref());
        let new = NewPassword { password, field: "password", repeated: None, username, email };
        self.check_new_password(new).await
    }
}

fn email_of(account: &Account) -> Result<Email, StoreError> {
    Email::parse(&account.email).map_err(|_| StoreError::Broken("a stored address is none".into()))
}
