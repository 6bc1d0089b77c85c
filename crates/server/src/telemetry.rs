//! Log lines: for people or as JSON, on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::config::{Log, LogFormat};

/// Libraries that say at level info what we say in one line, or at level debug what was sent to the database.
const QUIET: &str = "refinery_core=warn,tokio_postgres=warn,deadpool=warn,deadpool_postgres=warn";

/// Starts to log. Only the first call of a process counts.
pub fn start(log: &Log) {
    // What is configured comes last, so that it wins.
    let filter = format!("{QUIET},{}", log.level).parse();
    let filter = filter.unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let is_terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(is_terminal);
    let registry = tracing_subscriber::registry().with(filter);
    // A second subscriber is refused; the first one goes on.
    let _ = match log.format {
        LogFormat::Console => registry.with(lines.with_target(false)).try_init(),
        LogFormat::Json => {
            registry.with(lines.json().flatten_event(true).with_current_span(false)).try_init()
        }
    };
}
