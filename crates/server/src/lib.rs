//! The Vestibule server: configuration, command line, telemetry, and HTTP around the library.

pub mod config;
pub mod failure;
pub mod http;
pub mod metrics;
pub mod telemetry;
