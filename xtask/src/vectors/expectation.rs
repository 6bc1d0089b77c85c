//! What a vector's label asks of us.
//!
//! Judged from the vector alone, without the verifier's own code, so that both can disagree.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// The algorithms Vestibule verifies.
const SUPPORTED: [&str; 4] = ["EdDSA", "ES256", "RS256", "HS256"];

/// What should happen to a vector, and why.
pub(super) struct Expectation {
    /// Whether it must be verified; otherwise it must be refused.
    pub(super) is_verified: bool,
    /// Why.
    pub(super) reason: String,
}

impl Expectation {
    /// Reads a vector's label.
    pub(super) fn of(test: &Value, token: &Value, key: &Value, group: &Value) -> Self {
        let is_valid = is_labelled_valid(test);
        if !is_valid && is_valid_elsewhere(token, group) {
            return Self::verified(
                "called invalid, but the same token under the same key is called valid too",
            );
        }
        if !is_valid {
            return Self::refused("invalid");
        }
        let Some(token) = token.as_str() else {
            return Self::refused("valid, but not in compact serialization");
        };
        if !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Self::refused("called valid, but not base64url (RFC 7515 §2)");
        }
        let algorithm = algorithm(token).unwrap_or_default();
        if !SUPPORTED.contains(&algorithm.as_str()) {
            return Self::refused(&format!("valid, but {algorithm} is not supported"));
        }
        if is_short_secret(key) {
            return Self::refused("valid, but the shared secret is shorter than 32 bytes");
        }
        Self { is_verified: true, reason: format!("valid {algorithm}") }
    }

    fn verified(reason: &str) -> Self {
        Self { is_verified: true, reason: reason.to_owned() }
    }

    fn refused(reason: &str) -> Self {
        Self { is_verified: false, reason: reason.to_owned() }
    }
}

fn is_labelled_valid(test: &Value) -> bool {
    test.get("result").and_then(Value::as_str) == Some("valid")
}

/// Whether the group calls the very same token valid; two vectors of the published set contradict a third.
fn is_valid_elsewhere(token: &Value, group: &Value) -> bool {
    let tests = group.get("tests").and_then(Value::as_array);
    tests.is_some_and(|tests| {
        tests.iter().any(|test| is_labelled_valid(test) && test.get("jws") == Some(token))
    })
}

/// The `alg` of a token's header.
fn algorithm(token: &str) -> Option<String> {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    Some(header.get("alg")?.as_str()?.to_owned())
}

/// Whether the key is a shared secret that RFC 7518 §3.2 calls too short.
fn is_short_secret(key: &Value) -> bool {
    let secret = key.get("k").and_then(Value::as_str);
    secret.is_some_and(|secret| URL_SAFE_NO_PAD.decode(secret).is_ok_and(|secret| secret.len() < 32))
}
