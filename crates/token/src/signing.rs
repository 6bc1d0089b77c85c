//! A key that signs tokens, with the half that verifies them.

#[cfg(feature = "encrypted-pem")]
mod encrypted;
mod error;
mod shared;

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    hmac,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{
    EncodingKey,
    jwk::{Jwk, ThumbprintHash},
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

pub use self::{
    error::{BadSigningKey, SigningError},
    shared::BadSecret,
};
use crate::{
    claims::ACCESS_TOKEN_TYPE,
    jws::{self, Algorithm, VerifyingKey},
};

/// A key that signs tokens: a private one, or a shared secret. It does not print.
pub struct SigningKey {
    algorithm: Algorithm,
    kid: String,
    pem: Zeroizing<Vec<u8>>,
    signer: Signer,
    /// The JWS header, encoded once: it is the same for every token of this key.
    header: String,
    jwk: Value,
    verifying: VerifyingKey,
}

/// What makes signatures.
enum Signer {
    /// Read once: the library would read the key again for every token, which is half the work.
    Ed25519(Ed25519KeyPair),
    Library(EncodingKey),
    Hmac(Box<hmac::Key>),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// [`BadSigningKey::Unsupported`] for HS256, whose keys are shared and not made here.
    pub fn generate(algorithm: Algorithm) -> Result<Self, BadSigningKey> {
        let der = generate_pkcs8(algorithm)?;
        let mut pem = Zeroizing::new(b"-----BEGIN PRIVATE KEY-----\n".to_vec());
        let encoded = Zeroizing::new(STANDARD.encode(&*der));
        for line in encoded.as_bytes().chunks(64) {
            pem.extend_from_slice(line);
            pem.push(b'\n');
        }
        pem.extend_from_slice(b"-----END PRIVATE KEY-----\n");
        Self::from_pem(&pem, algorithm)
    }

    /// Reads a private key from PEM.
    ///
    /// # Errors
    /// [`BadSigningKey`] says why not.
    pub fn from_pem(pem: &[u8], algorithm: Algorithm) -> Result<Self, BadSigningKey> {
        if is_encrypted(pem) {
            return Err(BadSigningKey::Encrypted);
        }
        let key = match algorithm {
            Algorithm::EdDsa => EncodingKey::from_ed_pem(pem),
            Algorithm::Es256 => EncodingKey::from_ec_pem(pem),
            Algorithm::Rs256 => EncodingKey::from_rsa_pem(pem),
            Algorithm::Hs256 => return Err(BadSigningKey::Unsupported),
        }
        .map_err(|_| BadSigningKey::Malformed)?;
        let jwk =
            Jwk::from_encoding_key(&key, algorithm.in_library()).map_err(|_| BadSigningKey::Malformed)?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| BadSigningKey::Malformed)?;
        let jwk = publish(&jwk, &kid, algorithm)?;
        let verifying = VerifyingKey::from_jwk(&jwk).map_err(|_| BadSigningKey::Weak)?;
        let header = encode_header(algorithm, &kid, ACCESS_TOKEN_TYPE);
        let signer = match algorithm {
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(key.as_bytes())
                .map(Signer::Ed25519)
                .map_err(|_| BadSigningKey::Malformed)?,
            _ => Signer::Library(key),
        };
        Ok(Self { algorithm, kid, pem: Zeroizing::new(pem.to_vec()), signer, header, jwk, verifying })
    }

    /// Reads a private key from PEM, whichever of the algorithms it is for.
    ///
    /// ```
    /// use vestibule_token::{jws::Algorithm, signing::SigningKey};
    ///
    /// let pem = SigningKey::generate(Algorithm::Es256)?.pem().to_vec();
    /// assert_eq!(SigningKey::read_pem(&pem)?.algorithm(), Algorithm::Es256);
    /// # Ok::<_, vestibule_token::signing::BadSigningKey>(())
    /// ```
    ///
    /// # Errors
    /// [`BadSigningKey`] says why not.
    pub fn read_pem(pem: &[u8]) -> Result<Self, BadSigningKey> {
        let mut refusal = BadSigningKey::Malformed;
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
            match Self::from_pem(pem, algorithm) {
                Err(BadSigningKey::Malformed) => {}
                Err(other) => refusal = other,
                key => return key,
            }
        }
        Err(refusal)
    }

    /// The key's id: its RFC 7638 thumbprint; a digest, for a shared secret.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key's algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The private key as PEM, to be stored; empty for a shared secret.
    ///
    /// # Security
    /// Whoever has it makes tokens; wrap it before it is written anywhere.
    #[must_use]
    pub fn pem(&self) -> &[u8] {
        &self.pem
    }

    /// The public half as a JWK set shows it; for a shared secret, its names without the secret.
    #[must_use]
    pub const fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// The public half, which verifies what this key signs.
    #[must_use]
    pub const fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// Signs a payload as an access token (`typ: at+jwt`), naming this key.
    ///
    /// # Errors
    /// [`SigningError`], where the cryptography fails.
    pub fn sign(&self, payload: &[u8]) -> Result<String, SigningError> {
        self.sign_under(&self.header, payload)
    }

    /// Signs a payload as a token of another kind, which nobody takes for an access token.
    ///
    /// # Errors
    /// [`SigningError`], where the cryptography fails.
    pub fn sign_as(&self, typ: &str, payload: &[u8]) -> Result<String, SigningError> {
        self.sign_under(&encode_header(self.algorithm, &self.kid, typ), payload)
    }

    fn sign_under(&self, header: &str, payload: &[u8]) -> Result<String, SigningError> {
        jws::sign_with(header, payload, |signed| match &self.signer {
            Signer::Ed25519(pair) => Ok(URL_SAFE_NO_PAD.encode(pair.sign(signed))),
            Signer::Hmac(key) => Ok(URL_SAFE_NO_PAD.encode(hmac::sign(key, signed))),
            Signer::Library(key) => jsonwebtoken::crypto::sign(signed, key, self.algorithm.in_library())
                .map_err(SigningError::new),
        })
    }
}

