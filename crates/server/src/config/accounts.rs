//! `[accounts]`: how accounts end.

use std::time::Duration;

use super::settings::Settings;

/// How accounts end.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// How long an account whose owner deletes it can still be taken back.
    pub deletion_grace: Duration,
}

impl Accounts {
    pub(super) fn read(settings: &Settings) -> Self {
        Self { deletion_grace: settings.span("accounts.deletion_grace") }
    }
}
