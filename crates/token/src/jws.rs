//! Signed tokens in JWS compact serialization (RFC 7515 §7.1): the outer shell of every JWT.
//!
//! The key fixes the algorithm; what the header says must agree with it and is otherwise not believed. `none`,
//! `crit`, embedded keys and duplicate members are refused before any signature is looked at.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, crypto};
use serde_json::{Map, Value};

pub use super::jwk::{BadKey, VerifyingKeys};
use crate::strict_json::parse_object;

/// The longest token that is looked at, in bytes: more than fits into a cookie is none of ours.
pub const MAX_TOKEN: usize = 8192;
/// The longest `kid` that is looked up.
const MAX_KID: usize = 128;
/// Header parameters that carry or point to keys (RFC 7515 §4.1.2–4.1.8), or change what is signed (RFC 7797).
const REFUSED_PARAMETERS: [&str; 7] = ["crit", "jwk", "jku", "x5c", "x5u", "b64", "zip"];

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// Ed25519 (RFC 8037 §3.1).
    EdDsa,
    /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4).
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3).
    Rs256,
    /// HMAC with SHA-256 (RFC 7518 §3.2).
    Hs256,
}

impl Algorithm {
    /// The name in the `alg` header parameter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Hs256 => "HS256",
        }
    }

    /// Reads an `alg`; exact, so that no case variant of `none` or of anything else is known.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        [Self::EdDsa, Self::Es256, Self::Rs256, Self::Hs256].into_iter().find(|one| one.as_str() == name)
    }

    pub(crate) const fn in_library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
        }
    }
}

/// A key that verifies signatures of exactly one algorithm.
#[derive(Clone)]
pub struct VerifyingKey {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    pub(super) key: DecodingKey,
}

impl VerifyingKey {
    /// The algorithm the key is for.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key's id.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether `signature` (as JWS writes it, RFC 7518 §3, but not encoded) is this key's of `message`.
    #[must_use]
    pub fn is_signature(&self, message: &[u8], signature: &[u8]) -> bool {
        let encoded = URL_SAFE_NO_PAD.encode(signature);
        self.is_encoded_signature(message, &encoded)
    }

    fn is_encoded_signature(&self, message: &[u8], signature: &str) -> bool {
        crypto::verify(signature, message, &self.key, self.algorithm.in_library()).unwrap_or(false)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// Why a token is refused: for logs, never for whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Not three base64url parts around a JSON object.
    #[error("it is no JWS in compact serialization")]
    Malformed,
    /// The header names something that is never accepted.
    #[error("its header carries a parameter that is not accepted")]
    HeaderParameter,
    /// The header's algorithm is not the key's.
    #[error("its algorithm is not the key's")]
    Algorithm,
    /// No key has this id.
    #[error("its key is unknown")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("its signature is wrong")]
    Signature,
}

/// A token taken apart, not yet believed.
#[derive(Debug)]
pub struct Parts<'a> {
    header: Map<String, Value>,
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    /// Takes a token apart and reads its header.
    ///
    /// # Errors
    /// [`Refused::Malformed`] or [`Refused::HeaderParameter`].
    pub fn read(token: &'a str) -> Result<Self, Refused> {
        if token.len() > MAX_TOKEN {
            return Err(Refused::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Refused::Malformed)?;
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| Refused::Malformed)?;
        let header = parse_object(&header).ok_or(Refused::Malformed)?;
        if REFUSED_PARAMETERS.iter().any(|name| header.contains_key(*name)) {
            return Err(Refused::HeaderParameter);
        }
        let has_wrong_type =
            ["typ", "kid", "cty"].iter().any(|name| header.get(*name).is_some_and(|v| !v.is_string()));
        if has_wrong_type {
            return Err(Refused::Malformed);
        }
        Ok(Self { header, signed, payload, signature })
    }

    /// The `kid`: an opaque name to look a key up by, bounded in length.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.parameter("kid").filter(|kid| kid.len() <= MAX_KID)
    }

    /// The `typ`.
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.parameter("typ")
    }

    /// The algorithm that `alg` names, where it is one of ours. [`Self::verify`] asks the key, not this.
    #[must_use]
    pub fn claimed_algorithm(&self) -> Option<Algorithm> {
        self.parameter("alg").and_then(Algorithm::read)
    }

    /// Verifies the signature and returns the payload.
    ///
    /// # Errors
    /// [`Refused::Algorithm`], [`Refused::Signature`], or [`Refused::Malformed`] for a payload that is not base64url.
    pub fn verify(&self, key: &VerifyingKey) -> Result<Vec<u8>, Refused> {
        if self.parameter("alg") != Some(key.algorithm.as_str()) {
            return Err(Refused::Algorithm);
        }
        if !key.is_encoded_signature(self.signed.as_bytes(), self.signature) {
            return Err(Refused::Signature);
        }
        URL_SAFE_NO_PAD.decode(self.payload).map_err(|_| Refused::Malformed)
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }
}

