//! Passwords and their hashes; neither prints.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{common_passwords::is_common, email::Email, rule::RuleViolation, username::Username};

/// The least length at which a local part or a context word inside a password tells something about it.
pub const MIN_TELLING_WORD: usize = 4;

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
        // Letter by letter: `str::to_lowercase` makes a final sigma of its own, which the same word inside has not.
        let haystack: Zeroizing<String> =
            Zeroizing::new(self.0.chars().flat_map(char::to_lowercase).collect());
        let needle: String = needle.nfc().flat_map(char::to_lowercase).collect();
        !needle.is_empty() && haystack.contains(&needle)
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

/// A password's hash as a text: a PHC string, or as another system wrote it before it was imported.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes a text as a hasher made it or a store kept it.
    #[must_use]
    pub const fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The text, for the hasher and the store.
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
    /// Words that no password may contain, whatever their case: what this service is called. Each has at least
    /// [`MIN_TELLING_WORD`] symbols.
    pub context_words: Vec<String>,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_length: 8, max_length: 256, context_words: Vec::new() }
    }
}

impl PasswordPolicy {
    /// Whether a password is short enough to be worth hashing.
    #[must_use]
    pub fn may_be_hashed(&self, password: &Password) -> bool {
        password.length() <= self.max_length
    }

    /// Checks what must be right before anything else is done with a password. `field` is how the request names it.
    ///
    /// # Errors
    /// `password_characters` or `password_length`.
    pub fn check_shape(&self, field: &'static str, password: &Password) -> Result<(), RuleViolation> {
        if password.has_nul() {
            let message = "Password must not contain the character NUL";
            return Err(RuleViolation::new(field, "password_characters", message));
        }
        if !(self.min_length..=self.max_length).contains(&password.length()) {
            let message =
                format!("Password must contain from {} to {} symbols", self.min_length, self.max_length);
            return Err(RuleViolation::new(field, "password_length", message));
        }
        Ok(())
    }

    /// Checks that a password is not among the first guesses: the rules that it breaks, `password_common` and
    /// `password_contains_name`, in this order.
    #[must_use]
    pub fn check_content(
        &self,
        field: &'static str,
        password: &Password,
        owner: PasswordOwner<'_>,
    ) -> Vec<RuleViolation> {
        let mut broken = Vec::new();
        if is_common(&password.0) {
            broken.push(RuleViolation::new(field, "password_common", "Password is too common"));
        }
        if owner.is_named_in(password) {
            let message = "Password must not contain your username or e-mail address";
            broken.push(RuleViolation::new(field, "password_contains_name", message));
        } else if self.context_words.iter().any(|word| password.contains_ignoring_case(word)) {
            let message = "Password must not contain the name of this service";
            broken.push(RuleViolation::new(field, "password_contains_name", message));
        }
        broken
    }
}

/// Whose password it is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct PasswordOwner<'a> {
    /// The user name, where there is one.
    pub username: Option<&'a Username>,
    /// The e-mail address, where it is known.
    pub email: Option<&'a Email>,
}

impl PasswordOwner<'_> {
    fn is_named_in(self, password: &Password) -> bool {
        let has_username = self.username.is_some_and(|name| password.contains_ignoring_case(name.as_str()));
        let has_email = self.email.is_some_and(|email| {
            let local_part = email.canonical_local_part();
            [email.as_typed(), email.canonical()]
                .iter()
                .any(|address| password.contains_ignoring_case(address))
                || (local_part.len() >= MIN_TELLING_WORD && password.contains_ignoring_case(local_part))
        });
        has_username || has_email
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::username::UsernamePolicy;

    const NONE: [&str; 0] = [];

    fn broken_rules(password: &str, username: &str, email: &str) -> Vec<&'static str> {
        let username = UsernamePolicy::default().parse(username).unwrap();
        let email = Email::parse(email).unwrap();
        let policy = PasswordPolicy {
            context_words: vec!["Vestibule".into(), "Me\u{301}tro".into()],
            ..PasswordPolicy::default()
        };
        let password = Password::new(password);
        let owner = PasswordOwner { username: Some(&username), email: Some(&email) };
        let broken = match policy.check_shape("password1", &password) {
            Ok(()) => policy.check_content("password1", &password, owner),
            Err(violation) => vec![violation],
        };
        broken.into_iter().map(|violation| violation.code).collect()
    }

    #[test]
    fn t27_length_is_counted_after_normalisation() {
        let decomposed = "e\u{301}".repeat(8);
        assert_eq!(Password::new(&decomposed).length(), 8);
        assert_eq!(Password::new(&decomposed), Password::new(&"é".repeat(8)));
        assert_eq!(broken_rules(&decomposed, "ada", "x@b.example"), NONE);
    }

    #[test]
    fn t34_length_is_bounded_on_both_sides() {
        assert_eq!(broken_rules("1234567", "ada", "x@b.example"), ["password_length"]);
        assert_eq!(broken_rules("k7%T2q!x", "ada", "x@b.example"), NONE);
        assert_eq!(broken_rules(&"é".repeat(256), "ada", "x@b.example"), NONE);
        assert_eq!(broken_rules(&"é".repeat(257), "ada", "x@b.example"), ["password_length"]);
        assert!(!PasswordPolicy::default().may_be_hashed(&Password::new(&"a".repeat(257))));
    }

    #[test]
    fn a_password_has_no_nul() {
        assert_eq!(broken_rules("correct\0horse", "ada", "x@b.example"), ["password_characters"]);
    }

    #[test]
    fn a_password_does_not_contain_its_owner() {
        for (password, username, email) in [
            ("my-LOVELACE-1815", "lovelace", "x@b.example"),
            ("my ada.l@b.example", "someone", "Ada.L@B.example"),
            ("xxxx-ADA.L-xxxx", "someone", "ada.l@b.example"),
            ("rod@BÜCHER.example", "someone", "rod@Bu\u{308}cher.example"),
            ("rod@xn--bcher-kva.example", "someone", "rod@bücher.example"),
            ("my-VESTIBULE-key", "someone", "x@b.example"),
            ("dans le MÉTRO", "someone", "x@b.example"),
        ] {
            assert_eq!(broken_rules(password, username, email), ["password_contains_name"], "{password}");
        }
        assert_eq!(broken_rules("abacus-and-rod", "someone", "rod@b.example"), NONE);
    }

    #[test]
    fn a_password_is_not_what_everybody_chooses() {
        assert_eq!(broken_rules("Password1", "someone", "x@b.example"), ["password_common"]);
        let both = ["password_common", "password_contains_name"];
        assert_eq!(broken_rules("Michael1", "michael", "x@b.example"), both);
        assert_eq!(
            broken_rules("vestibule-and-someone", "someone", "x@b.example"),
            ["password_contains_name"]
        );
        assert_eq!(
            broken_rules("1234567", "someone", "x@b.example"),
            ["password_length"],
            "length comes first"
        );
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
