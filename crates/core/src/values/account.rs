//! Accounts: who somebody is here.

pub use vestibule_token::ids::AccountId;
use vestibule_token::user::{HasPermissions, HasVerifiedEmail};

use super::{
    email::Email, language::Language, link::NewLink, password::PasswordHash, profile::ProfileText,
    rule::RuleViolation, scope::Scopes, username::Username,
};
use crate::ports::{
    clock::Timestamp,
    store::{Acquaintance, Announcer, NewErrand, PendingDeletion},
};

/// The longest full name, in Unicode scalar values.
const MAX_FULL_NAME: usize = 100;

/// An account as the application sees it; without its password hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The account's id.
    pub id: AccountId,
    /// The address as typed: the one mail is sent to.
    pub email: String,
    /// The user name as typed.
    pub username: Option<String>,
    /// The person's name.
    pub full_name: Option<String>,
    /// Whether the account may be used; a ban makes it `false`.
    pub active: bool,
    /// Whether the address has been proved.
    pub confirmed: bool,
    /// What the account may do.
    pub permissions: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its owner last logged in with credentials.
    pub last_login_at: Option<Timestamp>,
    /// What the application keeps with it, as it is stored; [`profile`](Self::profile) reads it.
    pub stored_profile: Option<ProfileText>,
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The account's id.
    pub id: AccountId,
    /// The address.
    pub email: Email,
    /// The user name.
    pub username: Option<Username>,
    /// The person's name.
    pub full_name: Option<FullName>,
    /// The hash of the password; `None` for an account that cannot log in by password.
    pub password_hash: Option<PasswordHash>,
    /// Whether the address counts as proved.
    pub confirmed: bool,
    /// What the account may do.
    pub permissions: Scopes,
    /// The language its owner wants to be written to in.
    pub language: Option<Language>,
    /// The link that asks for a proof of the address, and the errand that mails it.
    pub invitation: Option<(NewLink, NewErrand)>,
    /// The devices that it is made with; they are not new to it.
    pub devices: Vec<Acquaintance>,
    /// What tells others of it.
    pub announcer: Announcer,
    /// What the application keeps with it.
    pub profile: Option<ProfileText>,
    /// The present moment.
    pub created_at: Timestamp,
}

/// An account together with what a login needs to know about it.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account.
    pub account: Account,
    /// The stored hash; `None` where the account has no password.
    pub password_hash: Option<PasswordHash>,
    /// The language its owner wants to be written to in.
    pub language: Option<Language>,
    /// Sessions begun at or before this moment are dead: the later of the account's and the global cut-off.
    pub cutoff_at: Timestamp,
    /// When the account is deleted, where its owner asked for that.
    pub deletion: Option<PendingDeletion>,
    /// How often its counters of failures were begun anew.
    pub unlocks: u64,
    /// Devices that have not logged in after this moment are strangers.
    pub devices_since: Timestamp,
}

/// A person's name: trimmed, at most 100 symbols, no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullName(String);

impl FullName {
    /// Parses a name; an empty one is no name.
    ///
    /// # Errors
    /// `full_name_invalid` for a name that is too long or has control characters.
    pub fn parse(input: &str) -> Result<Option<Self>, RuleViolation> {
        let name = input.trim();
        if name.chars().count() > MAX_FULL_NAME || name.chars().any(char::is_control) {
            let message = "Full name must have at most 100 symbols and no control characters";
            return Err(RuleViolation::new("full_name", "full_name_invalid", message));
        }
        Ok((!name.is_empty()).then(|| Self(name.to_owned())))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl HasPermissions for Account {
    fn has_permission(&self, name: &str) -> bool {
        self.permissions.contains(name)
    }
}

impl HasVerifiedEmail for Account {
    fn has_verified_email(&self) -> bool {
        self.confirmed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_name_is_trimmed_and_bounded() {
        assert_eq!(FullName::parse(" Ada Lovelace ").unwrap().unwrap().as_str(), "Ada Lovelace");
        assert_eq!(FullName::parse("  ").unwrap(), None);
        assert!(FullName::parse(&"é".repeat(100)).is_ok());
        assert_eq!(FullName::parse(&"é".repeat(101)).unwrap_err().code, "full_name_invalid");
        assert_eq!(FullName::parse("a\r\nb").unwrap_err().code, "full_name_invalid");
    }

    #[test]
    fn an_id_reads_only_in_its_one_spelling() {
        let id = AccountId::new(Timestamp::from_millis(1_700_000_000_000));
        assert_eq!(AccountId::read(&id.to_string()), Some(id));
        let braced = format!("{{{id}}}");
        for other in ["", "me", "1", braced.as_str(), &id.as_uuid().simple().to_string()] {
            assert_eq!(AccountId::read(other), None, "{other}");
        }
    }
}
