//! Why a request goes no further: the one table of codes, statuses and sentences of this crate.
//!
//! They are the same that the engine's routes answer with, so that a client sees one kind of error.

use std::time::Duration;

use http::StatusCode;
use vestibule_token::scope::{Scopes, is_scope_name};

use crate::authenticator::{BadToken, Failure, VerifyError};

/// Why a request goes no further.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// It carries no credentials.
    NotAuthenticated,
    /// It carries some, and they are bad.
    InvalidToken(BadToken),
    /// A cookie authenticates it, and nothing proves that it comes from our own pages.
    CrossSite,
    /// The token's scopes do not suffice; these are needed.
    InsufficientScope(Scopes),
    /// The person proved who they are longer ago than this.
    NotFresh(Duration),
    /// The user may not.
    Forbidden,
    /// The user's e-mail address has not been verified.
    EmailNotConfirmed,
    /// The body that may hold the token is longer than is looked at.
    PayloadTooLarge,
    /// Something of ours failed.
    Failed(Failure),
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAuthenticated => "not_authenticated",
            Self::InvalidToken(_) => "invalid_token",
            Self::CrossSite => "cross_site_request",
            Self::InsufficientScope(_) => "insufficient_scope",
            Self::NotFresh(_) => "fresh_login_required",
            Self::Forbidden => "forbidden",
            Self::EmailNotConfirmed => "email_not_confirmed",
            Self::PayloadTooLarge => "payload_too_large",
            Self::Failed(failure) if failure.is_outage => "unavailable",
            Self::Failed(_) => "internal",
        }
    }

    /// The status it is answered with, unless the application chooses another.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::NotAuthenticated | Self::InvalidToken(_) | Self::NotFresh(_) => StatusCode::UNAUTHORIZED,
            Self::CrossSite | Self::InsufficientScope(_) | Self::Forbidden | Self::EmailNotConfirmed => {
                StatusCode::FORBIDDEN
            }
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Failed(failure) if failure.is_outage => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The sentence for the client.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::NotAuthenticated => "Not authenticated".into(),
            Self::InvalidToken(BadToken::WrongType { expected }) => {
                format!("The token is not valid here: one of type `{expected}` is expected")
            }
            Self::InvalidToken(_) => "The token is not valid".into(),
            Self::CrossSite => "The request does not prove that it comes from our own pages".into(),
            Self::InsufficientScope(_) => "The token's scope does not allow this".into(),
            Self::NotFresh(_) => "Log in again to do this".into(),
            Self::Forbidden => "Not allowed".into(),
            Self::EmailNotConfirmed => "The e-mail address is not confirmed".into(),
            Self::PayloadTooLarge => "The body is too large".into(),
            Self::Failed(failure) if failure.is_outage => {
                "The service is not available, try again later".into()
            }
            Self::Failed(_) => "Something went wrong".into(),
        }
    }

    /// `WWW-Authenticate` (RFC 6750 §3, RFC 9470 §3); a 401 always has one.
    #[must_use]
    pub fn challenge(&self) -> Option<String> {
        match self {
            Self::NotAuthenticated => Some("Bearer".into()),
            Self::InvalidToken(BadToken::WrongType { expected }) => Some(format!(
                "Bearer error=\"invalid_token\", error_description=\"a token of type {expected} is expected\""
            )),
            Self::InvalidToken(_) => Some("Bearer error=\"invalid_token\"".into()),
            Self::InsufficientScope(needed) if is_quotable(needed) => {
                Some(format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\""))
            }
            Self::InsufficientScope(_) => Some("Bearer error=\"insufficient_scope\"".into()),
            Self::NotFresh(limit) => Some(format!(
                "Bearer error=\"insufficient_user_authentication\", max_age=\"{}\"",
                limit.as_secs()
            )),
            _ => None,
        }
    }

    /// Whether logging in, or logging in again, would help: what a redirect to the login page is for.
    #[must_use]
    pub const fn is_unauthenticated(&self) -> bool {
        matches!(self, Self::NotAuthenticated | Self::InvalidToken(_) | Self::NotFresh(_))
    }
}

/// Whether the names of scopes stay inside of a quoted string, wherever the application has them from.
fn is_quotable(scopes: &Scopes) -> bool {
    scopes.iter().all(is_scope_name)
}

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Refused(bad) => Self::InvalidToken(bad),
            VerifyError::Failed(failure) => Self::Failed(failure),
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_named_in_the_challenge_and_breaks_out_of_nothing() {
        let of = |name: &str| Refusal::InsufficientScope([name].into_iter().collect()).challenge().unwrap();
        assert_eq!(of("a:b"), "Bearer error=\"insufficient_scope\", scope=\"a:b\"");
        for odd in ["a\r\nSet-Cookie: x", "a\", realm=\"b", "", "ä", "a\\"] {
            assert_eq!(of(odd), "Bearer error=\"insufficient_scope\"", "{odd:?}");
        }
    }
}
