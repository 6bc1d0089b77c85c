//! What people are written: the facts of a message, before anybody has put them into words.
//!
//! A message waits in the store until it has been sent, so its facts are what is kept, sealed, and not its text:
//! templates may change meanwhile.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{client::Client, language::Language};
use crate::ports::clock::Timestamp;

/// A message to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The address, as its owner typed it.
    pub to: String,
    /// What the person is called here, where they have a user name.
    pub username: Option<String>,
    /// The language to write in.
    pub language: Language,
    /// When what it tells of happened.
    pub at: Timestamp,
    /// What it tells.
    pub content: Content,
}

/// What a message tells. Links and codes do not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// Prove that this address is yours.
    ConfirmAddress(Invitation),
    /// Choose a new password.
    ResetPassword(Invitation),
    /// Your password was changed.
    PasswordChanged,
    /// Your user name was changed.
    UsernameChanged {
        /// The name until then, where there was one.
        old: Option<String>,
        /// The name from now on.
        new: String,
    },
    /// Your address was changed; this goes to the old one.
    AddressChanged {
        /// The address from now on.
        new: String,
    },
    /// Somebody logged in from a device that was not known.
    NewDevice {
        /// The client's address.
        address: String,
        /// The client's user agent, cut to 256 characters.
        user_agent: String,
    },
    /// Somebody tried to register with your address.
    AlreadyRegistered {
        /// Who did, as far as anybody knows.
        #[serde(default)]
        asked: Option<Asked>,
    },
    /// Your account is to be deleted, or is.
    AccountDeletion {
        /// The moment from which on it is gone, in milliseconds; none where it is gone at once.
        until: Option<i64>,
    },
}

/// A link and a code of which either does the same, once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The whole link.
    pub link: String,
    /// What can be typed instead.
    pub code: String,
    /// How long both are good for, counted from [`Message::at`].
    pub lifetime: Duration,
    /// Who asked for it, where whoever reads it may have to tell one invitation from another.
    #[serde(default)]
    pub asked: Option<Asked>,
}

/// When and from where somebody asked for what a message tells of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The moment, in milliseconds since 1970.
    pub at: i64,
    /// The client's address.
    pub address: String,
}

impl Asked {
    pub(crate) fn new(at: Timestamp, client: &Client) -> Self {
        Self { at: at.as_millis(), address: client.address.to_string() }
    }
}

impl Content {
    /// The name of every kind, which is also that of its templates' folder.
    pub const KINDS: [&'static str; 8] = [
        "confirm_address",
        "reset_password",
        "password_changed",
        "username_changed",
        "address_changed",
        "new_device",
        "already_registered",
        "account_deletion",
    ];

    /// The kind's name: stable, for metrics, logs and the folder of its templates.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ConfirmAddress(_) => "confirm_address",
            Self::ResetPassword(_) => "reset_password",
            Self::PasswordChanged => "password_changed",
            Self::UsernameChanged { .. } => "username_changed",
            Self::AddressChanged { .. } => "address_changed",
            Self::NewDevice { .. } => "new_device",
            Self::AlreadyRegistered { .. } => "already_registered",
            Self::AccountDeletion { .. } => "account_deletion",
        }
    }

    /// The link and the code, where it has them.
    #[must_use]
    pub const fn invitation(&self) -> Option<&Invitation> {
        match self {
            Self::ConfirmAddress(invitation) | Self::ResetPassword(invitation) => Some(invitation),
            _ => None,
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({})", self.kind())
    }
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invitation(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation() -> Invitation {
        Invitation {
            link: "https://id.example.org/reset/canary".into(),
            code: "canary".into(),
            lifetime: Duration::from_hours(2),
            asked: None,
        }
    }

    fn asked() -> Asked {
        Asked { at: 1, address: "192.0.2.1".into() }
    }

    #[test]
    fn t55_links_and_codes_do_not_print() {
        let content = Content::ResetPassword(invitation());
        let printed = format!("{content:?} {:?}", invitation());
        assert!(!printed.contains("canary"), "{printed}");
    }

    #[test]
    fn what_is_kept_names_its_kind() {
        let all = [
            Content::ConfirmAddress(Invitation { asked: Some(asked()), ..invitation() }),
            Content::ResetPassword(invitation()),
            Content::PasswordChanged,
            Content::UsernameChanged { old: None, new: "ada".into() },
            Content::AddressChanged { new: "ada@example.org".into() },
            Content::NewDevice { address: "192.0.2.1".into(), user_agent: "curl".into() },
            Content::AlreadyRegistered { asked: Some(asked()) },
            Content::AccountDeletion { until: Some(1) },
        ];
        assert_eq!(all.each_ref().map(Content::kind), Content::KINDS);
        for content in all {
            let kept = serde_json::to_value(&content).unwrap();
            assert_eq!(kept["kind"], content.kind());
            assert_eq!(serde_json::from_value::<Content>(kept).unwrap(), content);
        }
    }

    #[test]
    fn what_older_versions_kept_is_read() {
        let kept = serde_json::json!({"kind": "already_registered"});
        let content: Content = serde_json::from_value(kept).unwrap();
        assert_eq!(content, Content::AlreadyRegistered { asked: None });
        let mut kept = serde_json::to_value(Content::ConfirmAddress(invitation())).unwrap();
        kept.as_object_mut().unwrap().remove("asked").unwrap();
        let content: Content = serde_json::from_value(kept).unwrap();
        assert_eq!(content, Content::ConfirmAddress(invitation()));
    }
}
