//! `[throttle]`: limits against guessing.

use std::time::Duration;

use super::settings::Settings;

/// The limits.
#[derive(Clone, Debug)]
pub struct Throttle {
    /// Whether anything is limited.
    pub enabled: bool,
    /// Logins per client network and window.
    pub login_attempts: u32,
    /// The window.
    pub login_window: Duration,
}

impl Throttle {
    pub(super) fn read(settings: &Settings) -> Self {
        let attempts = settings.count("throttle.login_attempts").and_then(|count| u32::try_from(count).ok());
        Self {
            enabled: settings.switch("throttle.enabled"),
            login_attempts: attempts.unwrap_or(1),
            login_window: settings.span("throttle.login_window"),
        }
    }
}
