//! Proving that an address is one's own.
//!
//! Uses a mailed link up. Steered by `mail.confirm_ttl`, `throttle.mails` and `throttle.mail_window`. A link is bound to its
//! account and to the exact address it was mailed to, so nobody proves an address whose mail they do not read.

use std::{sync::Arc, time::Duration};

use crate::{
    Auth,
    detach::to_the_end,
    hooks::After,
    outbox::Recipient,
    ports::{
        audit::{AuditEvent, AuditKind, AuditOutcome},
        hooks::{Caller, Changed, Concerning},
        store::{AddressConfirmation, Confirmed, StoreError},
        throttle::{Count, ThrottleKey},
    },
    values::{
        account::{Account, AccountId, Credentials},
        client::Client,
        email::Email,
        language::Language,
        link::{LinkDigest, LinkPurpose},
        message::Content,
    },
};

/// Why no proof was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfirmationRequestError {
    /// There is nothing left to prove.
    #[error("the address is confirmed already")]
    AlreadyConfirmed,
    /// Enough mail has gone there for now.
    #[error("too many mails; again in {} s", retry_after.as_secs())]
    RateLimited {
        /// When the window ends.
        retry_after: Duration,
    },
    /// The account is gone or disabled.
    #[error("the account is gone")]
    Gone,
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nothing was confirmed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfirmationError {
    /// The link or code is unknown, used, expired or superseded, or has been tried too often: which, nobody is told.
    #[error("the link is not good")]
    Refused,
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Auth {
    /// Mails a link that confirms the account's address; an older one is no longer good.
    ///
    /// # Errors
    /// [`ConfirmationRequestError`].
    pub async fn request_confirmation(
        &self,
        account: &Account,
        language: Option<Language>,
    ) -> Result<(), ConfirmationRequestError> {
        if account.confirmed {
            return Err(ConfirmationRequestError::AlreadyConfirmed);
        }
        let key = ThrottleKey::Mail(LinkPurpose::Confirm, account.id);
        if let Some(retry_after) = self.count_mail(&key).await? {
            return Err(ConfirmationRequestError::RateLimited { retry_after });
        }
        let email = Email::parse(&account.email)
            .map_err(|_| StoreError::Broken("a stored address is none".into()))?;
        let recipient = recipient(account, language);
        let Some((link, errand)) = self.invite(recipient, &email, LinkPurpose::Confirm, self.clock.now())?
        else {
            return Ok(());
        };
        if !self.store.issue_link(link, Some(errand)).await? {
            return Err(ConfirmationRequestError::Gone);
        }
        self.wake_outbox();
        Ok(())
    }

    /// Mails a new link to somebody who may not log in without it, unless enough mail has gone there.
    pub(crate) async fn remind_of_confirmation(&self, credentials: &Credentials) {
        let Credentials { account, language, .. } = credentials;
        match self.request_confirmation(account, *language).await {
            Ok(()) | Err(ConfirmationRequestError::RateLimited { .. }) => {}
            // The login is refused for the address's sake, whatever becomes of the letter.
            Err(error) => tracing::warn!(%error, "a link for confirmation could not be mailed"),
        }
    }

    /// Confirms an address by a mailed link's token.
    ///
    /// # Errors
    /// [`ConfirmationError`].
    pub async fn confirm(
        self: &Arc<Self>,
        token: &str,
        client: &Client,
    ) -> Result<Account, ConfirmationError> {
        match LinkDigest::of_token(token) {
            Some(digest) => self.confirm_link(digest, client).await,
            None => Err(ConfirmationError::Refused),
        }
    }

    /// Confirms an address by the code that was mailed to it.
    ///
    /// # Errors
    /// [`ConfirmationError`].
    pub async fn confirm_by_code(
        self: &Arc<Self>,
        email: &str,
        code: &str,
        client: &Client,
    ) -> Result<Account, ConfirmationError> {
        match self.find_link_of_code(email, code, LinkPurpose::Confirm).await? {
            Some(digest) => self.confirm_link(digest, client).await,
            None => Err(ConfirmationError::Refused),
        }
    }

    async fn confirm_link(
        self: &Arc<Self>,
        digest: LinkDigest,
        client: &Client,
    ) -> Result<Account, ConfirmationError> {
        let now = self.clock.now();
        let found = self.store.find_link(digest, LinkPurpose::Confirm, now).await?;
        let Some(found) = found else { return self.complete_registration(digest, client).await };
        let former = &found.account;
        let errand = if former.email == found.email {
            None
        } else {
            let content = Content::AddressChanged { new: found.email.clone() };
            self.letter(recipient(former, found.language), now, content)?
        };
        let announced = self.announce_confirmation(former, &found.email, now)?;
        let errands = errand.into_iter().chain(announced).collect();
        let confirmation = AddressConfirmation { digest, from: former.email.clone(), now, errands };
        let (auth, client, id, former) = (Arc::clone(self), client.clone(), former.id, former.clone());
        to_the_end(async move {
            let confirmed = auth.store.confirm_address(confirmation).await?;
            auth.wake_outbox();
            match confirmed {
                Confirmed::Confirmed(account) => {
                    auth.note_of_mail(id, &client, AuditKind::AddressConfirmed, AuditOutcome::Success, "");
                    auth.tell_of_confirmed(former, &account, &client).await;
                    Ok(account)
                }
                Confirmed::Refused => Err(ConfirmationError::Refused),
                Confirmed::Taken => {
                    let failure = AuditOutcome::Failure;
                    auth.note_of_mail(id, &client, AuditKind::AddressConfirmed, failure, "email_taken");
                    Err(ConfirmationError::Refused)
                }
            }
        })
        .await
    }

    async fn tell_of_confirmed(&self, before: Account, after: &Account, client: &Client) {
        if before.email != after.email {
            let changed = || Changed { before, after: after.clone(), caller: Caller::of(client) };
            self.tell_hooks(|| After::EmailChange(changed())).await;
        }
        self.tell_hooks(|| After::EmailConfirmed(Concerning::of(after, Caller::of(client)))).await;
    }

    /// Counts a mail; says how long to wait where there have been enough.
    pub(crate) async fn count_mail(&self, key: &ThrottleKey) -> Result<Option<Duration>, StoreError> {
        let policy = &self.policy.throttle;
        if !policy.is_enabled {
            return Ok(None);
        }
        match self.throttle.count(key, policy.mails, policy.mail_window).await? {
            Count::Counted(_) => Ok(None),
            Count::LimitReached { retry_after } => Ok(Some(retry_after)),
        }
    }

    pub(crate) fn note_of_mail(
        &self,
        account_id: AccountId,
        client: &Client,
        kind: AuditKind,
        outcome: AuditOutcome,
        detail: &'static str,
    ) {
        self.audit.record(AuditEvent {
            at: self.clock.now(),
            kind,
            outcome,
            account_id: Some(account_id),
            actor_id: None,
            session_id: None,
            address: client.address.to_string(),
            detail,
        });
    }
}

/// The owner of an account.
pub(crate) fn recipient(account: &Account, language: Option<Language>) -> Recipient<'_> {
    Recipient {
        account_id: account.id,
        email: &account.email,
        username: account.username.as_deref(),
        language,
    }
}
