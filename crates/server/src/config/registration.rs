//! `[registration]`: making accounts.

use super::settings::Settings;

/// Who may make an account.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Whether people may make accounts themselves.
    pub enabled: bool,
}

impl Registration {
    pub(super) fn read(settings: &Settings) -> Self {
        Self { enabled: settings.switch("registration.enabled") }
    }
}
