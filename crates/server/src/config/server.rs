//! `[server]`: time-outs and bounds of the HTTP server.

use std::time::Duration;

use super::settings::Settings;

/// The time-outs and bounds.
#[derive(Clone, Debug)]
pub struct Server {
    /// How long requests in flight may take to finish.
    pub shutdown_grace: Duration,
    /// How long to go on accepting while not ready.
    pub drain_delay: Duration,
    /// How long a request's head may take.
    pub header_timeout: Duration,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How long a connection may do nothing.
    pub idle_timeout: Duration,
    /// How many connections may be open.
    pub max_connections: usize,
    /// The largest request body, in KiB.
    pub body_limit_kib: usize,
}

impl Server {
    pub(super) fn read(settings: &Settings) -> Self {
        let size = |name| usize::try_from(settings.count(name).unwrap_or(1)).unwrap_or(usize::MAX);
        Self {
            shutdown_grace: settings.span("server.shutdown_grace"),
            drain_delay: settings.span("server.drain_delay"),
            header_timeout: settings.span("server.header_timeout"),
            request_timeout: settings.span("server.request_timeout"),
            idle_timeout: settings.span("server.idle_timeout"),
            max_connections: size("server.max_connections"),
            body_limit_kib: size("server.body_limit_kib"),
        }
    }
}
