//! User names: what people call each other, unique without regard to case.

use std::collections::HashSet;

use super::{email::canonical_email, rule::RuleViolation};

/// A user name that follows the rules in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// The name as its owner typed it, without surrounding white space.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form under which the name is unique.
    #[must_use]
    pub fn canonical(&self) -> String {
        canonical_username(&self.0)
    }
}

/// The rules for user names.
#[derive(Clone, Debug)]
pub struct UsernamePolicy {
    /// The least number of symbols.
    pub min_length: usize,
    /// The greatest number of symbols.
    pub max_length: usize,
    /// Names nobody may take, in canonical form.
    pub reserved: HashSet<String>,
}

/// Names that would be mistaken for a route, a role or a service.
pub const RESERVED_USERNAMES: &[&str] = &[
    "abuse",
    "account",
    "admin",
    "administrator",
    "anonymous",
    "api",
    "auth",
    "blackout",
    "change_info",
    "confirm",
    "docs",
    "edit",
    "everyone",
    "guest",
    "help",
    "hostmaster",
    "info",
    "login",
    "logout",
    "mail",
    "me",
    "message",
    "messages",
    "moderator",
    "nobody",
    "noreply",
    "no-reply",
    "notifications",
    "null",
    "owner",
    "password",
    "postmaster",
    "register",
    "root",
    "security",
    "self",
    "sessions",
    "settings",
    "setup",
    "staff",
    "support",
    "sysadmin",
    "system",
    "token",
    "undefined",
    "user",
    "username",
    "users",
    "vestibule",
    "webmaster",
];

impl Default for UsernamePolicy {
    fn default() -> Self {
        let reserved = RESERVED_USERNAMES.iter().map(|&name| name.to_owned()).collect();
        Self { min_length: 3, max_length: 20, reserved }
    }
}

impl UsernamePolicy {
    /// Parses a name that a person chose.
    ///
    /// # Errors
    /// The first rule the name breaks: `username_length`, `username_characters` or `username_reserved`.
    pub fn parse(&self, input: &str) -> Result<Username, RuleViolation> {
        let username = self.parse_exempt(input)?;
        if self.reserved.contains(&username.canonical()) {
            return Err(RuleViolation::new("username", "username_reserved", "Wrong username"));
        }
        Ok(username)
    }

    /// Parses a name that an operator chose: the reserved ones are allowed.
    ///
    /// # Errors
    /// The first rule the name breaks: `username_length` or `username_characters`.
    pub fn parse_exempt(&self, input: &str) -> Result<Username, RuleViolation> {
        let input = input.trim();
        if !(self.min_length..=self.max_length).contains(&input.chars().count()) {
            let message =
                format!("Username must contain from {} to {} symbols", self.min_length, self.max_length);
            return Err(RuleViolation::new("username", "username_length", message));
        }
        if !input.chars().all(is_username_character) {
            let message = "Username must not contain special characters";
            return Err(RuleViolation::new("username", "username_characters", message));
        }
        Ok(Username(input.to_owned()))
    }
}

fn is_username_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// The one canonical form of a user name. Idempotent.
fn canonical_username(input: &str) -> String {
    input.trim().to_ascii_lowercase()
}

/// What somebody typed to say who they are: a user name or an e-mail address.
///
/// A user name holds no `@`, so the two never meet. What could be neither is kept too, as a name that belongs to
/// nobody: it is looked up, hashed for and counted like every other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LoginName {
    /// An address, in canonical form.
    Email(String),
    /// A user name, in canonical form.
    Username(String),
    /// Neither; it can belong to nobody.
    Neither,
}

impl LoginName {
    /// Reads what was typed.
    ///
    /// ```
    /// use vestibule_core::values::username::LoginName;
    ///
    /// assert_eq!(LoginName::read(" Ada "), LoginName::Username("ada".into()));
    /// assert_eq!(LoginName::read("Ada@Example.com"), LoginName::Email("ada@example.com".into()));
    /// assert_eq!(LoginName::read("a\0b"), LoginName::Neither);
    /// ```
    #[must_use]
    pub fn read(input: &str) -> Self {
        let name = canonical_username(input);
        if name.contains('@') {
            canonical_email(&name).map_or(Self::Neither, Self::Email)
        } else if !name.is_empty() && name.chars().all(is_username_character) {
            Self::Username(name)
        } else {
            Self::Neither
        }
    }

    /// What attempts with what was typed are counted under: the canonical name, and for what is none, what was typed, so
    /// that nobody's slip counts for anybody else's.
    #[must_use]
    pub fn counted(input: &str) -> String {
        match Self::read(input) {
            Self::Email(name) | Self::Username(name) => name,
            Self::Neither => canonical_username(input),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_rule_has_its_code_and_message() {
        let policy = UsernamePolicy::default();
        for (input, code, message) in [
            ("ab", "username_length", "Username must contain from 3 to 20 symbols"),
            ("   ab   ", "username_length", "Username must contain from 3 to 20 symbols"),
            ("abcdefghijklmnopqrstu", "username_length", "Username must contain from 3 to 20 symbols"),
            ("ab c", "username_characters", "Username must not contain special characters"),
            ("a@b", "username_characters", "Username must not contain special characters"),
            ("ädäm", "username_characters", "Username must not contain special characters"),
            ("ab\0c", "username_characters", "Username must not contain special characters"),
            ("Admin", "username_reserved", "Wrong username"),
            ("change_info", "username_reserved", "Wrong username"),
        ] {
            let violation = policy.parse(input).unwrap_err();
            assert_eq!((violation.code, violation.message.as_ref()), (code, message), "{input:?}");
        }
        assert_eq!(policy.parse(" Ada_L-1 ").unwrap().as_str(), "Ada_L-1");
        assert_eq!(policy.parse_exempt("admin").unwrap().canonical(), "admin");
    }

    #[test]
    fn t49_letter_case_names_the_same_account() {
        assert_eq!(LoginName::read("ADA"), LoginName::read("ada"));
        assert_eq!(LoginName::read("A@B.EXAMPLE"), LoginName::read("a@b.example"));
    }

    proptest! {
        #[test]
        fn t06_login_and_registration_see_the_same_name(input in "[ ]?[A-Za-z0-9_-]{3,20}[ ]?") {
            let policy = UsernamePolicy { reserved: HashSet::new(), ..UsernamePolicy::default() };
            if let Ok(name) = policy.parse(&input) {
                prop_assert_eq!(LoginName::read(&input), LoginName::Username(name.canonical()));
                prop_assert_eq!(canonical_username(&name.canonical()), name.canonical());
            }
        }

        #[test]
        fn no_input_panics(input in any::<String>()) {
            let _ = LoginName::read(&input);
        }
    }
}
