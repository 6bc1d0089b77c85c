//! A forgotten password: asked for by anybody, answered by mail, chosen anew by whoever reads the mailbox.
//!
//! Uses a mailed link up. Steered by `mail.reset_ttl`, `throttle.mails` and `throttle.mail_window`. Whoever asks learns
//! nothing: known and unknown addresses are one errand each, and what comes of it comes later, by mail, to the address that
//! the account has and not to the one that was typed. A browser that chooses the password is known afterwards, and no other.

mod by_operator;

pub use self::by_operator::OperatorResetError;

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use crate::{
    Auth,
    confirmation::recipient,
    detach::to_the_end,
    hooks::{After, Before},
    new_password::NewPassword,
    outbox::Errand,
    ports::{
        audit::{AuditKind, AuditOutcome},
        clock::Timestamp,
        hasher::HashError,
        hooks::{HookError, PasswordReason, PasswordSetting},
        notifier::EventKind,
        store::{FoundLink, NewErrand, PasswordReset, StoreError},
        throttle::{Count, ThrottleKey},
    },
    values::{
        account::{Account, AccountId, Credentials},
        client::{Client, ClientNetwork},
        device::{Device, DeviceToken},
        email::Email,
        link::{LinkDigest, LinkPurpose},
        message::Content,
        password::Password,
        rule::RuleViolation,
        username::LoginName,
    },
};

/// Why nobody will be reminded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForgottenPasswordError {
    /// It is no address at all.
    #[error("no e-mail address")]
    Rules(Vec<RuleViolation>),
    /// This network has asked often enough for now.
    #[error("too many requests; again in {} s", retry_after.as_secs())]
    RateLimited {
        /// When the window ends.
        retry_after: Duration,
    },
    /// No such account; told only where [`crate::danger::reveal_unknown_accounts`] asks for it.
    #[error("there is no such account")]
    UnknownAccount,
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why the password is what it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordResetError {
    /// The link or code is unknown, used, expired or superseded, or has been tried too often: which, nobody is told.
    #[error("the link is not good")]
    Refused,
    /// The new password breaks rules; the link is still good.
    #[error("{} rules are broken", .0.len())]
    Rules(Vec<RuleViolation>),
    /// The application does not want it, or could not be asked; the link is still good.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// The password could not be hashed; the link is still good.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A new password, typed twice.
#[derive(Debug)]
pub struct TypedTwice {
    /// The password.
    pub password: Password,
    /// The password again.
    pub repeated: Password,
}

/// Who chooses a new password by mail, and on what.
#[derive(Clone, Copy, Debug)]
pub struct Chooser<'a> {
    /// Who is calling.
    pub client: &'a Client,
    /// What they call with; a browser is known by the account from then on, as the only one.
    pub device: &'a Device,
}

impl Auth {
    /// Helps somebody who has forgotten their password, if there is such an account; the answer is always the same.
    ///
    /// # Errors
    /// [`ForgottenPasswordError`].
    pub async fn forgot_password(&self, email: &str, client: &Client) -> Result<(), ForgottenPasswordError> {
        let email = Email::parse(email).map_err(|broken| ForgottenPasswordError::Rules(vec![broken]))?;
        let policy = &self.policy.throttle;
        if policy.is_enabled {
            let key = ThrottleKey::Reminder(client.network());
            if let Count::LimitReached { retry_after } =
                self.throttle.count(&key, policy.login_attempts, policy.login_window).await?
            {
                return Err(ForgottenPasswordError::RateLimited { retry_after });
            }
        }
        if self.policy.danger.reveals_unknown_accounts {
            let name = LoginName::Email(email.canonical().to_owned());
            self.store.find_credentials(&name).await?.ok_or(ForgottenPasswordError::UnknownAccount)?;
        }
        if !self.sends_mail() {
            return Ok(());
        }
        let errand =
            Errand::Remind { email: email.canonical().to_owned(), address: client.address.to_string() };
        self.store.queue_errand(self.errand(&errand, self.clock.now())?).await?;
        self.wake_outbox();
        Ok(())
    }

    /// What comes of [`Self::forgot_password`], after its answer.
    ///
    /// # Security
    /// Where there is nobody to be helped, a decoy is kept under the same limit and for as long: a wrong code would
    /// otherwise cost a write for addresses that have an account and for no others.
    pub(crate) async fn remind(&self, email: &str, address: &str) -> Result<(), StoreError> {
        let found = self.store.find_credentials(&LoginName::Email(email.to_owned())).await?;
        let found = found.filter(|found| found.account.active);
        let account_id = found.as_ref().map_or_else(|| self.nobody_at(email), |found| found.account.id);
        if self.count_mail(&ThrottleKey::Mail(LinkPurpose::Reset, account_id)).await?.is_some() {
            return Ok(());
        }
        let now = self.clock.now();
        let Some(Credentials { account, language, .. }) = found else {
            let (decoy, _) = self.new_link(account_id, &parsed(email)?, LinkPurpose::Decoy, now);
            self.store.issue_link(decoy, None).await?;
            return Ok(());
        };
        let to = parsed(&account.email)?;
        let invitation = self.invite(recipient(&account, language), &to, LinkPurpose::Reset, now)?;
        if let Some((link, errand)) = invitation {
            self.store.issue_link(link, Some(errand)).await?;
            self.note_reminder(account.id, address);
        }
        Ok(())
    }

