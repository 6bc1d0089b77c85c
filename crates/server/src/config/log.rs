//! `[log]`: what the server prints.

use tracing_subscriber::EnvFilter;

use super::settings::Settings;
use crate::failure::Problem;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Console,
    /// One JSON object a line.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// The least severity, perhaps by part.
    pub level: String,
}

impl Log {
    pub(super) fn read(settings: &Settings, problems: &mut Vec<Problem>) -> Self {
        let is_json = settings.text("log.format").as_deref() == Some("json");
        let level = settings.text("log.level").unwrap_or_default();
        if EnvFilter::try_new(&level).is_err() {
            let sentence =
                format!("log.level must be error, warn, info, debug or trace, also by part, not {level:?}");
            problems.push(Problem::new(sentence).help("for example info,vestibule_core=debug"));
        }
        Self { format: if is_json { LogFormat::Json } else { LogFormat::Console }, level }
    }
}
