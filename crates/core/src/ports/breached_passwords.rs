//! Passwords that are known from breaches of other services.

use std::fmt;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use zeroize::Zeroizing;

use crate::values::password::Password;

/// Knows passwords from breaches of other services, by their SHA-1, as Pwned Passwords lists them.
///
/// Asked while somebody waits for an answer, each time a password is chosen; an answer must come within seconds.
#[async_trait]
pub trait BreachedPasswords: Send + Sync + fmt::Debug {
    /// Whether the password of this digest is known from a breach.
    ///
    /// # Errors
    /// [`BreachedPasswordsError`] where nobody can tell now; the password is then taken. What it prints goes into
    /// logs, so it must not repeat the digest.
    async fn contains(&self, sha1: PasswordSha1) -> Result<bool, BreachedPasswordsError>;
}

/// Nobody can tell whether a password is known from a breach.
#[derive(Debug, thiserror::Error)]
#[error("the list of breached passwords gives no answer: {0}")]
pub struct BreachedPasswordsError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The SHA-1 of a password in UTF-8; as secret as the password, which is soon guessed from it.
#[derive(Clone)]
pub struct PasswordSha1(Zeroizing<[u8; Self::LENGTH]>);

impl PasswordSha1 {
    /// The length of a digest, in bytes.
    pub const LENGTH: usize = 20;

    /// The digest of a password, in NFC.
    #[must_use]
    pub fn of(password: &Password) -> Self {
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let mut bytes = Zeroizing::new([0; Self::LENGTH]);
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }

    /// The bytes to look up.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Debug for PasswordSha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordSha1(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t55_the_digest_is_that_of_pwned_passwords_and_does_not_print() {
        let sha1 = PasswordSha1::of(&Password::new("password1"));
        // `printf password1 | sha1sum` begins with e38ad214943daad1d64c.
        let known = [0xe3, 0x8a, 0xd2, 0x14, 0x94, 0x3d, 0xaa, 0xd1, 0xd6, 0x4c];
        assert_eq!(sha1.as_bytes()[..10], known);
        assert_eq!(format!("{sha1:?}"), "PasswordSha1(…)");
    }
}
