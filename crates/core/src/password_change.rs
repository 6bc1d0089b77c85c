//! Changing a password one knows, and setting one where there is none.
//!
//! Stores the new hash if the old one still is what was verified. Steered by `passwords.*` and the login limit. Other
//! sessions end, and no other browser is known any more: who changes a password may have lost the old one to somebody.

use std::{sync::Arc, time::Duration};

use crate::{
    Auth,
    confirmation::recipient,
    detach::to_the_end,
    gate::{GateError, Limit},
    hooks::{After, Before},
    password_reset::TypedTwice,
    ports::{
        audit::{AuditEvent, AuditKind, AuditOutcome},
        clock::Timestamp,
        hasher::{HashError, Verification},
        hooks::{HookError, PasswordReason, PasswordSetting},
        notifier::EventKind,
        store::{PasswordChange, StoreError},
        throttle::ThrottleKey,
    },
    values::{
        account::{Account, Credentials},
        client::Client,
        device::{Device, DeviceToken},
        message::Content,
        password::{Password, PasswordHash},
        rule::RuleViolation,
        session::SessionId,
        username::LoginName,
    },
};

/// Why the password is what it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordChangeError {
    /// The old password is wrong, or there is none.
    #[error("the old password is wrong")]
    Wrong,
    /// There is a password already.
    #[error("the account has a password")]
    Exists,
    /// Too many attempts.
    #[error("too many attempts; again in {} s", retry_after.as_secs())]
    RateLimited {
        /// Which limit.
        limit: Limit,
        /// Until another try is worth it.
        retry_after: Duration,
    },
    /// The new password breaks rules.
    #[error("{} rules are broken", .0.len())]
    Rules(Vec<RuleViolation>),
    /// The application does not want it, or could not be asked.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// A password could not be verified or hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whoever gives their own account another password.
#[derive(Clone, Copy, Debug)]
pub struct PasswordOwner<'a> {
    /// Whose password it is.
    pub account: &'a Account,
    /// The session that goes on.
    pub session_id: SessionId,
    /// Who is calling.
    pub client: &'a Client,
    /// What is called with: the one device that stays known.
    pub device: &'a Device,
}

/// Somebody who is logged in and is asked for their password again.
#[derive(Clone, Copy)]
pub(crate) struct LoggedInAs<'a> {
    pub(crate) account: &'a Account,
    pub(crate) session_id: SessionId,
    pub(crate) client: &'a Client,
}

impl LoggedInAs<'_> {
    fn failure(&self, at: Timestamp, kind: AuditKind, detail: &'static str) -> AuditEvent {
        AuditEvent {
            at,
            kind,
            outcome: AuditOutcome::Failure,
            account_id: Some(self.account.id),
            actor_id: None,
            session_id: Some(self.session_id),
            address: self.client.address.to_string(),
            detail,
        }
    }
}

impl Auth {
    /// Whether the account has a password.
    ///
    /// # Errors
    /// An outage of the store.
    pub async fn has_password(&self, account: &Account) -> Result<bool, StoreError> {
        Ok(self.credentials_of(account).await?.is_some_and(|found| found.password_hash.is_some()))
    }

    /// Changes the password of somebody who knows the old one; every other session ends, and every other device is a
    /// stranger's. Returns what a browser is to keep, so that it stays known.
    ///
    /// # Errors
    /// [`PasswordChangeError`].
    ///
    /// # Security
    /// A guess at the old password counts like a login, and costs like one where there is no password.
    pub async fn change_password(
        self: &Arc<Self>,
        owner: PasswordOwner<'_>,
        old: Password,
        new: TypedTwice,
    ) -> Result<Option<DeviceToken>, PasswordChangeError> {
        let PasswordOwner { account, session_id, client, .. } = owner;
        let session = LoggedInAs { account, session_id, client };
        let verified = self.verify_again(session, old, AuditKind::PasswordChanged).await?;
        self.replace_password(owner, Some(verified), new).await
    }

    /// Sets the first password of an account that has none; every other session ends, and every other device is a
    /// stranger's. Returns what a browser is to keep, so that it stays known.
    ///
    /// # Errors
    /// [`PasswordChangeError`].
    pub async fn set_password(
        self: &Arc<Self>,
        owner: PasswordOwner<'_>,
        new: TypedTwice,
    ) -> Result<Option<DeviceToken>, PasswordChangeError> {
        if self.has_password(owner.account).await? {
            return Err(PasswordChangeError::Exists);
        }
        self.replace_password(owner, None, new).await
    }

