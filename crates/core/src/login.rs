//! Logging in with a name and a password: the one way in, whichever route it came by.
//!
//! Stores a session and the moment of the last login. Steered by `throttle.login_attempts`, `throttle.account_failures` and
//! what belongs to them. Defends against guessing (the attempt is counted before the work), enumeration (an unknown name
//! costs what a wrong password costs), and passwords changed while they were being verified.

mod entry;
mod record;

use std::{sync::Arc, time::Duration};

use self::entry::Found;
use crate::{
    Auth,
    captcha::CaptchaError,
    detach::to_the_end,
    gate::{Attempt, Limit},
    hooks::{After, Before},
    ports::{
        clock::Timestamp,
        hasher::{HashError, Verification},
        hooks::{Caller, Concerning, HookError, LogIn},
        store::{Opening, SessionOpening, StoreError},
    },
    token::{Issue, SigningError, TokenPair},
    values::{
        account::{Account, AccountId, Credentials},
        client::Client,
        device::{Device, DeviceToken},
        password::{Password, PasswordHash},
        scope::Scopes,
        session::{NewSession, SessionId},
    },
};

/// How often a login begins anew where the account changes under it; the second time is enough for every honest case.
const TRIES: u32 = 3;
/// The generation of a session's first refresh token.
pub(crate) const FIRST_GENERATION: u64 = 0;

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

/// What a session begins with.
pub(crate) struct Birth {
    pub(crate) account_id: AccountId,
    pub(crate) scope: Scopes,
    /// Sessions begun at or before this moment are dead.
    pub(crate) cutoff_at: Timestamp,
    pub(crate) client: Client,
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

/// Why nobody is logged in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// Too many attempts.
    #[error("too many attempts; again in {} s", retry_after.as_secs())]
    RateLimited {
        /// Which limit.
        limit: Limit,
        /// Until another try is worth it.
        retry_after: Duration,
    },
    /// There have been failures, and no captcha was solved, or nobody can say.
    #[error(transparent)]
    Captcha(#[from] CaptchaError),
    /// No such account, no password, or a wrong one: which, nobody is told.
    #[error("name or password is wrong")]
    InvalidCredentials,
    /// No such account; told only where [`crate::danger::reveal_unknown_accounts`] asks for it.
    #[error("there is no such account")]
    UnknownAccount,
    /// The password is right, but the account may not be used.
    #[error("the account is disabled")]
    AccountDisabled {
        /// Whether [`crate::danger::reveal_unknown_accounts`] is in force, which says it in its own words.
        is_revealed: bool,
    },
    /// The password is right, but the account waits for its deletion, which its owner asked for.
    #[error("the account is to be deleted at {}", at.to_rfc3339())]
    DeletionPending {
        /// When it is deleted.
        at: Timestamp,
    },
    /// The password is right, but the address has to be proved first; a new link may be on its way there.
    #[error("the address is not confirmed")]
    EmailNotConfirmed,
    /// The password is right, but the application does not want it, or could not be asked.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// The password could not be verified.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tokens could not be made.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

impl LoginError {
    /// The stable code for the audit log.
    const fn code(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate_limited",
            Self::Captcha(error) => error.code(),
            Self::InvalidCredentials => "invalid_credentials",
            Self::UnknownAccount => "unknown_account",
            Self::AccountDisabled { .. } => "account_disabled",
            Self::DeletionPending { .. } => "deletion_pending",
            Self::EmailNotConfirmed => "email_not_confirmed",
            Self::Hook(HookError::Vetoed(_)) => "vetoed",
            Self::Hash(HashError::Overloaded { .. }) => "overloaded",
            Self::Hash(_) | Self::Store(StoreError::Unavailable(_)) => "unavailable",
            Self::Hook(_) | Self::Store(_) | Self::Signing(_) => "internal",
        }
    }

    /// Whether it was no fault of the caller's, so that the attempt must not count.
    const fn is_ours(&self) -> bool {
        match self {
            Self::Captcha(error) => error.is_free(),
            Self::Hash(_) | Self::Store(_) | Self::Signing(_) | Self::Hook(HookError::Failed { .. }) => true,
            _ => false,
        }
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

    /// Opens the session; `None` where the account was banned, deleted or given another hash meanwhile.
    async fn open_session(
        &self,
        admitted: &Attempt,
        verified: Verified,
        attempt: &LoginAttempt,
    ) -> Result<Option<LoggedIn>, LoginError> {
        let Verified { credentials, hash } = verified;
        let account = &credentials.account;
        let scope = attempt.scope.intersection(&self.policy.tokens.scopes).intersection(&account.permissions);
        let birth = Birth {
            account_id: account.id,
            scope,
            cutoff_at: credentials.cutoff_at,
            client: attempt.client.clone(),
        };
        let session = NewSession { replaces: attempt.replaces, ..self.new_session(admitted, birth) };
        // A clock that is behind the one of a reset must not make a stranger of a device that logs in after it.
        let born = session.created_at;
        let token = attempt.device.after_login(&self.master, account.id, born);
        let device =
            token.as_ref().map_or_else(|| Device::of_program(&self.master, &attempt.client), DeviceToken::id);
        let session = NewSession { device: Some(device), ..session };
        let arrival = self.arrival(&credentials, attempt, token.as_ref(), born)?;
        let opening = SessionOpening {
            session: session.clone(),
            verified: hash,
            arrival: Some(arrival),
            limit: self.policy.tokens.sessions_per_account,
        };
        match self.store.open_session(opening).await? {
            Opening::Opened { account, ended, is_told } => {
                if is_told {
                    self.wake_outbox();
                }
                self.revocations.learn_sessions(&ended);
                metrics::counter!("vestibule_sessions_opened_total").increment(1);
                metrics::counter!("vestibule_sessions_ended_total").increment(ended.len() as u64);
                let login = self.hand_out(account, &session, token)?;
                self.tell_hooks(|| After::Login(login.event(&attempt.client))).await;
                Ok(Some(login))
            }
            Opening::Refused => Ok(None),
        }
    }

    /// A session born now, or just after the last cut-off where that lies ahead of this machine's clock.
    ///
    /// # Security
    /// It takes what only the gate gives, so that no way in forgets to count.
    pub(crate) fn new_session(&self, _: &Attempt, birth: Birth) -> NewSession {
        let Birth { account_id, scope, cutoff_at, client } = birth;
        let policy = &self.policy.tokens;
        let created_at = self.clock.now().max(cutoff_at.plus(Duration::from_millis(1)));
        let ends_at = created_at.plus(policy.refresh_max);
        NewSession {
            id: SessionId::new(created_at),
            account_id,
            scope,
            created_at,
            expires_at: created_at.plus(policy.refresh_ttl).min(ends_at),
            ends_at,
            access_until: created_at.plus(policy.access_reach()),
            client,
            device: None,
            replaces: None,
        }
    }

    /// The tokens of a session that has just been opened, and what its device is to keep.
    pub(crate) fn hand_out(
        &self,
        account: Account,
        session: &NewSession,
        device: Option<DeviceToken>,
    ) -> Result<LoggedIn, SigningError> {
        let tokens = self.issue_tokens(&Issue {
            at: self.clock.now(),
            account: &account,
            session_id: session.id,
            generation: FIRST_GENERATION,
            scope: &session.scope,
            authenticated_at: session.created_at,
            expires_at: session.expires_at,
        })?;
        Ok(LoggedIn { account, session_id: session.id, tokens, device })
    }
}
