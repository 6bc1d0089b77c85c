//! What whoever is refused is told: the problems and challenges of Vestibule's own server.

use std::{fmt, time::Duration};

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;
use uuid::Uuid;
use vestibule_token::{access::AccessClaims, random::random_bytes, scope::is_scope_name};

use crate::verifier::VerifyError;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalKind {
    /// There is no token: 401 `not_authenticated`.
    NotAuthenticated,
    /// The token is no good, and why is not said: 401 `invalid_token`.
    InvalidToken,
    /// The token lacks a scope: 403 `insufficient_scope`.
    InsufficientScope {
        /// What is needed, separated by spaces.
        needed: String,
    },
    /// The account lacks a permission: 403 `forbidden`.
    Forbidden,
    /// The issuer's keys cannot be had: 503 `unavailable`.
    Unavailable {
        /// When asking again may help.
        retry_after: Duration,
    },
}

/// An answer of `application/problem+json` (RFC 9457), with an RFC 6750 challenge where it is 401 or for want of scope.
///
/// With the feature `axum` it is a response; elsewhere [`Refusal::into_response`] makes one of any body.
///
/// ```
/// use vestibule_verifier::{Refusal, RefusalKind};
///
/// let answer = Refusal::new(RefusalKind::NotAuthenticated).into_response::<Vec<u8>>();
/// assert_eq!(answer.status(), 401);
/// assert_eq!(answer.headers()["www-authenticate"], "Bearer");
/// ```
#[derive(Debug)]
pub struct Refusal {
    id: Uuid,
    kind: RefusalKind,
    cause: Option<VerifyError>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words().2)
    }
}

impl std::error::Error for Refusal {}

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        let kind = match error {
            VerifyError::Rejected(_) => RefusalKind::InvalidToken,
            VerifyError::Unavailable { retry_after } => RefusalKind::Unavailable { retry_after },
        };
        Self { cause: Some(error), ..Self::new(kind) }
    }
}

impl Refusal {
    /// Makes a refusal, with an id of its own.
    #[must_use]
    pub fn new(kind: RefusalKind) -> Self {
        Self { id: uuid::Builder::from_random_bytes(random_bytes()).into_uuid(), kind, cause: None }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &RefusalKind {
        &self.kind
    }

    /// The status it is answered with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.words().0
    }

    /// Whether a token has all of these scopes.
    ///
    /// # Errors
    /// The 403 that names them.
    pub fn unless_scopes<'s>(
        claims: &AccessClaims,
        needed: impl IntoIterator<Item = &'s str>,
    ) -> Result<(), Self> {
        let needed: Vec<&str> = needed.into_iter().collect();
        if claims.has_scopes(needed.iter().copied()) {
            return Ok(());
        }
        Err(Self::new(RefusalKind::InsufficientScope { needed: needed.join(" ") }))
    }

    /// Whether the account had this permission when the token was made.
    ///
    /// # Errors
    /// The 403.
    pub fn unless_permission(claims: &AccessClaims, name: &str) -> Result<(), Self> {
        if claims.has_permission(name) { Ok(()) } else { Err(Self::new(RefusalKind::Forbidden)) }
    }

    /// Status, code and sentence, as the server has them.
    const fn words(&self) -> (StatusCode, &'static str, &'static str) {
        match self.kind {
            RefusalKind::NotAuthenticated => {
                (StatusCode::UNAUTHORIZED, "not_authenticated", "Not authenticated")
            }
            RefusalKind::InvalidToken => {
                (StatusCode::UNAUTHORIZED, "invalid_token", "The token is not valid")
            }
            RefusalKind::InsufficientScope { .. } => {
                (StatusCode::FORBIDDEN, "insufficient_scope", "The token's scope does not allow this")
            }
            RefusalKind::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "Not allowed"),
            RefusalKind::Unavailable { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "The service is not available, try again later",
            ),
        }
    }

    /// Makes the answer, and writes the cause into the log under the id that the answer shows.
    #[must_use]
    pub fn into_response<B: From<Vec<u8>>>(self) -> Response<B> {
        let (status, code, detail) = self.words();
        let cause = self.cause.as_ref().map(tracing::field::display);
        // An outage is said once where it begins; who was refused for it is a detail.
        tracing::debug!(error_id = %self.id, code, cause, "a request was refused");
        let body = json!({
            "type": format!("urn:vestibule:problem:{code}"),
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": detail,
            "code": code,
            "kind": if status.is_server_error() { "technical" } else { "functional" },
            "id": self.id.to_string(),
        });
        let mut response = Response::new(B::from(body.to_string().into_bytes()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self.kind {
            RefusalKind::Unavailable { retry_after } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(retry_after)));
            }
            kind => {
                if let Some(challenge) = challenge(&kind) {
                    headers.insert(header::WWW_AUTHENTICATE, challenge);
                }
            }
        }
        response
    }
}

/// RFC 6750 §3.
fn challenge(kind: &RefusalKind) -> Option<HeaderValue> {
    match kind {
        RefusalKind::NotAuthenticated => Some(HeaderValue::from_static("Bearer")),
        RefusalKind::InvalidToken => Some(HeaderValue::from_static("Bearer error=\"invalid_token\"")),
        RefusalKind::InsufficientScope { needed } => {
            // A name that is no scope could end the quoted string.
            let is_plain = needed.split(' ').all(is_scope_name);
            let named = format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\"");
            let named = HeaderValue::try_from(named).ok().filter(|_| is_plain);
            Some(named.unwrap_or(HeaderValue::from_static("Bearer error=\"insufficient_scope\"")))
        }
        RefusalKind::Forbidden | RefusalKind::Unavailable { .. } => None,
    }
}

/// Rounded up, at least 1.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(feature = "axum")]
impl axum_core::response::IntoResponse for Refusal {
    fn into_response(self) -> axum_core::response::Response {
        Self::into_response(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_named_in_the_challenge_and_breaks_out_of_nothing() {
        let of = |needed: &str| challenge(&RefusalKind::InsufficientScope { needed: needed.into() }).unwrap();
        assert_eq!(of("a b:c"), "Bearer error=\"insufficient_scope\", scope=\"a b:c\"");
        for odd in ["a\r\nSet-Cookie: x", "a\", realm=\"b", "", "ä"] {
            assert_eq!(of(odd), "Bearer error=\"insufficient_scope\"", "{odd:?}");
        }
    }

    #[test]
    fn an_outage_says_when_to_ask_again() {
        let retry_after = Duration::from_millis(1500);
        let answer = Refusal::new(RefusalKind::Unavailable { retry_after }).into_response::<Vec<u8>>();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["retry-after"]),
            (503, &HeaderValue::from(2))
        );
    }
}
