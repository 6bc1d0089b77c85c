//! `[log]`: what the server prints.

use tracing_subscriber::filter::{LevelFilter, Targets};

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
        if !is_level(&level) {
            let sentence =
                format!("log.level must be error, warn, info, debug or trace, also by part, not {level:?}");
            problems.push(Problem::new(sentence).help("for example info,vestibule_core=debug"));
        }
        Self { format: if is_json { LogFormat::Json } else { LogFormat::Console }, level }
    }
}

/// Whether each part is a severity, or a part of the program and its severity.
fn is_level(level: &str) -> bool {
    // A misspelt severity alone would be taken for the name of a part, and nothing for `error`.
    let is_severity = |text: &str| !text.is_empty() && text.parse::<LevelFilter>().is_ok();
    let is_severity = |part: &str| part.rsplit('=').next().is_some_and(is_severity);
    level.split(',').all(is_severity) && level.parse::<Targets>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_severity_or_one_by_part() {
        for level in ["info", "warn", "off", "info,vestibule_core=debug", "vestibule_core=trace"] {
            assert!(is_level(level), "{level}");
        }
        for level in ["infos", "", "info,", "vestibule_core=loud", "info;warn"] {
            assert!(!is_level(level), "{level}");
        }
    }
}
