//! Telling other systems what has become of accounts.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{clock::Timestamp, mailer::DeliveryError};
use crate::values::account::Account;

macro_rules! event_kinds {
    ($($name:ident $text:literal $doc:literal;)*) => {
        /// What has become of an account. The names are an API: none changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum EventKind {
            $(#[doc = $doc] #[serde(rename = $text)] $name,)*
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name that receivers and configurations know it by.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it means.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $doc,)* }
            }
        }
    };
}

event_kinds! {
    Registered "user.registered" "There is a new account.";
    EmailConfirmed "user.email_confirmed" "Somebody has proved that the address is theirs.";
    EmailChanged "user.email_changed" "The address is another one.";
    UsernameChanged "user.username_changed" "The user name is another one.";
    FullNameChanged "user.full_name_changed" "The person's name is another one.";
    PasswordChanged "user.password_changed" "The password was changed, set or reset.";
    PermissionsChanged "user.permissions_changed" "The permissions are others.";
    Disabled "user.disabled" "The account is out of use: an administrator disabled it, or its owner asked for its deletion.";
    Enabled "user.enabled" "The account is back in use.";
    Deleted "user.deleted" "The account is gone.";
}

/// Tells other systems of events.
///
/// It is asked from the outbox alone, never while somebody waits for an answer, and perhaps twice for one event.
#[async_trait]
pub trait Notifier: fmt::Debug + Send + Sync {
    /// Whether anybody wants to know of events of this kind. Of others nothing is kept.
    fn wants(&self, kind: EventKind) -> bool;

    /// Tells of an event; `id` stays the same however often it is told.
    ///
    /// # Errors
    /// [`DeliveryError`] says whether trying again may help. What it prints goes into logs.
    async fn notify(&self, id: Uuid, event: &Event) -> Result<(), DeliveryError>;
}

/// Something that has become of an account. It has neither passwords nor tokens in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// When: RFC 3339, UTC.
    pub at: String,
    /// Whose account.
    pub account_id: Uuid,
    /// The account afterwards, or as it was when it was deleted; `None` where it went at the end of its grace.
    pub account: Option<Facts>,
    /// What of it was different before, by name.
    pub previous: Map<String, Value>,
}

/// An account as other systems see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Its id.
    pub id: Uuid,
    /// Its address, as typed.
    pub email: String,
    /// Its user name.
    pub username: Option<String>,
    /// Its owner's name.
    pub full_name: Option<String>,
    /// Whether it may be used.
    pub active: bool,
    /// Whether its address has been proved.
    pub confirmed: bool,
    /// What it may do.
    pub permissions: Vec<String>,
    /// When it was made: RFC 3339, UTC.
    pub created_at: String,
    /// When its owner last logged in: RFC 3339, UTC.
    pub last_login_at: Option<String>,
}

impl From<&Account> for Facts {
    fn from(account: &Account) -> Self {
        Self {
            id: *account.id.as_uuid(),
            email: account.email.clone(),
            username: account.username.clone(),
            full_name: account.full_name.clone(),
            active: account.active,
            confirmed: account.confirmed,
            permissions: account.permissions.iter().map(str::to_owned).collect(),
            created_at: account.created_at.to_rfc3339(),
            last_login_at: account.last_login_at.map(Timestamp::to_rfc3339),
        }
    }
}
