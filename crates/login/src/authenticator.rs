//! How a token becomes a person: the one thing a manager needs, whoever's users they are.

use std::{error::Error, fmt};

use async_trait::async_trait;
use vestibule_token::{claims::BadClaims, jws};

use crate::claims::LoginClaims;

/// A cause, for the log.
pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// Verifies tokens and loads the users they name.
///
/// A manager made from a secret or a key has its own; the engine of Vestibule is another, so that the same extractors
/// and layers work over both.
#[async_trait]
pub trait Authenticator<U>: Send + Sync {
    /// Verifies an access token of a full login.
    ///
    /// # Errors
    /// [`VerifyError::Refused`] for the caller's fault, [`VerifyError::Failed`] for ours.
    async fn verify(&self, token: &str) -> Result<LoginClaims, VerifyError>;

    /// Verifies a token of a login that still lacks its second factor; refuses everything unless there are such.
    ///
    /// # Errors
    /// As [`Authenticator::verify`].
    async fn verify_partial(&self, token: &str) -> Result<LoginClaims, VerifyError> {
        let _ = token;
        Err(BadToken::WrongType { expected: "none".into() }.into())
    }

    /// Whether the value that a request submits ([`Csrf`](crate::Csrf)) is the one of the login that its token belongs
    /// to.
    ///
    /// # Security
    /// Compare in constant time.
    fn confirms_csrf(&self, claims: &LoginClaims, submitted: &str) -> bool {
        claims.csrf.as_ref().is_some_and(|expected| expected.is(submitted))
    }

    /// Loads the user that a verified token names; `None` where there is none, or none any more.
    ///
    /// # Errors
    /// [`Failure`], where it cannot be told.
    async fn load(&self, claims: &LoginClaims) -> Result<Option<U>, Failure>;
}

/// Why a token that is there opens nothing: for logs, and hardly ever for whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadToken {
    /// The place where it should be holds something that is no token, or several.
    #[error("what was sent is no token")]
    Unreadable,
    /// It is no token of ours.
    #[error("the token is refused: {0}")]
    Signature(#[from] jws::Refused),
    /// Its claims are wrong, or it has expired.
    #[error("the token is refused: {0}")]
    Claims(#[from] BadClaims),
    /// It is of another type of login.
    #[error("a token of type `{expected}` is expected")]
    WrongType {
        /// The type that would have been right.
        expected: String,
    },
    /// It has been revoked.
    #[error("the token has been revoked")]
    Revoked,
    /// Nobody has the name in it any more.
    #[error("the token's user does not exist")]
    UnknownUser,
}

/// Why a token could not be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The token is bad.
    #[error(transparent)]
    Refused(#[from] BadToken),
    /// It cannot be told whether the token is bad.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<jws::Refused> for VerifyError {
    fn from(refused: jws::Refused) -> Self {
        Self::Refused(refused.into())
    }
}

impl From<BadClaims> for VerifyError {
    fn from(bad: BadClaims) -> Self {
        Self::Refused(bad.into())
    }
}

/// Something of ours failed: a 5xx that says nothing, with its cause in the log.
#[derive(Debug)]
pub struct Failure {
    pub(crate) cause: Cause,
    pub(crate) is_outage: bool,
}

impl Failure {
    /// A bug or a broken part: 500.
    pub fn broken(cause: impl Into<Cause>) -> Self {
        Self { cause: cause.into(), is_outage: false }
    }

    /// Something that is away and comes back: 503.
    pub fn unavailable(cause: impl Into<Cause>) -> Self {
        Self { cause: cause.into(), is_outage: true }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}
