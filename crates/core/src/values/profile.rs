//! Profiles as they are stored: what an application keeps with an account.

use std::{fmt, sync::Arc};

use crate::ports::profile::{AccountProfile, ProfileMisfit, read};

/// The longest profile, in bytes of its JSON text.
pub const MAX_PROFILE: usize = 8 * 1024;

/// The text of a JSON object, as the application's type has written it.
///
/// Cheap to clone. It prints its length alone: what is in it is somebody's own.
#[derive(Clone, PartialEq, Eq)]
pub struct ProfileText(Arc<str>);

impl ProfileText {
    /// A text that a store has kept, or that [`ProfileRules`](crate::ports::profile::ProfileRules) have written.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text.into())
    }

    /// What it says, as a type of the application's.
    ///
    /// # Errors
    /// [`ProfileMisfit`] where it is of another type.
    pub fn read<P: AccountProfile>(&self) -> Result<P, ProfileMisfit> {
        read(&self.0)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ProfileText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProfileText({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_profile_is_printed() {
        let text = ProfileText::stored(r#"{"phone":"555"}"#.into());
        assert_eq!(format!("{text:?}"), "ProfileText(15 bytes)");
    }
}
