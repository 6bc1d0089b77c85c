//! Secrets: `secret_key` and the keys derived from it.

mod master;

use std::fmt;

pub use vestibule_token::random::random_bytes;
pub(crate) use vestibule_token::random::time_ordered_id;
use zeroize::Zeroizing;

pub use self::master::{CannotUnwrap, MasterKeys, Purpose, SecretKeyId, Unwrapped};

/// The least length of a `secret_key`, in bytes.
pub const MIN_SECRET_KEY: usize = 32;

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
}
