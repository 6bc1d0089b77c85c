//! Scopes and permissions: sets of names, compared exactly.

use std::{collections::BTreeSet, fmt};

/// The longest permission or scope name, in bytes.
const MAX_NAME: usize = 64;

/// The permission that opens the administration.
pub const ADMIN: &str = "admin";

/// A set of scope or permission names, in order and without duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// The empty set.
    #[must_use]
    pub const fn none() -> Self {
        Self(BTreeSet::new())
    }

    /// Reads a list separated by white space (RFC 6749 §3.3); names that cannot be scopes are dropped.
    #[must_use]
    pub fn read(list: &str) -> Self {
        list.split_whitespace().filter(|name| is_scope_name(name)).collect()
    }

    /// Whether `name` is in the set.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Whether every name of `required` is in the set.
    #[must_use]
    pub fn contains_all(&self, required: &Self) -> bool {
        required.0.is_subset(&self.0)
    }

    /// Whether the set grants `name`, taken as a hierarchy: `users:*` grants everything that begins with `users:`, and
    /// `*` grants everything. A star anywhere else is a letter like others.
    ///
    /// ```
    /// use vestibule_token::scope::Scopes;
    ///
    /// let granted = Scopes::read("users:* posts:read");
    /// assert!(granted.grants("users:read") && granted.grants("users:read:own") && granted.grants("posts:read"));
    /// assert!(!granted.grants("users") && !granted.grants("posts:write") && !granted.grants("usersread"));
    /// ```
    #[must_use]
    pub fn grants(&self, name: &str) -> bool {
        self.contains(name) || self.iter().any(|granted| covers(granted, name))
    }

    /// The names in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.0.intersection(&other.0).cloned().collect()
    }

    /// Adds a name.
    pub fn insert(&mut self, name: impl Into<String>) {
        self.0.insert(name.into());
    }

    /// The names in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether the set has no names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Scopes {
    /// The names separated by single spaces, as the `scope` claim wants them (RFC 9068 §2.2.3).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, name) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl<S: Into<String>> FromIterator<S> for Scopes {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

/// Whether a name with or without a star covers another, as [`Scopes::grants`] has it.
#[must_use]
pub fn covers(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some("") => true,
        // The colon belongs to the prefix, so that `users:*` is no kin of `users2:read`.
        Some(prefix) if prefix.ends_with(':') => name.len() > prefix.len() && name.starts_with(prefix),
        _ => pattern == name,
    }
}

/// RFC 6749 §3.3 `scope-token`, and short enough to travel in a token.
#[must_use]
pub fn is_scope_name(name: &str) -> bool {
    let is_scope_byte = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(is_scope_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_at_any_white_space_and_has_no_duplicates() {
        let scopes = Scopes::read(" read  write\tread\nb\"ad \u{e4} ");
        assert_eq!(scopes.to_string(), "read write");
    }

    #[test]
    fn a_star_grants_what_is_below_it_and_nothing_else() {
        for (granted, name, is_granted) in [
            ("users:*", "users:read", true),
            ("users:*", "users:read:own", true),
            ("users:*", "users:*", true),
            ("users:read:*", "users:read:own", true),
            ("users:read:*", "users:read", false),
            ("users:*", "users", false),
            ("users:*", "users:", false),
            ("users:*", "usersx:read", false),
            ("users:*", "Users:read", false),
            ("users*", "users:read", false),
            ("users:r*", "users:read", false),
            ("*:read", "users:read", false),
            ("users:read", "users:*", false),
            ("*", "anything", true),
            ("", "anything", false),
        ] {
            assert_eq!(Scopes::read(granted).grants(name), is_granted, "{granted} for {name}");
        }
    }

    #[test]
    fn membership_is_exact() {
        let scopes = Scopes::read("users:read");
        assert!(scopes.contains("users:read"));
        for near in ["users", "users:", "users:read ", "Users:read", "users:*", ""] {
            assert!(!scopes.contains(near), "{near:?}");
        }
        assert!(scopes.contains_all(&Scopes::none()));
        assert!(!Scopes::none().contains_all(&scopes));
    }
}
