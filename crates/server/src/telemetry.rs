//! Log lines: for people or as JSON, on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// A library that says at level info what we say in one line.
const QUIET: &str = "refinery_core=warn";

/// Starts to log. Only the first call of a process counts.
pub fn start(log: &Log) {
    // What is configured comes last, so that it wins.
    let filter =
        EnvFilter::try_new(format!("{QUIET},{}", log.level)).unwrap_or_else(|_| EnvFilter::new("info"));
    let is_terminal = std::io::stderr().is_terminal();
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(is_terminal);
    // A second subscriber is refused; the first one goes on.
    let _ = match log.format {
        LogFormat::Console => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).try_init(),
    };
}
