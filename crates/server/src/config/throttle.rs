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
    /// Failures of strangers until they wait.
    pub account_failures: u32,
    /// The longest wait.
    pub account_delay_max: Duration,
    /// Failures of a known device until it waits.
    pub device_failures: u32,
    /// Registrations per client network and window.
    pub registrations: u32,
    /// The window.
    pub registration_window: Duration,
    /// Mails of a kind per account and window.
    pub mails: u32,
    /// The window.
    pub mail_window: Duration,
    /// Exports per account and window.
    pub exports: u32,
    /// The window.
    pub export_window: Duration,
}

impl Throttle {
    pub(super) fn read(settings: &Settings) -> Self {
        // No limit is as good as one that nobody reaches.
        let count = |key| settings.count(key).map_or(1, |count| u32::try_from(count).unwrap_or(u32::MAX));
        Self {
            enabled: settings.switch("throttle.enabled"),
            login_attempts: count("throttle.login_attempts"),
            login_window: settings.span("throttle.login_window"),
            account_failures: count("throttle.account_failures"),
            account_delay_max: settings.span("throttle.account_delay_max"),
            device_failures: count("throttle.device_failures"),
            registrations: count("throttle.registrations"),
            registration_window: settings.span("throttle.registration_window"),
            mails: count("throttle.mails"),
            mail_window: settings.span("throttle.mail_window"),
            exports: count("throttle.exports"),
            export_window: settings.span("throttle.export_window"),
        }
    }
}
