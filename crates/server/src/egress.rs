//! What asks others over HTTP, made from the configuration.

use vestibule_egress::{Egress, EgressError, EgressOptions};

use crate::{
    config::{Config, Mode},
    failure::{Failure, Problem},
};

/// What asks others. It connects to nothing, and reads no certificates, before the first request.
#[must_use]
pub fn client(config: &Config) -> Egress {
    let guard = config.egress.guard.clone();
    let guard = match config.service.mode {
        // Receivers under development run here.
        Mode::Development => guard.with_loopback(),
        Mode::Production => guard,
    };
    Egress::new(EgressOptions {
        guard,
        ca_file: config.egress.tls_ca_file.clone(),
        connect_timeout: config.egress.connect_timeout,
    })
}

/// Looks for the mistakes that the first request would find.
///
/// # Errors
/// Certificates that cannot be used; exit code 2.
pub fn check(config: &Config) -> Result<(), Failure> {
    client(config).check().map_err(|error| bad_authorities(&error))
}

fn bad_authorities(error: &EgressError) -> Failure {
    let problem = Problem::new(format!("egress.tls_ca_file: {error}"));
    Failure::usage(problem.help("it must be a PEM file with a certificate"))
}
