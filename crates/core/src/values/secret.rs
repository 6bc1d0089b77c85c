//! Secrets: the only file that makes randomness, and the keys derived from `secret_key`.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    hkdf, hmac, rand,
};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::ports::clock::Timestamp;

/// The least length of a `secret_key`, in bytes.
pub const MIN_SECRET_KEY: usize = 32;

/// Bytes nobody can guess.
///
/// # Panics
/// Never in practice: the operating system's generator is seeded before any process of ours runs.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one source of randomness")]
#[expect(clippy::expect_used, reason = "without randomness nothing here may go on")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// A UUIDv7 (RFC 9562 §5.7) of the given moment.
pub(crate) fn time_ordered_id(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random_bytes()).into_uuid()
}

/// The secret from which every other key is derived; wiped from memory when dropped, and it does not print.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<Vec<u8>>);

/// Why a `secret_key` is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// Fewer than 32 bytes.
    #[error("it has {0} bytes and needs at least {MIN_SECRET_KEY}")]
    TooShort(usize),
    /// A sample, or too regular to be random.
    #[error("it looks like a sample or a pattern, not like random bytes")]
    Guessable,
}

impl SecretKey {
    /// Makes a new secret: 32 random bytes in hexadecimal, so that it can be kept in a text file.
    #[must_use]
    pub fn generate() -> Self {
        let bytes = Zeroizing::new(random_bytes::<32>());
        let mut text = Zeroizing::new(Vec::with_capacity(64));
        for byte in bytes.iter() {
            text.extend_from_slice(format!("{byte:02x}").as_bytes());
        }
        Self(text)
    }

    /// Takes a secret as configured: raw text, of which a final newline is cut.
    ///
    /// # Errors
    /// [`WeakSecret`] for one that is too short or can be guessed.
    pub fn parse(text: &[u8]) -> Result<Self, WeakSecret> {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.len() < MIN_SECRET_KEY {
            return Err(WeakSecret::TooShort(text.len()));
        }
        if is_guessable(text) {
            return Err(WeakSecret::Guessable);
        }
        Ok(Self(Zeroizing::new(text.to_vec())))
    }

    /// The text, to be written to the secret's file.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

fn is_guessable(text: &[u8]) -> bool {
    const SAMPLES: [&str; 10] = [
        "changeme",
        "change-me",
        "change_me",
        "replace",
        "example",
        "secret",
        "password",
        "vestibule",
        "insert",
        "your-",
    ];
    let mut distinct = text.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let lower = String::from_utf8_lossy(text).to_lowercase();
    let repeats = (1..=text.len() / 2)
        .any(|period| text.iter().zip(text.iter().skip(period)).all(|(byte, later)| byte == later));
    let climbs =
        text.iter().zip(text.iter().skip(1)).filter(|(byte, next)| next.wrapping_sub(**byte) == 1).count()
            > text.len() * 3 / 4;
    distinct.len() < 10 || repeats || climbs || SAMPLES.iter().any(|sample| lower.contains(sample))
}

/// What a derived key is for; each purpose has its own HKDF label (RFC 5869), so no MAC can be moved to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The MAC of refresh tokens.
    RefreshToken,
    /// Wrapping signing keys.
    SigningKeyWrap,
    /// Naming the secret itself without telling it.
    KeyId,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::RefreshToken => b"vestibule refresh token v1",
            Self::SigningKeyWrap => b"vestibule signing key wrap v1",
            Self::KeyId => b"vestibule key id v1",
        }
    }
}

/// Names the `secret_key` that made a MAC, so that the right one can be asked after a rotation.
pub type SecretKeyId = [u8; 4];

/// The keys derived from one `secret_key`.
struct DerivedKeys {
    id: SecretKeyId,
    refresh: hmac::Key,
    wrap: RandomizedNonceKey,
}

impl DerivedKeys {
    fn derive(secret: &SecretKey) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let refresh = expand::<32>(secret, Purpose::RefreshToken)?;
        let wrap = expand::<32>(secret, Purpose::SigningKeyWrap)?;
        Ok(Self {
            id: *expand::<4>(secret, Purpose::KeyId)?,
            refresh: hmac::Key::new(hmac::HMAC_SHA256, refresh.as_ref()),
            wrap: RandomizedNonceKey::new(&AES_256_GCM, wrap.as_ref())?,
        })
    }
}

fn expand<const N: usize>(
    secret: &SecretKey,
    purpose: Purpose,
) -> Result<Zeroizing<[u8; N]>, aws_lc_rs::error::Unspecified> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut key = Zeroizing::new([0; N]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"vestibule")
        .extract(&secret.0)
        .expand(&[purpose.label()], Length(N))?
        .fill(key.as_mut())?;
    Ok(key)
}

/// Every key derived from `secret_key` and `previous_secret_keys`.
///
/// New MACs and wraps are made with the current one; the previous ones still verify and unwrap.
pub struct MasterKeys {
    current: DerivedKeys,
    previous: Vec<DerivedKeys>,
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKeys(…)")
    }
}

/// A wrapped secret that no key at hand opens, or a failure of the cryptography itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret cannot be opened with secret_key or previous_secret_keys")]
pub struct CannotUnwrap;

