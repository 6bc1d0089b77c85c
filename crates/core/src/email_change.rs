//! Asking for another e-mail address; it counts once it is proved.
//!
//! Stores a link that is mailed to the new address and nothing else: until it is used, the account has its old address, and
//! whoever reads that one is told when it changes. Steered by `throttle.mails` and the login limit. Defends against who
//! holds a session but not the password, and against typing somebody else's address.

use std::{sync::Arc, time::Duration};

use crate::{
    Auth,
    access::AccountAccess,
    confirmation::recipient,
    hooks::Before,
    outbox::Recipient,
    password_change::{LoggedInAs, PasswordChangeError},
    ports::{
        audit::AuditKind,
        hooks::{EmailChange, HookError},
        store::StoreError,
        throttle::ThrottleKey,
    },
    values::{
        account::Credentials,
        email::Email,
        link::{LinkPurpose, NewLink},
        message::{Asked, Invitation},
        password::{Password, PasswordHash},
        rule::RuleViolation,
        username::LoginName,
    },
};

/// Why nothing was mailed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmailChangeError {
    /// It is no address.
    #[error("no e-mail address")]
    Rule(RuleViolation),
    /// It is the address that the account has.
    #[error("the address is the same")]
    Same,
    /// The address is somebody else's.
    #[error("the address is taken")]
    Taken,
    /// The password is wrong, or could not be verified.
    #[error(transparent)]
    Password(#[from] PasswordChangeError),
    /// Enough mail has been asked for by this account.
    #[error("too many mails; again in {} s", retry_after.as_secs())]
    RateLimited {
        /// When the window ends.
        retry_after: Duration,
    },
    /// Nobody is written to here, so nobody can prove an address.
    #[error("no mail is sent")]
    NoMail,
    /// The application does not want it, or could not be asked.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// The account is gone or disabled.
    #[error("there is no such account")]
    Unknown,
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Auth {
    /// Mails a link to the new address, which is the account's once the link is used. The owner gives their password
    /// again; administrators give none.
    ///
    /// # Errors
    /// [`EmailChangeError`].
    ///
    /// # Security
    /// Whether an address is taken is told only after the right password, and as seldom as mails may be asked for; with
    /// `registration.conceal_existing`, not at all.
    pub async fn request_email_change(
        self: &Arc<Self>,
        access: AccountAccess,
        email: &str,
        password: Option<Password>,
    ) -> Result<(), EmailChangeError> {
        let account = &access.account;
        let email = Email::parse(email).map_err(EmailChangeError::Rule)?;
        let verified = self.verify_owner(&access, password).await?;
        if email.as_typed() == account.email {
            return Err(EmailChangeError::Same);
        }
        if !self.sends_mail() {
            return Err(EmailChangeError::NoMail);
        }
        self.ask_hooks(|| {
            let (account, email) = (account.clone(), email.as_typed().to_owned());
            Before::EmailChange(EmailChange { account, email, caller: access.caller() })
        })
        .await?;
        // Before anybody looks: that an address is taken is worth asking for in bulk.
        let key = ThrottleKey::Mail(LinkPurpose::Confirm, account.id);
        if let Some(retry_after) = self.count_mail(&key).await? {
            return Err(EmailChangeError::RateLimited { retry_after });
        }
        let owner = self.store.find_credentials(&LoginName::Email(email.canonical().to_owned())).await?;
        let owner = owner.filter(|owner| owner.account.id != account.id);
        if owner.is_some() && !self.policy.registration.conceals_existing {
            return Err(EmailChangeError::Taken);
        }
        self.keep_link_to(&access, &email, owner.as_ref(), verified).await
    }

    /// The hash that an owner's password was verified against; `None` for administrators, who give none.
    async fn verify_owner(
        &self,
        access: &AccountAccess,
        password: Option<Password>,
    ) -> Result<Option<PasswordHash>, PasswordChangeError> {
        if access.is_for_somebody_else() {
            return Ok(None);
        }
        let password = password.ok_or(PasswordChangeError::Wrong)?;
        let session =
            LoggedInAs { account: &access.account, session_id: access.session_id, client: &access.client };
        self.verify_again(session, password, AuditKind::AddressChangeRequested).await.map(Some)
    }

    /// Keeps the link to a new address and mails it there.
    ///
    /// # Security
    /// An address that is somebody's costs and changes the same, or whether the account's older link is still good would
    /// tell; but its owner is told, and nobody is mailed the link. Whoever has changed the password since it was verified
    /// wants no link of the old one's.
    async fn keep_link_to(
        &self,
        access: &AccountAccess,
        email: &Email,
        owner: Option<&Credentials>,
        verified: Option<PasswordHash>,
    ) -> Result<(), EmailChangeError> {
        let (account, now) = (&access.account, self.clock.now());
        let language = self.credentials_of(account).await?.and_then(|found| found.language);
        let is_heard = !self.policy.registration.conceals_existing
            || self.admit_mail_to(email, access.client.network()).await?.is_some();
        let (link, invitation) = self.new_link(account.id, email, LinkPurpose::Confirm, now);
        let invitation = Invitation { asked: Some(Asked::new(now, &access.client)), ..invitation };
        let to = Recipient { email: email.as_typed(), ..recipient(account, language) };
        let letter = self.letter_of_address(owner, to, invitation, now)?;
        let is_owner = verified.is_some();
        if !self.store.issue_link(NewLink { verified, ..link }, letter.filter(|_| is_heard)).await? {
            return Err(if is_owner { PasswordChangeError::Wrong.into() } else { EmailChangeError::Unknown });
        }
        self.wake_outbox();
        self.audit.record(access.event(now, AuditKind::AddressChangeRequested));
        Ok(())
    }
}
