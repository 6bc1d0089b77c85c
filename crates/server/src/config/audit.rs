//! `[audit]`: the log of who did what.

use std::time::Duration;

use super::settings::Settings;

/// How the audit log is kept.
#[derive(Clone, Debug)]
pub struct Audit {
    /// How long events are kept.
    pub retention: Duration,
}

impl Audit {
    pub(super) fn read(settings: &Settings) -> Self {
        Self { retention: settings.span("audit.retention") }
    }
}
