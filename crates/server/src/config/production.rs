//! What production mode refuses. Weak secrets are refused in every mode, where they are read.

use super::{Config, service::Mode};
use crate::failure::Problem;

/// Adds what is not safe on the open internet.
pub(super) fn check(config: &Config, problems: &mut Vec<Problem>) {
    if config.service.mode != Mode::Production {
        return;
    }
    // Without https the cookies would be plain too.
    if !config.service.configured_url().is_some_and(|url| url.starts_with("https://")) {
        problems.push(
            Problem::new("public_url must be https in production").help(
                "set it to the https URL that browsers use; the proxy that ends TLS may speak plain http to this server",
            ),
        );
    }
    if !config.throttle.enabled {
        problems.push(
            Problem::new("throttle.enabled=false is refused in production")
                .help("remove it, or set mode=\"development\" on a machine nobody else can reach"),
        );
    }
    // Made by each node for itself, it would be another one on each, and gone with its disk.
    if config.service.database.file().is_none() && config.secrets.current.is_none() {
        problems.push(
            Problem::new("secret_key must be set in production where database_url names a server").help(
                "set secret_key_file, on every node to the same key, for example from `openssl rand -hex 32`",
            ),
        );
    }
}
