//! Mailed links and codes: proofs that somebody reads a mailbox, good once and for a while.
//!
//! The token is 256 random bits and only its digest is kept. The code is short enough to be typed and therefore kept
//! under a MAC: whoever steals the database can try none of them without asking us, and we count.

use std::fmt;

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    account::AccountId,
    email::Email,
    password::PasswordHash,
    secret::{MasterKeys, random_bytes},
};
use crate::ports::clock::Timestamp;

/// How many digits a code has.
const CODE_DIGITS: usize = 8;
/// How many codes there are.
const CODES: u128 = 100_000_000;
/// How many wrong codes a link outlives.
pub const CODE_ATTEMPTS: u32 = 5;

/// What a link is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkPurpose {
    /// Proving that an address is one's own.
    Confirm,
    /// Choosing a new password.
    Reset,
    /// Proving an address that an account will be made for.
    Register,
    /// Nothing: it stands for the reset of an account that there is not, so that a wrong code costs the same there. Nobody
    /// is mailed it.
    Decoy,
}

impl LinkPurpose {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Reset => "reset",
            Self::Register => "register",
            Self::Decoy => "decoy",
        }
    }

    /// The link's first path segment: whoever proves an address opens one page, whatever hangs on it.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Confirm | Self::Register => "confirm",
            Self::Reset | Self::Decoy => "reset",
        }
    }
}

/// A link's token as it is kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkDigest([u8; 32]);

impl LinkDigest {
    /// Reads a token that came back; `None` where it is none of ours by its form.
    #[must_use]
    pub fn of_token(token: &str) -> Option<Self> {
        let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        Some(Self::of_bytes(&bytes))
    }

    /// Makes a token; the token is for whoever is to have it, the digest for the store.
    #[must_use]
    pub fn of_new_token() -> (String, Self) {
        let token = random_bytes::<32>();
        (URL_SAFE_NO_PAD.encode(token), Self::of_bytes(&token))
    }

    /// Takes a digest that a store kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest, for the store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn of_bytes(token: &[u8; 32]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, token).as_ref());
        Self(bytes)
    }
}

impl fmt::Debug for LinkDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkDigest(…)")
    }
}

/// A link to be kept: bound to an account and to the exact address it is mailed to. An account has at most one of each
/// purpose; a newer one takes the older one's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLink {
    /// What it is good for.
    pub purpose: LinkPurpose,
    /// Whose it is.
    pub account_id: AccountId,
    /// The address it is mailed to, which is the one it proves.
    pub email: Email,
    /// The token's digest.
    pub digest: LinkDigest,
    /// The code's MAC.
    pub code_mac: [u8; 32],
    /// When it is made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The hash that the password was verified against that it was asked for with; the link is kept only while that is the
    /// account's. `None` where no password was asked for.
    pub verified: Option<PasswordHash>,
}

/// What is mailed of a link; it does not print.
pub struct LinkSecrets {
    /// The token.
    pub token: String,
    /// The code.
    pub code: String,
    /// The token's digest.
    pub digest: LinkDigest,
    /// The code's MAC.
    pub code_mac: [u8; 32],
}

impl LinkSecrets {
    /// Makes a token and a code.
    #[must_use]
    pub fn generate(keys: &MasterKeys) -> Self {
        let (token, digest) = LinkDigest::of_new_token();
        // So much longer than the code that no code is likelier than another.
        let number = u128::from_be_bytes(random_bytes()) % CODES;
        let code = format!("{number:0CODE_DIGITS$}");
        let code_mac = keys.code_mac(&code_text(digest, &code));
        Self { token, code, digest, code_mac }
    }
}

impl fmt::Debug for LinkSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecrets(…)")
    }
}

/// Whether a typed code is the one of the link with this digest; in constant time. Spaces and hyphens are for the eye.
#[must_use]
pub fn is_code(keys: &MasterKeys, link: LinkDigest, typed: &str, mac: &[u8]) -> bool {
    let code: String =
        typed.chars().filter(|c| !c.is_whitespace() && *c != '-').take(CODE_DIGITS + 1).collect();
    keys.is_code_mac(&code_text(link, &code), mac)
}

fn code_text(link: LinkDigest, code: &str) -> Vec<u8> {
    [link.as_bytes().as_slice(), code.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::secret::SecretKey;

    #[test]
    fn what_is_mailed_is_recognised_and_nothing_else() {
        let (old, new) = (SecretKey::generate(), SecretKey::generate());
        let keys = MasterKeys::derive(&old, &[]).unwrap();
        let (one, other) = (LinkSecrets::generate(&keys), LinkSecrets::generate(&keys));
        assert_eq!(LinkDigest::of_token(&one.token), Some(one.digest));
        assert_ne!(one.digest, other.digest);
        assert!(one.code.len() == 8 && one.code.bytes().all(|byte| byte.is_ascii_digit()));
        let rotated = MasterKeys::derive(&new, &[old]).unwrap();
        let spaced = format!(" {} - {} ", &one.code[..4], &one.code[4..]);
        for keys in [&keys, &rotated] {
            assert!(is_code(keys, one.digest, &one.code, &one.code_mac));
            assert!(is_code(keys, one.digest, &spaced, &one.code_mac));
            assert!(!is_code(keys, other.digest, &one.code, &one.code_mac));
            assert!(!is_code(keys, one.digest, &format!("{}0", one.code), &one.code_mac));
            assert!(!is_code(keys, one.digest, "", &one.code_mac));
        }
        assert!(!is_code(&MasterKeys::derive(&new, &[]).unwrap(), one.digest, &one.code, &one.code_mac));
    }

    #[test]
    fn t55_what_is_mailed_does_not_print() {
        let secrets = LinkSecrets::generate(&MasterKeys::derive(&SecretKey::generate(), &[]).unwrap());
        assert_eq!(format!("{secrets:?} {:?}", secrets.digest), "LinkSecrets(…) LinkDigest(…)");
    }

    proptest! {
        #[test]
        fn no_token_panics(token in "[A-Za-z0-9_-]{0,60}|\\PC{0,60}") {
            let is_long_enough = token.len() == 43;
            prop_assert!(is_long_enough || LinkDigest::of_token(&token).is_none());
        }
    }
}
