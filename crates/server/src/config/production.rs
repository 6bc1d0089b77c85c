//! What production mode refuses, and what it warns of. Weak secrets are refused in every mode, where they are read.

use super::{Config, service::Mode};
use crate::{database::Database, failure::Problem};

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

/// What is not safe on the open internet, and may be on the operator's own network.
pub(super) fn warnings(config: &Config) -> Vec<Problem> {
    let mut warnings = Vec::new();
    if config.service.mode != Mode::Production {
        return warnings;
    }
    if let Database::Postgres(options) = &config.service.database
        && !options.is_encrypted()
        && !options.is_local()
    {
        let sentence = format!(
            "database_url leads to {options} without TLS: whoever is in between reads and changes accounts and sessions"
        );
        let help = "remove sslmode=disable from it, and name the authority in postgres.tls_ca_file where it is your own";
        warnings.push(Problem::new(sentence).help(help));
    }
    if let Some(url) = config.redis.url.as_ref().filter(|url| !url.is_encrypted() && !url.is_local()) {
        let sentence = format!(
            "redis_url leads to {url} without TLS: whoever is in between reads its password and changes the limits"
        );
        let help = "begin it with rediss, and name the authority in redis.tls_ca_file where it is your own";
        warnings.push(Problem::new(sentence).help(help));
    }
    warnings
}
