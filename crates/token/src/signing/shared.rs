//! A secret that whoever signs shares with whoever verifies (HS256).

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use serde_json::json;
use zeroize::Zeroizing;

use super::{Signer, SigningKey, encode_header};
use crate::{
    claims::ACCESS_TOKEN_TYPE,
    jws::{Algorithm, VerifyingKey},
};

/// RFC 7518 §3.2: a secret of at least the hash's size, in bytes.
const MIN_SECRET: usize = 32;
/// How much of the digest names the secret, in bytes: enough to tell a few apart.
const KID_BYTES: usize = 12;

/// Why a shared secret is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSecret {
    /// There is none.
    #[error("the secret is empty; make one with `openssl rand -hex 32`")]
    Empty,
    /// It consists of white space.
    #[error("the secret is only white space; make one with `openssl rand -hex 32`")]
    Blank,
    /// Fewer than 32 bytes.
    #[error(
        "the secret has {0} bytes and needs at least {MIN_SECRET}, so that nobody can guess it from a token; make one \
         with `openssl rand -hex 32`"
    )]
    TooShort(usize),
}

impl SigningKey {
    /// Takes a shared secret (HS256): text, of which a final newline is cut, or random bytes as they are.
    ///
    /// # Errors
    /// [`BadSecret`] for one that is empty, blank or shorter than 32 bytes.
    ///
    /// # Security
    /// Whoever can verify with it can also sign. Where another service verifies, use a key pair.
    pub fn from_secret(secret: &[u8]) -> Result<Self, BadSecret> {
        let secret = without_newline(secret);
        if secret.is_empty() {
            return Err(BadSecret::Empty);
        }
        if String::from_utf8_lossy(secret).trim().is_empty() {
            return Err(BadSecret::Blank);
        }
        if secret.len() < MIN_SECRET {
            return Err(BadSecret::TooShort(secret.len()));
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let kid = name_of(&key);
        let algorithm = Algorithm::Hs256;
        let verifying =
            VerifyingKey { algorithm, kid: Some(kid.clone()), key: DecodingKey::from_secret(secret) };
        Ok(Self {
            algorithm,
            header: encode_header(algorithm, &kid, ACCESS_TOKEN_TYPE),
            jwk: json!({ "kty": "oct", "kid": kid, "use": "sig", "alg": algorithm.as_str() }),
            kid,
            pem: Zeroizing::new(Vec::new()),
            signer: Signer::Hmac(Box::new(key)),
            verifying,
        })
    }
}

/// Editors end text with a newline. The last of random bytes, which are no UTF-8, is one of them, whatever it is.
fn without_newline(secret: &[u8]) -> &[u8] {
    let Ok(text) = std::str::from_utf8(secret) else { return secret };
    text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text).as_bytes()
}

/// A MAC under the secret itself: it names it without telling it.
fn name_of(key: &hmac::Key) -> String {
    let mac = hmac::sign(key, b"vestibule shared secret key id v1");
    URL_SAFE_NO_PAD.encode(mac.as_ref().get(..KID_BYTES).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jws;

    #[test]
    fn t30_a_secret_that_can_be_guessed_is_refused_with_a_sentence() {
        for (secret, refusal) in [
            (String::new(), BadSecret::Empty),
            ("\n".into(), BadSecret::Empty),
            (" ".repeat(40), BadSecret::Blank),
            ("\t\u{a0}\u{2003}\n".repeat(20), BadSecret::Blank),
            ("x".repeat(31), BadSecret::TooShort(31)),
            (format!("{}\r\n", "x".repeat(31)), BadSecret::TooShort(31)),
        ] {
            let found = SigningKey::from_secret(secret.as_bytes()).unwrap_err();
            assert_eq!(found, refusal, "{secret:?}");
            assert!(found.to_string().starts_with("the secret "), "{found}");
        }
    }

    #[test]
    fn what_a_secret_signs_it_verifies_and_no_other_does() {
        let secret = b"thirty-two bytes of a test's own".as_slice();
        let key = SigningKey::from_secret(secret).unwrap();
        let same = SigningKey::from_secret(&[secret, b"\n"].concat()).unwrap();
        let other = SigningKey::from_secret(b"another thirty-two bytes of test").unwrap();
        let token = key.sign(b"payload").unwrap();
        assert_eq!(jws::verify(&token, same.verifying()).unwrap(), b"payload");
        assert_eq!(key.kid(), same.kid());
        assert_ne!(key.kid(), other.kid());
        assert!(jws::verify(&token, other.verifying()).is_err());
        assert!(key.jwk().get("k").is_none() && key.pem().is_empty());
        assert!(!format!("{key:?} {:?}", key.verifying()).contains("thirty"));
    }

    #[test]
    fn random_bytes_keep_their_last_one_whatever_it_is() {
        let ending = |last: u8| [&[0xff; 31], [last].as_slice()].concat();
        let [newline, carriage, other] =
            [b'\n', b'\r', b'x'].map(|last| SigningKey::from_secret(&ending(last)).unwrap().kid().to_owned());
        assert!(newline != carriage && newline != other && carriage != other);
        // Text loses one line's end, and nothing else.
        let kid = |secret: &str| SigningKey::from_secret(secret.as_bytes()).unwrap().kid().to_owned();
        let text = "x".repeat(32);
        assert_eq!(kid(&text), kid(&format!("{text}\r\n")));
        assert_ne!(kid(&text), kid(&format!("{text}\r")));
        assert_ne!(kid(&text), kid(&format!("{text}\n\n")));
    }

    #[test]
    fn a_token_of_another_kind_says_so_in_its_header() {
        let key = SigningKey::from_secret(&[b'x'; 32]).unwrap();
        let token = key.sign_as("partial+jwt", b"{}").unwrap();
        assert_eq!(jws::Parts::read(&token).unwrap().typ(), Some("partial+jwt"));
        let access = key.sign(b"{}").unwrap();
        assert_eq!(jws::Parts::read(&access).unwrap().typ(), Some("at+jwt"));
    }
}
