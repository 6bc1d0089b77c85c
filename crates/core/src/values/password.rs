//! Passwords and their hashes; neither prints.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{email::Email, rule::RuleViolation, username::Username};

/// The least length at which a local part inside a password counts as a hint to it.
const MIN_TELLING_LOCAL_PART: usize = 4;

/// A password as somebody typed it, in Unicode's normal form C; wiped from memory when dropped.
///
/// NFC makes the same characters the same bytes whichever keyboard they came from. Nothing is trimmed or cut.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a password as typed.
    #[must_use]
    pub fn new(input: &str) -> Self {
        Self(Zeroizing::new(input.nfc().collect()))
    }

    /// The bytes to hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The length in Unicode scalar values.
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.chars().count()
    }

    /// Whether it has a NUL: no keyboard types it, and other systems would end the password there.
    #[must_use]
    pub fn has_nul(&self) -> bool {
        self.0.contains('\0')
    }

    fn contains_ignoring_case(&self, needle: &str) -> bool {
        let haystack = Zeroizing::new(self.0.to_lowercase());
        !needle.is_empty() && haystack.contains(&needle.to_lowercase())
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.as_bytes(), other.as_bytes()).is_ok()
    }
}

impl Eq for Password {}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A password's hash as a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes a PHC string as a hasher made it or a store kept it.
    #[must_use]
    pub const fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string, for the hasher and the store.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// The rules for passwords. There are no composition rules: length is what helps (NIST SP 800-63B §3.1.1.2).
#[derive(Clone, Debug)]
pub struct PasswordPolicy {
    /// The least number of Unicode scalar values.
    pub min_length: usize,
    /// The greatest number of Unicode scalar values; longer ones are refused before they are hashed.
    pub max_length: usize,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_length: 8, max_length: 256 }
    }
}

impl PasswordPolicy {
    /// Whether a password is short enough to be worth hashing.
    #[must_use]
    pub fn may_be_hashed(&self, password: &Password) -> bool {
        password.length() <= self.max_length
    }

    /// Checks a password that somebody chose. `field` is how the request names it.
    ///
    /// # Errors
    /// The first rule it breaks: `password_characters`, `password_length` or `password_contains_name`.
    pub fn check(
        &self,
        field: &'static str,
        password: &Password,
        username: Option<&Username>,
        email: Option<&Email>,
    ) -> Result<(), RuleViolation> {
        if password.has_nul() {
            let message = "Password must not contain the character NUL";
            return Err(RuleViolation::new(field, "password_characters", message));
        }
        if !(self.min_length..=self.max_length).contains(&password.length()) {
            let message =
                format!("Password must contain from {} to {} symbols", self.min_length, self.max_length);
            return Err(RuleViolation::new(field, "password_length", message));
        }
        let contains_username = username.is_some_and(|name| password.contains_ignoring_case(name.as_str()));
        let contains_email = email.is_some_and(|email| {
            let local_part = email.canonical_local_part();
            password.contains_ignoring_case(email.as_typed())
                || (local_part.len() >= MIN_TELLING_LOCAL_PART && password.contains_ignoring_case(local_part))
        });
        if contains_username || contains_email {
            let message = "Password must not contain your username or e-mail address";
            return Err(RuleViolation::new(field, "password_contains_name", message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::username::UsernamePolicy;

    fn broken_rule(password: &str, username: &str, email: &str) -> Option<&'static str> {
        let username = UsernamePolicy::default().parse(username).unwrap();
        let email = Email::parse(email).unwrap();
        let password = Password::new(password);
        PasswordPolicy::default()
            .check("password1", &password, Some(&username), Some(&email))
            .err()
            .map(|violation| violation.code)
    }

    #[test]
    fn t27_length_is_counted_after_normalisation() {
        let decomposed = "e\u{301}".repeat(8);
        assert_eq!(Password::new(&decomposed).length(), 8);
        assert_eq!(Password::new(&decomposed), Password::new(&"é".repeat(8)));
        assert_eq!(broken_rule(&decomposed, "ada", "x@b.example"), None);
    }

    #[test]
    fn t34_length_is_bounded_on_both_sides() {
        assert_eq!(broken_rule("1234567", "ada", "x@b.example"), Some("password_length"));
        assert_eq!(broken_rule("12345678", "ada", "x@b.example"), None);
        assert_eq!(broken_rule(&"é".repeat(256), "ada", "x@b.example"), None);
        assert_eq!(broken_rule(&"é".repeat(257), "ada", "x@b.example"), Some("password_length"));
        assert!(!PasswordPolicy::default().may_be_hashed(&Password::new(&"a".repeat(257))));
    }

    #[test]
    fn a_password_has_no_nul() {
        assert_eq!(broken_rule("correct\0horse", "ada", "x@b.example"), Some("password_characters"));
    }

    #[test]
    fn a_password_does_not_contain_its_owner() {
        for (password, username, email) in [
            ("my-LOVELACE-1815", "lovelace", "x@b.example"),
            ("my ada.l@b.example", "someone", "Ada.L@B.example"),
            ("xxxx-ADA.L-xxxx", "someone", "ada.l@b.example"),
        ] {
            assert_eq!(broken_rule(password, username, email), Some("password_contains_name"), "{password}");
        }
        assert_eq!(broken_rule("abacus-and-rod", "someone", "rod@b.example"), None);
    }

    #[test]
    fn spaces_belong_to_the_password() {
        assert_ne!(Password::new(" 12345678"), Password::new("12345678"));
    }

    #[test]
    fn t55_nothing_secret_prints() {
        let password = Password::new("correct horse battery");
        let hash = PasswordHash::new("$argon2id$secret".into());
        assert_eq!(format!("{password:?}{hash:?}"), "Password(…)PasswordHash(…)");
    }
}
