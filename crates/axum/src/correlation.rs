//! Correlation ids: what ties an answer, its log lines and the caller's own records together.

use http::{HeaderMap, HeaderName, HeaderValue};
use vestibule_core::values::secret::random_bytes;

/// The header that carries the id, in both directions.
pub const X_CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// Another usual name for it in requests.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_LENGTH: usize = 128;

/// A request's correlation id: the caller's if it matches `[A-Za-z0-9._-]{1,128}`, else a random one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrelationId(HeaderValue);

impl CorrelationId {
    /// Takes the id from a request, or makes one.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut given = headers.get(X_CORRELATION_ID).into_iter().chain(headers.get(X_REQUEST_ID));
        given.find(|value| is_acceptable(value)).map_or_else(Self::generate, |value| Self(value.clone()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only plain ASCII gets in.
        self.0.to_str().unwrap_or_default()
    }

    /// The id as a header's value.
    #[must_use]
    pub const fn as_header(&self) -> &HeaderValue {
        &self.0
    }

    fn generate() -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
        let text: Vec<u8> =
            random_bytes::<16>().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
        Self(
            HeaderValue::from_maybe_shared(bytes::Bytes::from(text))
                .unwrap_or(HeaderValue::from_static("none")),
        )
    }
}

/// What may go into logs and headers as it came.
fn is_acceptable(value: &HeaderValue) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_LENGTH).contains(&value.len()) && value.as_bytes().iter().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(pairs: &[(HeaderName, &str)]) -> String {
        let headers = pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_bytes(value.as_bytes()).unwrap()))
            .collect();
        CorrelationId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn a_clean_id_is_echoed() {
        let longest = "x".repeat(128);
        for id in ["a", "A.b_c-9", &longest] {
            assert_eq!(id_of(&[(X_CORRELATION_ID, id)]), id);
            assert_eq!(id_of(&[(X_REQUEST_ID, id)]), id);
            assert_eq!(id_of(&[(X_CORRELATION_ID, "a b"), (X_REQUEST_ID, id)]), id);
        }
        assert_eq!(id_of(&[(X_CORRELATION_ID, "one"), (X_REQUEST_ID, "two")]), "one");
    }

    #[test]
    fn t08_garbage_is_replaced() {
        let too_long = "x".repeat(129);
        for id in ["", "a b", "a\tb", "é", "{}", "a/b", &too_long] {
            let made = id_of(&[(X_CORRELATION_ID, id)]);
            assert_eq!(made.len(), 32, "{id}");
            assert_ne!(made, id_of(&[(X_CORRELATION_ID, id)]));
        }
    }
}
