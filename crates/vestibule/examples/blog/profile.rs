//! What the blog keeps with each account: how its owner signs.

use serde::{Deserialize, Serialize};
use vestibule::{
    AccountProfile, ProfileViolation,
    core::values::account::Account,
    http::{
        error::ApiError,
        utoipa::{self, ToSchema},
    },
};

/// The longest name to sign with, in characters.
const MAX_PEN_NAME: usize = 40;

/// How somebody signs their posts.
#[derive(Deserialize, Serialize, ToSchema)]
pub(crate) struct Profile {
    /// The name under their posts; the user name where there is none. At most 40 characters.
    #[schema(example = "The Countess")]
    pen_name: Option<String>,
}

impl AccountProfile for Profile {
    fn normalise(&mut self) {
        self.pen_name =
            self.pen_name.take().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    }

    fn validate(&self) -> Result<(), Vec<ProfileViolation>> {
        let is_wrong =
            |name: &String| name.chars().count() > MAX_PEN_NAME || name.chars().any(char::is_control);
        if self.pen_name.as_ref().is_some_and(is_wrong) {
            let rule = "A pen name has at most 40 characters, and none that cannot be seen";
            return Err(vec![ProfileViolation::new("pen_name", "pen_name_invalid", rule)]);
        }
        Ok(())
    }
}

/// The name under what somebody writes.
pub(crate) fn signature(account: &Account) -> Result<String, ApiError> {
    let profile: Profile = account.profile()?;
    let name = profile.pen_name.or_else(|| account.username.clone());
    Ok(name.unwrap_or_else(|| "somebody".into()))
}
