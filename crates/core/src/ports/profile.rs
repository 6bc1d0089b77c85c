//! What an application keeps with each account: a type of its own, and the rules that its values follow.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use vestibule_core::ports::profile::{AccountProfile, ProfileViolation};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Profile {
//!     display_colour: Option<String>,
//!     #[serde(default)]
//!     newsletter: bool,
//! }
//!
//! impl AccountProfile for Profile {
//!     fn validate(&self) -> Result<(), Vec<ProfileViolation>> {
//!         match self.display_colour.as_deref() {
//!             None | Some("red" | "green" | "blue") => Ok(()),
//!             Some(_) => Err(vec![ProfileViolation::new(
//!                 "display_colour",
//!                 "colour_unknown",
//!                 "There is red, green and blue",
//!             )]),
//!         }
//!     }
//! }
//! ```

mod typed;

use std::{any::TypeId, borrow::Cow, fmt};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

pub use self::typed::RulesOf;
pub(crate) use self::typed::{read, read_empty};
use crate::values::{account::AccountId, rule::RuleViolation};

/// A type that an application keeps with each account.
///
/// What is stored is what the type writes: members that it does not know are ignored and never stored. It writes a JSON
/// object and reads what it writes; what it cannot read in a request is 422, and what it does not want is 400 with the
/// application's own codes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no profile of an account",
    note = "write `impl AccountProfile for {Self} {{}}`; it needs `serde::Serialize` and `serde::Deserialize`"
)]
pub trait AccountProfile: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Brings a value that somebody sent into its usual form before it is validated: trims a name, lower-cases a tag.
    fn normalise(&mut self) {}

    /// Says which rules a value breaks.
    ///
    /// It is asked for whatever is to be stored, and never for what has been: a rule may become stricter.
    ///
    /// # Errors
    /// Every broken rule, the one to show first at the front.
    fn validate(&self) -> Result<(), Vec<ProfileViolation>> {
        Ok(())
    }
}

/// A rule of the application that a profile breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileViolation {
    field: Cow<'static, str>,
    code: &'static str,
    message: Cow<'static, str>,
}

impl ProfileViolation {
    /// Describes a broken rule: the member, for example `links[2].url`, or nothing where it is about several; a stable
    /// code; and the sentence for whoever typed it, which is shown as it is and should repeat nothing of the value.
    #[must_use]
    pub fn new(
        field: impl Into<Cow<'static, str>>,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }

    fn into_rule(self) -> RuleViolation {
        RuleViolation::new(within_profile(&self.field), self.code, self.message)
    }
}

/// What profiles have to be: JSON in, the JSON to store out.
///
/// [`RulesOf`] are those of a type; an application that knows its members only when it runs, for example from a JSON
/// schema, writes its own.
pub trait ProfileRules: fmt::Debug + Send + Sync {
    /// Checks what somebody sent and answers with the text to store.
    ///
    /// # Errors
    /// [`ProfileRefusal`]; it repeats nothing of what was sent.
    fn admit(&self, sent: Map<String, Value>) -> Result<String, ProfileRefusal>;

    /// What was stored, perhaps by an older version of the application, as it is shown today.
    ///
    /// # Errors
    /// [`ProfileMisfit`] where it cannot be read any more.
    fn show(&self, stored: &str) -> Result<String, ProfileMisfit>;

    /// What is shown of an account without a profile; `None` where there is nothing to show.
    fn show_absent(&self) -> Option<String>;

    /// Whether stored profiles are of this type; rules without a type leave that to whoever asks.
    fn are_of(&self, _asked: TypeId) -> bool {
        true
    }

    /// What they are called in messages for the application's authors.
    fn name(&self) -> &str;
}

/// Why a profile is not stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileRefusal {
    /// It is none: something is missing or of another type.
    #[error(transparent)]
    Misfit(#[from] ProfileMisfit),
    /// It breaks rules; never empty.
    #[error("{} rules of the profile are broken", .0.len())]
    Rules(Vec<RuleViolation>),
    /// The application's type does not do what it must: a fault of its authors.
    #[error("the profile type {name} cannot be used: {cause}")]
    Unusable {
        /// The type.
        name: String,
        /// What is wrong with it; it repeats nothing of a value.
        cause: String,
    },
}

/// A value that the type cannot read. It names the place and repeats nothing of the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {}", .kind.said())]
pub struct ProfileMisfit {
    /// Where, for example `profile.links[2].url`.
    pub field: String,
    /// What is wrong there.
    pub kind: MisfitKind,
}

/// What is wrong with a value that a type cannot read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MisfitKind {
    /// It is not there.
    Missing,
    /// It is of another type.
    WrongType,
    /// It is of the right type, and none of the values there are.
    Invalid,
}

impl MisfitKind {
    const fn said(self) -> &'static str {
        match self {
            Self::Missing => "is missing",
            Self::WrongType => "has the wrong type",
            Self::Invalid => "has a value that it cannot have",
        }
    }
}

/// Why there is no profile to be had.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The account has none, and the type has members without a default.
    #[error("the account has no profile yet")]
    Missing,
    /// What is stored does not fit the type any more.
    #[error("the stored profile of the account {account_id} does not fit its type: {misfit}")]
    Misfit {
        /// Whose it is.
        account_id: AccountId,
        /// What does not fit.
        misfit: ProfileMisfit,
    },
    /// The engine was given another type, or none.
    #[error("a profile of the type {asked} was asked for; those here are {registered}")]
    OtherType {
        /// The type that was asked for.
        asked: &'static str,
        /// The one there is.
        registered: String,
    },
}

/// A place in a profile, as requests and answers name it.
fn within_profile(place: &str) -> String {
    if place.is_empty() { "profile".to_owned() } else { format!("profile.{place}") }
}
