//! Logging in with a name and a password: the one way in, whichever route it came by.
//!
//! Stores a session and the moment of the last login. Steered by `throttle.login_attempts`, `throttle.account_failures` and
//! what belongs to them. Defends against guessing (the attempt is counted before the work), enumeration (an unknown name
//! costs what a wrong password costs), and passwords changed while they were being verified.

mod entry;
mod error;
mod record;
mod session;

use std::sync::Arc;

use self::entry::Found;
pub use self::error::LoginError;
pub(crate) use self::session::Birth;
use crate::{
    Auth,
    detach::to_the_end,
    hooks::Before,
    ports::{
        hasher::Verification,
        hooks::{Caller, Concerning, LogIn},
    },
    token::TokenPair,
    values::{
        account::{Account, Credentials},
        client::Client,
        device::{Device, DeviceToken},
        password::{Password, PasswordHash},
        scope::Scopes,
        session::SessionId,
    },
};

/// How often a login begins anew where the account changes under it; the second time is enough for every honest case.
const TRIES: u32 = 3;

/// Somebody who says who they are.
#[derive(Debug)]
pub struct LoginAttempt {
    /// A user name or an e-mail address, as typed.
    pub name: String,
    /// The password, as typed.
    pub password: Password,
    /// The scope asked for; what is granted may be less.
    pub scope: Scopes,
    /// The token of a captcha, where the caller sent one.
    pub captcha: Option<String>,
    /// Who is calling.
    pub client: Client,
    /// What is logged in with, and what it has kept of earlier logins.
    pub device: Device,
    /// The session whose cookie came along; it ends with the login.
    pub replaces: Option<SessionId>,
    /// Whether an account that its owner has deleted is to be brought back, while it can be.
    pub restores: bool,
}

/// A password that was right, for the hash it was compared with.
struct Verified {
    credentials: Credentials,
    hash: PasswordHash,
}

/// A login that succeeded.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// Who it is.
    pub account: Account,
    /// The new session.
    pub session_id: SessionId,
    /// The tokens to hand out.
    pub tokens: TokenPair,
    /// What the browser is to keep, so that it is known again; `None` for a program.
    pub device: Option<DeviceToken>,
}

impl LoggedIn {
    fn event(&self, client: &Client) -> LogIn {
        let (account, session_id) = (self.account.clone(), self.session_id);
        LogIn { account, session_id, caller: Caller::of(client) }
    }
}

impl Auth {
    /// Logs somebody in: counts the attempt, verifies the password, opens a session.
    ///
    /// # Errors
    /// [`LoginError`]. Unknown names, accounts without a password and wrong passwords are one and the same.
    ///
    /// # Security
    /// The attempt is counted before the password is looked at, so parallel guesses cannot outrun the limit; it is
    /// given back on success and where the failure is ours.
    pub async fn log_in(self: &Arc<Self>, attempt: LoginAttempt) -> Result<LoggedIn, LoginError> {
        let (mut entry, found) = match self.enter(&attempt).await {
            Ok(entered) => entered,
            Err(outcome) => return outcome,
        };
        let mut found = Some(found);
        let attempt = Arc::new(attempt);
        for _ in 0..TRIES {
            let verified = match self.verify(&attempt, found.take()).await {
                Ok(Some(verified)) => verified,
                Ok(None) => continue,
                Err(error) => return entry.end(Err(error)).await,
            };
            let (auth, attempt) = (Arc::clone(self), Arc::clone(&attempt));
            let opened = to_the_end(async move {
                match auth.open_session(&entry.attempt, verified, &attempt).await {
                    Ok(Some(login)) => Ok(entry.end(Ok(login)).await),
                    Ok(None) => Err(entry),
                    Err(error) => Ok(entry.end(Err(error)).await),
                }
            });
            match opened.await {
                Ok(outcome) => return outcome,
                Err(unended) => entry = unended,
            }
        }
        entry.end(Err(LoginError::InvalidCredentials)).await
    }

    /// Verifies the password; `None` where the account changed meanwhile, so that it must be looked at again.
    async fn verify(
        self: &Arc<Self>,
        attempt: &LoginAttempt,
        found: Option<Found>,
    ) -> Result<Option<Verified>, LoginError> {
        if !self.policy.passwords.may_be_hashed(&attempt.password) {
            return Err(LoginError::InvalidCredentials);
        }
        let Found(found) = match found {
            Some(found) => found,
            None => self.look_up(attempt).await?,
        };
        let is_unknown = found.is_none();
        let stored = found.as_ref().and_then(|found| found.password_hash.clone());
        let network = attempt.client.network();
        let verification = self.hasher.verify(stored.clone(), attempt.password.clone(), network).await?;
        let (Some(credentials), Some(hash), Verification::Right { is_outdated }) =
            (found, stored, verification)
        else {
            return Err(self.wrong(is_unknown));
        };
        if !credentials.account.active {
            return self.meet_inactive(&credentials, attempt).await.map(|()| None);
        }
        if self.policy.registration.requires_confirmation && !credentials.account.confirmed {
            self.remind_of_confirmation(&credentials).await;
            return Err(LoginError::EmailNotConfirmed);
        }
        let about = || Concerning::of(&credentials.account, Caller::of(&attempt.client));
        self.ask_hooks(|| Before::Login(about())).await?;
        let hash =
            if is_outdated { self.upgrade_hash(&credentials, hash, attempt).await } else { Some(hash) };
        Ok(hash.map(|hash| Verified { credentials, hash }))
    }

    /// What whoever does not have the right password is told: one and the same, unless it was asked to be told apart.
    const fn wrong(&self, is_unknown: bool) -> LoginError {
        if is_unknown && self.policy.danger.reveals_unknown_accounts {
            LoginError::UnknownAccount
        } else {
            LoginError::InvalidCredentials
        }
    }

    /// What whoever has the right password to an account out of use is told; nothing where it is back in use.
    async fn meet_inactive(
        self: &Arc<Self>,
        credentials: &Credentials,
        attempt: &LoginAttempt,
    ) -> Result<(), LoginError> {
        let is_revealed = self.policy.danger.reveals_unknown_accounts;
        let disabled = || LoginError::AccountDisabled { is_revealed };
        let deletion = credentials.deletion.ok_or_else(disabled)?;
        // Whether the upkeep has come by is nobody's business: the account is gone.
        if deletion.at <= self.clock.now() {
            return Err(self.wrong(true));
        }
        if !deletion.may_be_restored {
            return Err(disabled());
        }
        if !attempt.restores {
            return Err(LoginError::DeletionPending { at: deletion.at });
        }
        self.restore(credentials.account.id, &attempt.client).await?;
        Ok(())
    }

    /// Replaces a hash made with other parameters. Where that cannot be done, the old one still serves; `None` where
    /// it is no longer the account's.
    async fn upgrade_hash(
        &self,
        credentials: &Credentials,
        old: PasswordHash,
        attempt: &LoginAttempt,
    ) -> Option<PasswordHash> {
        let id = credentials.account.id;
        let Ok(new) = self.hasher.hash(attempt.password.clone(), attempt.client.network()).await else {
            return Some(old);
        };
        match self.store.update_password_hash(id, old.clone(), new.clone()).await {
            Ok(is_replaced) => is_replaced.then_some(new),
            Err(error) => {
                tracing::warn!(%error, "a password hash could not be upgraded");
                Some(old)
            }
        }
    }
}