    /// Verifies the password of somebody who is logged in, once more; returns the hash it was verified against. A wrong one
    /// is written down as a failure of what it was asked for.
    pub(crate) async fn verify_again(
        &self,
        who: LoggedInAs<'_>,
        password: Password,
        purpose: AuditKind,
    ) -> Result<PasswordHash, PasswordChangeError> {
        let LoggedInAs { account, session_id, client } = who;
        let found = self.credentials_of(account).await?;
        let attempt = match self.admit_again(client.network(), session_id, found.as_ref()).await {
            Ok(attempt) => attempt,
            Err(GateError::Store(error)) => return Err(error.into()),
            Err(GateError::Closed { key, retry_after }) => {
                return Err(self.refuse_again(who, purpose, &key, retry_after));
            }
        };
        let outcome = self.verify_password_of(found, password, client).await;
        match &outcome {
            Ok(_) => self.succeed(attempt).await,
            Err(PasswordChangeError::Wrong) => {
                self.audit.record(who.failure(self.clock.now(), purpose, "wrong_password"));
            }
            Err(_) => self.give_back(attempt).await,
        }
        outcome
    }

    /// Refuses a guess from a session, and says so once while the limit lasts: whoever guesses from a stolen session must
    /// leave a trace.
    fn refuse_again(
        &self,
        who: LoggedInAs<'_>,
        purpose: AuditKind,
        key: &ThrottleKey,
        retry_after: Duration,
    ) -> PasswordChangeError {
        let (limit, now) = (Limit::of(key), self.clock.now());
        if self.limit_notices.is_first(key, now.plus(retry_after), now) {
            let (address, account) = (&who.client.address, who.account.id);
            tracing::warn!(%address, %account, limit = limit.as_str(), "a limit on passwords asked for again is reached");
            self.audit.record(who.failure(now, purpose, limit.as_str()));
        }
        PasswordChangeError::RateLimited { limit, retry_after }
    }

    async fn verify_password_of(
        &self,
        found: Option<Credentials>,
        password: Password,
        client: &Client,
    ) -> Result<PasswordHash, PasswordChangeError> {
        if !self.policy.passwords.may_be_hashed(&password) {
            return Err(PasswordChangeError::Wrong);
        }
        let stored = found.and_then(|found| found.password_hash);
        match (self.hasher.verify(stored.clone(), password, client.network()).await?, stored) {
            (Verification::Right { .. }, Some(hash)) => Ok(hash),
            _ => Err(PasswordChangeError::Wrong),
        }
    }

    async fn replace_password(
        self: &Arc<Self>,
        owner: PasswordOwner<'_>,
        from: Option<PasswordHash>,
        new: TypedTwice,
    ) -> Result<Option<DeviceToken>, PasswordChangeError> {
        let PasswordOwner { account, session_id: keep, client, device } = owner;
        let broken = self.check_typed_twice(account, &new).await;
        if !broken.is_empty() {
            return Err(PasswordChangeError::Rules(broken));
        }
        let reason = if from.is_none() { PasswordReason::First } else { PasswordReason::Changed };
        let setting = PasswordSetting::of(account, reason, client);
        self.ask_hooks(|| Before::PasswordChange(setting.clone())).await?;
        let to = self.hasher.hash(new.password, client.network()).await?;
        let now = self.clock.now();
        let language = self.credentials_of(account).await?.and_then(|found| found.language);
        let letter = self.letter(recipient(account, language), now, Content::PasswordChanged)?;
        let announced = self.announce(EventKind::PasswordChanged, account, now)?;
        let errands = letter.into_iter().chain(announced).collect();
        let is_first = from.is_none();
        let change = PasswordChange { account_id: account.id, from, to, keep, now, errands };
        let event = AuditEvent {
            at: now,
            kind: AuditKind::PasswordChanged,
            outcome: AuditOutcome::Success,
            account_id: Some(account.id),
            actor_id: None,
            session_id: Some(keep),
            address: client.address.to_string(),
            detail: if is_first { "first" } else { "" },
        };
        // After the change, or it would be a stranger's, too.
        let known_at = now.plus(Duration::from_millis(1));
        let device = device.after_login(&self.master, account.id, known_at);
        let auth = Arc::clone(self);
        to_the_end(async move {
            // Where it is another one by now, the password that was verified is wrong by now.
            let lost = if is_first { PasswordChangeError::Exists } else { PasswordChangeError::Wrong };
            let ended = auth.store.change_password(change).await?.ok_or(lost)?;
            auth.revocations.learn_sessions(&ended);
            metrics::counter!("vestibule_sessions_ended_total").increment(ended.len() as u64);
            auth.wake_outbox();
            auth.audit.record(event);
            auth.tell_hooks(|| After::PasswordChange(setting)).await;
            Ok(device)
        })
        .await
    }

    pub(crate) async fn credentials_of(&self, account: &Account) -> Result<Option<Credentials>, StoreError> {
        let found = self.store.find_credentials(&LoginName::read(&account.email)).await?;
        Ok(found.filter(|found| found.account.id == account.id))
    }
}
