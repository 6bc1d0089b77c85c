//! Log lines: for people or as JSON, on standard error.

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts to log. Only the first call of a process counts.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second subscriber is refused; the first one goes on.
    let _ = match log.format {
        LogFormat::Console => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).try_init(),
    };
}
