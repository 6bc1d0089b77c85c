//! Why nobody is logged in, and what the audit log calls it.

use std::time::Duration;

use crate::{
    captcha::CaptchaError,
    gate::Limit,
    ports::{clock::Timestamp, hasher::HashError, hooks::HookError, store::StoreError},
    token::SigningError,
};

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
    pub(super) const fn code(&self) -> &'static str {
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
    pub(super) const fn is_ours(&self) -> bool {
        match self {
            Self::Captcha(error) => error.is_free(),
            Self::Hash(_) | Self::Store(_) | Self::Signing(_) | Self::Hook(HookError::Failed { .. }) => true,
            _ => false,
        }
    }
}