    /// What stands for the account of an address that has none: always the same, so that each has one decoy.
    fn nobody_at(&self, email: &str) -> AccountId {
        AccountId::from_uuid(Uuid::from_bytes(self.master.address_mac(email)))
    }

    /// Sets a new password by a mailed link's token; every session of the account ends. Returns what a browser is to keep,
    /// so that it is known.
    ///
    /// # Errors
    /// [`PasswordResetError`].
    pub async fn reset_password(
        self: &Arc<Self>,
        token: &str,
        new: TypedTwice,
        by: Chooser<'_>,
    ) -> Result<Option<DeviceToken>, PasswordResetError> {
        match LinkDigest::of_token(token) {
            Some(digest) => self.reset_by_link(digest, new, by).await,
            None => Err(PasswordResetError::Refused),
        }
    }

    /// Sets a new password by the code that was mailed; every session of the account ends. Returns what a browser is to
    /// keep, so that it is known.
    ///
    /// # Errors
    /// [`PasswordResetError`].
    pub async fn reset_password_by_code(
        self: &Arc<Self>,
        email: &str,
        code: &str,
        new: TypedTwice,
        by: Chooser<'_>,
    ) -> Result<Option<DeviceToken>, PasswordResetError> {
        match self.find_link_of_code(email, code, LinkPurpose::Reset).await? {
            Some(digest) => self.reset_by_link(digest, new, by).await,
            None => Err(PasswordResetError::Refused),
        }
    }

    async fn reset_by_link(
        self: &Arc<Self>,
        digest: LinkDigest,
        new: TypedTwice,
        Chooser { client, device }: Chooser<'_>,
    ) -> Result<Option<DeviceToken>, PasswordResetError> {
        let now = self.clock.now();
        let found = self.store.find_link(digest, LinkPurpose::Reset, now).await?;
        let FoundLink { account, language, .. } = found.ok_or(PasswordResetError::Refused)?;
        let broken = self.check_typed_twice(&account, &new).await;
        if !broken.is_empty() {
            return Err(PasswordResetError::Rules(broken));
        }
        let setting = PasswordSetting::of(&account, PasswordReason::Reset, client);
        self.ask_hooks(|| Before::PasswordChange(setting.clone())).await?;
        let to = self.hasher.hash(new.password, client.network()).await?;
        let letter = self.letter(recipient(&account, language), now, Content::PasswordChanged)?;
        let errands = letter.into_iter().chain(self.announce_reset(&account, now)?).collect();
        let (auth, client, device) = (Arc::clone(self), client.clone(), device.clone());
        to_the_end(async move {
            let now = auth.clock.now();
            let reset = PasswordReset { digest, to, now, errands };
            let cutoff = auth.store.reset_password(reset).await?.ok_or(PasswordResetError::Refused)?;
            auth.revocations.learn_cutoff(cutoff);
            auth.wake_outbox();
            auth.note_of_mail(account.id, &client, AuditKind::PasswordReset, AuditOutcome::Success, "");
            auth.tell_hooks(|| After::PasswordChange(setting)).await;
            // Every device has been forgotten, up to this moment. Whoever reads the mailbox has proved more than a login
            // does, and strangers who go on guessing must not keep them out.
            Ok(device.after_login(&auth.master, account.id, now.plus(Duration::from_millis(1))))
        })
        .await
    }

    /// The address counts as proved with the reset.
    fn announce_reset(&self, account: &Account, now: Timestamp) -> Result<Vec<NewErrand>, StoreError> {
        let mut errands = self.announce_confirmation(account, &account.email, now)?;
        let account = Account { confirmed: true, ..account.clone() };
        errands.extend(self.announce(EventKind::PasswordChanged, &account, now)?);
        Ok(errands)
    }

    pub(crate) async fn check_typed_twice(&self, account: &Account, new: &TypedTwice) -> Vec<RuleViolation> {
        let username = account.username.as_deref();
        let username = username.and_then(|name| self.policy.usernames.parse_exempt(name).ok());
        let email = Email::parse(&account.email).ok();
        let new = NewPassword {
            password: &new.password,
            field: "password1",
            repeated: Some(&new.repeated),
            username: username.as_ref(),
            email: email.as_ref(),
        };
        self.check_new_password(new).await
    }

    fn note_reminder(&self, account_id: AccountId, address: &str) {
        let client = address.parse().map_or(ClientNetwork::LOCAL.address(), |address| address);
        let client = Client::new(client, "");
        self.note_of_mail(account_id, &client, AuditKind::PasswordForgotten, AuditOutcome::Success, "mailed");
    }
}

fn parsed(email: &str) -> Result<Email, StoreError> {
    Email::parse(email).map_err(|_| StoreError::Broken("a kept address is none".into()))
}