/// Verifies a token with one key and returns its payload. A `kid` must be the key's where both have one.
///
/// # Errors
/// [`Refused`] for everything that is not exactly a token of this key.
pub fn verify(token: &str, key: &VerifyingKey) -> Result<Vec<u8>, Refused> {
    let parts = Parts::read(token)?;
    match (parts.parameter("kid"), key.kid()) {
        (Some(named), Some(own)) if named != own => Err(Refused::UnknownKey),
        _ => parts.verify(key),
    }
}

/// Signs a payload under a header that is already encoded; `sign` gives the encoded signature of what it is shown.
pub(crate) fn sign_with<E>(
    encoded_header: &str,
    payload: &[u8],
    sign: impl FnOnce(&[u8]) -> Result<String, E>,
) -> Result<String, E> {
    let mut token = String::with_capacity(encoded_header.len() + payload.len() * 4 / 3 + 100);
    token.push_str(encoded_header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature = sign(token.as_bytes())?;
    token.push('.');
    token.push_str(&signature);
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::EncodingKey;
    use proptest::prelude::*;
    use serde_json::json;

    fn sign(
        header: &str,
        payload: &[u8],
        key: &EncodingKey,
        algorithm: Algorithm,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        sign_with(header, payload, |signed| crypto::sign(signed, key, algorithm.in_library()))
    }

    const SECRET: &str = "dGhpcnR5LXR3by1ieXRlcy1vZi1zaGFyZWQtc2VjcmV0IQ";

    fn key() -> VerifyingKey {
        VerifyingKey::from_jwk(&json!({"kty":"oct","alg":"HS256","kid":"k","k":SECRET})).unwrap()
    }

    fn token(header: &Value, payload: &[u8]) -> String {
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let secret = URL_SAFE_NO_PAD.decode(SECRET).unwrap();
        sign(&header, payload, &EncodingKey::from_secret(&secret), Algorithm::Hs256).unwrap()
    }

    #[test]
    fn t39_t40_the_header_is_not_believed() {
        assert_eq!(verify(&token(&json!({"alg":"HS256","kid":"k"}), b"x"), &key()).unwrap(), b"x");
        for (header, refusal) in [
            (json!({"alg":"none"}), Refused::Algorithm),
            (json!({"alg":"None"}), Refused::Algorithm),
            (json!({"alg":"nOnE"}), Refused::Algorithm),
            (json!({"alg":"hs256"}), Refused::Algorithm),
            (json!({"alg":"RS256"}), Refused::Algorithm),
            (json!({"alg":["HS256"]}), Refused::Algorithm),
            (json!({}), Refused::Algorithm),
            (json!({"alg":"HS256","crit":["exp"]}), Refused::HeaderParameter),
            (json!({"alg":"HS256","crit":[]}), Refused::HeaderParameter),
            (json!({"alg":"HS256","b64":false}), Refused::HeaderParameter),
            (json!({"alg":"HS256","jwk":{"kty":"oct","k":"AA"}}), Refused::HeaderParameter),
            (json!({"alg":"HS256","jku":"https://evil.example"}), Refused::HeaderParameter),
            (json!({"alg":"HS256","x5u":"https://evil.example"}), Refused::HeaderParameter),
            (json!({"alg":"HS256","kid":"other"}), Refused::UnknownKey),
            (json!({"alg":"HS256","kid":["k"]}), Refused::Malformed),
            (json!({"alg":"HS256","typ":1}), Refused::Malformed),
        ] {
            assert_eq!(verify(&token(&header, b"x"), &key()).unwrap_err(), refusal, "{header}");
        }
    }

    #[test]
    fn an_unsigned_token_is_refused_however_it_is_written() {
        let unsigned = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        for token in [format!("{unsigned}.eA."), format!("{unsigned}.eA"), "..".into(), String::new()] {
            assert!(verify(&token, &key()).is_err(), "{token}");
        }
    }

    #[test]
    fn duplicate_members_in_the_header_are_refused() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","alg":"HS256"}"#);
        let secret = URL_SAFE_NO_PAD.decode(SECRET).unwrap();
        let token = sign(&header, b"x", &EncodingKey::from_secret(&secret), Algorithm::Hs256).unwrap();
        assert_eq!(verify(&token, &key()).unwrap_err(), Refused::Malformed);
    }

    proptest! {
        #[test]
        fn every_mutation_of_a_token_is_refused(position in 0usize..200, byte in any::<u8>()) {
            let good = token(&json!({"alg":"HS256","kid":"k","typ":"at+jwt"}), b"{\"sub\":\"somebody\"}");
            let mut bytes = good.clone().into_bytes();
            let position = position % bytes.len();
            prop_assume!(bytes[position] != byte);
            bytes[position] = byte;
            if let Ok(mutated) = String::from_utf8(bytes) {
                prop_assert!(verify(&mutated, &key()).is_err(), "{} at {}", mutated, position);
            }
        }

        #[test]
        fn no_input_panics(input in any::<String>()) {
            let _ = verify(&input, &key());
        }
    }
}