/// A secret that has been unwrapped.
#[derive(Debug)]
pub struct Unwrapped {
    /// The secret.
    pub secret: Zeroizing<Vec<u8>>,
    /// Whether a previous key opened it, so that it should be wrapped anew.
    pub is_outdated: bool,
}

impl MasterKeys {
    /// Derives all keys.
    ///
    /// # Errors
    /// [`CannotUnwrap`] if the cryptography fails, which it does not.
    pub fn derive(current: &SecretKey, previous: &[SecretKey]) -> Result<Self, CannotUnwrap> {
        let derive = |secret| DerivedKeys::derive(secret).map_err(|_| CannotUnwrap);
        Ok(Self {
            current: derive(current)?,
            previous: previous.iter().map(derive).collect::<Result<_, _>>()?,
        })
    }

    /// The id of the key that makes new MACs.
    #[must_use]
    pub const fn current_id(&self) -> SecretKeyId {
        self.current.id
    }

    /// The MAC of a refresh token's body, made with the current key.
    #[must_use]
    pub fn refresh_mac(&self, body: &[u8]) -> [u8; 32] {
        let mut mac = [0; 32];
        mac.copy_from_slice(hmac::sign(&self.current.refresh, body).as_ref());
        mac
    }

    /// Whether a refresh token's MAC is one that the key named by `id` made; in constant time.
    #[must_use]
    pub fn is_refresh_mac(&self, id: SecretKeyId, body: &[u8], mac: &[u8]) -> bool {
        self.all().any(|keys| keys.id == id && hmac::verify(&keys.refresh, body, mac).is_ok())
    }

    /// Wraps a secret for storage, bound to `name`.
    ///
    /// # Errors
    /// [`CannotUnwrap`] if the cryptography fails, which it does not.
    pub fn wrap(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>, CannotUnwrap> {
        let mut sealed = Zeroizing::new(secret.to_vec());
        let nonce = self
            .current
            .wrap
            .seal_in_place_append_tag(Aad::from(name), &mut *sealed)
            .map_err(|_| CannotUnwrap)?;
        Ok([nonce.as_ref().as_slice(), sealed.as_slice()].concat())
    }

    /// Opens what [`Self::wrap`] made, with whichever key fits.
    ///
    /// # Errors
    /// [`CannotUnwrap`] if none fits.
    pub fn unwrap(&self, name: &str, wrapped: &[u8]) -> Result<Unwrapped, CannotUnwrap> {
        let (nonce, sealed) = wrapped.split_at_checked(12).ok_or(CannotUnwrap)?;
        for (position, keys) in self.all().enumerate() {
            let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CannotUnwrap)?;
            let mut buffer = Zeroizing::new(sealed.to_vec());
            if let Ok(plain) = keys.wrap.open_in_place(nonce, Aad::from(name), &mut buffer) {
                let secret = Zeroizing::new(plain.to_vec());
                return Ok(Unwrapped { secret, is_outdated: position > 0 });
            }
        }
        Err(CannotUnwrap)
    }

    fn all(&self) -> impl Iterator<Item = &DerivedKeys> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t30_weak_secrets_are_refused() {
        assert_eq!(SecretKey::parse(b"short\n").unwrap_err(), WeakSecret::TooShort(5));
        for text in [
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "0123456789abcdefghijklmnopqrstuvwxyz",
            "3k9x7q2m3k9x7q2m3k9x7q2m3k9x7q2m3k9x7q2m",
            "please-changeme-please-81hs71lw02j-x92",
        ] {
            assert_eq!(SecretKey::parse(text.as_bytes()).unwrap_err(), WeakSecret::Guessable, "{text}");
        }
    }

    #[test]
    fn a_generated_secret_is_taken_back_from_its_file() {
        for _ in 0..200 {
            let secret = SecretKey::generate();
            let with_newline = [secret.expose(), b"\n"].concat();
            assert_eq!(SecretKey::parse(&with_newline).unwrap().expose(), secret.expose());
        }
    }

    #[test]
    fn previous_keys_verify_and_unwrap_but_do_not_sign() {
        let (old, new) = (SecretKey::generate(), SecretKey::generate());
        let before = MasterKeys::derive(&old, &[]).unwrap();
        let after = MasterKeys::derive(&new, &[old]).unwrap();
        let stranger = MasterKeys::derive(&new, &[]).unwrap();
        let mac = before.refresh_mac(b"body");
        assert!(after.is_refresh_mac(before.current_id(), b"body", &mac));
        assert!(!after.is_refresh_mac(after.current_id(), b"body", &mac));
        assert!(!stranger.is_refresh_mac(before.current_id(), b"body", &mac));
        let wrapped = before.wrap("kid", b"private").unwrap();
        let opened = after.unwrap("kid", &wrapped).unwrap();
        assert_eq!((opened.secret.as_slice(), opened.is_outdated), (b"private".as_slice(), true));
        assert!(after.unwrap("other", &wrapped).is_err());
        assert!(stranger.unwrap("kid", &wrapped).is_err());
        assert!(stranger.unwrap("kid", b"short").is_err());
    }

    #[test]
    fn t55_a_secret_does_not_print() {
        let secret = SecretKey::generate();
        let keys = MasterKeys::derive(&secret, &[]).unwrap();
        assert_eq!(format!("{secret:?}{keys:?}"), "SecretKey(…)MasterKeys(…)");
    }
}
