//! `[login]`: logging in.

use super::settings::Settings;

/// How logins are taken.
#[derive(Clone, Debug)]
pub struct Login {
    /// Whether `grant_type=password` must be said.
    pub strict_grant_type: bool,
}

impl Login {
    pub(super) fn read(settings: &Settings) -> Self {
        Self { strict_grant_type: settings.switch("login.strict_grant_type") }
    }
}
