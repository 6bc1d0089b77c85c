//! JWT claims (RFC 7519 §4) read from strangers: one by one, each of exactly its type.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{clock::Timestamp, scope::Scopes, strict_json::parse_object};

/// The `typ` of an access token (RFC 9068 §2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";
/// The last second that RFC 3339 can write.
const LAST_SECOND: i64 = 253_402_300_799;

/// Why a claims set is refused: for logs, never for whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadClaims {
    /// Not a JSON object without duplicates.
    #[error("its claims are no plain JSON object")]
    Malformed,
    /// A mandatory claim is missing or of the wrong type.
    #[error("claim `{0}` is missing or of the wrong type")]
    Claim(&'static str),
    /// `iss` is another issuer.
    #[error("it is from another issuer")]
    Issuer,
    /// `aud` does not name us.
    #[error("it is for another audience")]
    Audience,
    /// `exp` has passed.
    #[error("it has expired")]
    Expired,
    /// `iat` or `nbf` lies ahead.
    #[error("it is not valid yet")]
    NotYetValid,
}

/// The claims of a token whose signature has been verified; nothing in them has been checked yet.
///
/// ```
/// use std::time::Duration;
/// use vestibule_token::{claims::{BadClaims, Claims}, clock::Timestamp};
///
/// let claims = Claims::read(br#"{"sub":"ada","iat":100,"exp":"never"}"#)?;
/// assert_eq!(claims.string("sub"), Ok("ada"));
/// let now = Timestamp::from_millis(100_000);
/// assert_eq!(claims.check_times(Duration::ZERO, now), Err(BadClaims::Claim("exp")));
/// # Ok::<_, BadClaims>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`BadClaims::Malformed`] for what is no JSON object, or one with duplicate members at any level.
    pub fn read(payload: &[u8]) -> Result<Self, BadClaims> {
        parse_object(payload).map(Self).ok_or(BadClaims::Malformed)
    }

    /// A claim, whatever its type.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All of them.
    #[must_use]
    pub fn into_object(self) -> Map<String, Value> {
        self.0
    }

    /// Checks `iss`.
    ///
    /// # Errors
    /// [`BadClaims::Issuer`], or [`BadClaims::Claim`] where it is missing or no string.
    pub fn check_issuer(&self, expected: &str) -> Result<(), BadClaims> {
        if self.string("iss")? == expected { Ok(()) } else { Err(BadClaims::Issuer) }
    }

    /// Checks that `aud`, one or many, names `expected`.
    ///
    /// # Errors
    /// [`BadClaims::Audience`], or [`BadClaims::Claim`] where it is missing or no string or list of strings.
    pub fn check_audience(&self, expected: &str) -> Result<(), BadClaims> {
        let is_for_us = match self.get("aud") {
            Some(Value::String(one)) => one == expected,
            Some(Value::Array(many)) if many.iter().all(Value::is_string) => {
                many.iter().any(|one| one.as_str() == Some(expected))
            }
            _ => return Err(BadClaims::Claim("aud")),
        };
        if is_for_us { Ok(()) } else { Err(BadClaims::Audience) }
    }

    /// Checks `exp`, `iat` and, where there is one, `nbf`.
    ///
    /// # Errors
    /// [`BadClaims::Expired`], [`BadClaims::NotYetValid`], or [`BadClaims::Claim`].
    pub fn check_times(&self, leeway: Duration, now: Timestamp) -> Result<(), BadClaims> {
        if now >= self.moment("exp")?.plus(leeway) {
            return Err(BadClaims::Expired);
        }
        // A second of slack: `iat` is cut to whole seconds by every issuer, but nodes' clocks differ by a little.
        let latest = now.plus(leeway).plus(Duration::from_secs(1));
        let has_nbf = self.0.contains_key("nbf");
        if self.moment("iat")? > latest || (has_nbf && self.moment("nbf")? > latest) {
            return Err(BadClaims::NotYetValid);
        }
        Ok(())
    }

    /// A claim that must be a string.
    ///
    /// # Errors
    /// [`BadClaims::Claim`].
    pub fn string(&self, name: &'static str) -> Result<&str, BadClaims> {
        self.get(name).and_then(Value::as_str).ok_or(BadClaims::Claim(name))
    }

    /// A claim that must be a `NumericDate` (RFC 7519 §2): whole seconds only, since we write no others.
    ///
    /// # Errors
    /// [`BadClaims::Claim`].
    pub fn moment(&self, name: &'static str) -> Result<Timestamp, BadClaims> {
        let seconds = self.get(name).and_then(Value::as_i64);
        let seconds = seconds.filter(|seconds| (0..=LAST_SECOND).contains(seconds));
        seconds.map(|seconds| Timestamp::from_millis(seconds * 1000)).ok_or(BadClaims::Claim(name))
    }

    /// A claim that must be a list of names.
    ///
    /// # Errors
    /// [`BadClaims::Claim`].
    pub fn names(&self, name: &'static str) -> Result<Scopes, BadClaims> {
        let list = self.get(name).and_then(Value::as_array).ok_or(BadClaims::Claim(name))?;
        list.iter()
            .map(|one| one.as_str().ok_or(BadClaims::Claim(name)))
            .collect::<Result<Vec<_>, _>>()
            .map(|names| names.into_iter().collect())
    }
}

/// Whether a header's `typ` is `expected`: case-insensitive, with or without `application/` (RFC 7515 §4.1.9).
#[must_use]
pub fn is_of_type(typ: &str, expected: &str) -> bool {
    media_type(typ).eq_ignore_ascii_case(expected)
}

/// RFC 7515 §4.1.9: a `typ` without a slash stands for a media type under `application/`.
fn media_type(typ: &str) -> &str {
    match typ.split_at_checked("application/".len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest,
        _ => typ,
    }
}