/// RFC 5958 §3, and the older `Proc-Type` of RFC 1421.
fn is_encrypted(pem: &[u8]) -> bool {
    let marks: [&[u8]; 2] = [b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED"];
    marks.iter().any(|mark| pem.windows(mark.len()).any(|window| window == *mark))
}

fn encode_header(algorithm: Algorithm, kid: &str, typ: &str) -> String {
    URL_SAFE_NO_PAD.encode(json!({ "alg": algorithm.as_str(), "kid": kid, "typ": typ }).to_string())
}

/// The public half as `/.well-known/jwks.json` shows it.
fn publish(jwk: &Jwk, kid: &str, algorithm: Algorithm) -> Result<Value, BadSigningKey> {
    let mut public = serde_json::to_value(&jwk.algorithm).map_err(|_| BadSigningKey::Malformed)?;
    let members = public.as_object_mut().ok_or(BadSigningKey::Malformed)?;
    members.insert("kid".into(), kid.into());
    members.insert("use".into(), "sig".into());
    members.insert("alg".into(), algorithm.as_str().into());
    Ok(public)
}

fn generate_pkcs8(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, BadSigningKey> {
    let der: Result<Vec<u8>, aws_lc_rs::error::Unspecified> = match algorithm {
        // Version 1 of PKCS #8 is what every other tool reads.
        Algorithm::EdDsa => {
            Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1().map(|der| der.as_ref().to_vec()))
        }
        Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .and_then(|pair| pair.to_pkcs8v1().map(|der| der.as_ref().to_vec())),
        Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048)
            .and_then(|pair| AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map(|der| der.as_ref().to_vec())),
        Algorithm::Hs256 => return Err(BadSigningKey::Unsupported),
    };
    der.map(Zeroizing::new).map_err(|_| BadSigningKey::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_key_signs_what_its_public_half_verifies() {
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
            let key = SigningKey::generate(algorithm).unwrap();
            let token = key.sign(b"payload").unwrap();
            let public = VerifyingKey::from_jwk(key.jwk()).unwrap();
            assert_eq!(jws::verify(&token, &public).unwrap(), b"payload");
            assert_eq!(public.kid(), Some(key.kid()));
            let again = SigningKey::from_pem(key.pem(), algorithm).unwrap();
            assert_eq!(again.kid(), key.kid());
        }
    }

    #[test]
    fn a_published_key_has_no_private_part() {
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
            let key = SigningKey::generate(algorithm).unwrap();
            let members: Vec<_> = key.jwk().as_object().unwrap().keys().map(String::as_str).collect();
            for member in &members {
                assert!(["kty", "crv", "x", "y", "n", "e", "kid", "use", "alg"].contains(member), "{member}");
            }
            for member in ["kty", "kid", "use", "alg"] {
                assert!(members.contains(&member), "{member}");
            }
        }
    }

    #[test]
    fn t55_a_signing_key_does_not_print() {
        let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
        let printed = format!("{key:?}");
        assert!(printed.contains(key.kid()) && !printed.contains("PRIVATE"));
    }

    #[test]
    fn an_encrypted_key_is_told_apart_from_a_broken_one() {
        for mark in [
            "-----BEGIN ENCRYPTED PRIVATE KEY-----",
            "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED",
        ] {
            let refusal = SigningKey::read_pem(mark.as_bytes()).unwrap_err();
            assert_eq!(refusal, BadSigningKey::Encrypted, "{mark}");
        }
    }

    #[test]
    fn what_is_no_private_key_is_refused() {
        for pem in ["", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            assert_eq!(
                SigningKey::from_pem(pem.as_bytes(), Algorithm::EdDsa).unwrap_err(),
                BadSigningKey::Malformed
            );
        }
        let other = SigningKey::generate(Algorithm::Es256).unwrap();
        assert_eq!(
            SigningKey::from_pem(other.pem(), Algorithm::EdDsa).unwrap_err(),
            BadSigningKey::Malformed
        );
        assert_eq!(SigningKey::generate(Algorithm::Hs256).unwrap_err(), BadSigningKey::Unsupported);
    }
}
