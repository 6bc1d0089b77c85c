//! Private keys in encrypted PEM files (`ENCRYPTED PRIVATE KEY`, RFC 5958 §3).

use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding, SecretDocument};

use super::{BadSigningKey, SigningKey};

impl SigningKey {
    /// Reads a private key from an encrypted PEM file, as `openssl pkcs8 -topk8` writes it.
    ///
    /// # Errors
    /// [`BadSigningKey::Locked`] for a wrong password, [`BadSigningKey::NotEncrypted`], and whatever [`SigningKey::read_pem`] refuses.
    pub fn read_encrypted_pem(pem: &[u8], password: &[u8]) -> Result<Self, BadSigningKey> {
        let text = std::str::from_utf8(pem).map_err(|_| BadSigningKey::Malformed)?;
        let (label, document) = SecretDocument::from_pem(text).map_err(|_| BadSigningKey::Malformed)?;
        match label {
            "ENCRYPTED PRIVATE KEY" => {}
            "PRIVATE KEY" => return Err(BadSigningKey::NotEncrypted),
            _ => return Err(BadSigningKey::Malformed),
        }
        let encrypted = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes());
        let opened = encrypted.map_err(|_| BadSigningKey::Malformed)?.decrypt(password);
        let opened = opened.map_err(|_| BadSigningKey::Locked)?;
        let pem = opened.to_pem("PRIVATE KEY", LineEnding::LF).map_err(|_| BadSigningKey::Malformed)?;
        Self::read_pem(pem.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jws::{self, Algorithm};

    /// An Ed25519 key, as `openssl genpkey -algorithm ed25519 -aes-256-cbc` writes it; the password is `open sesame`.
    const LOCKED: &str = include_str!("encrypted_test_key.pem");

    #[test]
    fn an_encrypted_key_opens_with_its_password_only() {
        let key = SigningKey::read_encrypted_pem(LOCKED.as_bytes(), b"open sesame").unwrap();
        assert_eq!(key.algorithm(), Algorithm::EdDsa);
        assert_eq!(jws::verify(&key.sign(b"x").unwrap(), key.verifying()).unwrap(), b"x");
        for password in ["", "open sesame ", "sesame"] {
            let refusal = SigningKey::read_encrypted_pem(LOCKED.as_bytes(), password.as_bytes()).unwrap_err();
            assert_eq!(refusal, BadSigningKey::Locked, "{password}");
        }
    }

    #[test]
    fn what_is_no_encrypted_key_is_refused() {
        let plain = SigningKey::generate(Algorithm::EdDsa).unwrap();
        let cut = LOCKED.replacen("\nM", "\nN", 1);
        let refusal = SigningKey::read_encrypted_pem(plain.pem(), b"open sesame").unwrap_err();
        assert_eq!(refusal, BadSigningKey::NotEncrypted);
        for pem in [b"".as_slice(), b"\xff", cut.as_bytes(), LOCKED.get(..80).unwrap().as_bytes()] {
            assert!(SigningKey::read_encrypted_pem(pem, b"open sesame").is_err());
        }
        assert_eq!(SigningKey::read_pem(LOCKED.as_bytes()).unwrap_err(), BadSigningKey::Encrypted);
    }
}
