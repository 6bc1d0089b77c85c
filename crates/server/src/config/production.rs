//! What production mode refuses, and what it warns of. Weak secrets are refused in every mode, where they are read.

use super::{Config, mail::MailMode, service::Mode};
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
    check_mail(config, problems);
    // Made by each node for itself, it would be another one on each, and gone with its disk.
    if config.service.database.file().is_none() && config.secrets.current.is_none() {
        problems.push(
            Problem::new("secret_key must be set in production where database_url names a server").help(
                "set secret_key_file, on every node to the same key, for example from `openssl rand -hex 32`",
            ),
        );
    }
}

fn check_mail(config: &Config, problems: &mut Vec<Problem>) {
    match &config.mail.mode {
        MailMode::Inbox { is_chosen: true } => problems.push(
            Problem::new("mail.mode=\"inbox\" is refused in production: whoever reads the inbox can take accounts")
                .help("set smtp.host and smtp.from, or mail.mode=\"off\""),
        ),
        MailMode::Inbox { is_chosen: false } => problems.push(
            Problem::new("smtp.host must be set in production, so that people can confirm addresses and reset passwords")
                .help("set smtp.host and smtp.from; with mail.mode=\"off\" nobody is written anything"),
        ),
        MailMode::Smtp(smtp) if smtp.login.is_some() && smtp.is_in_plain_text() => problems.push(
            Problem::new(format!("smtp.password would be sent to {} in plain text", smtp.host))
                .help("set smtp.tls to \"starttls\" or \"tls\""),
        ),
        MailMode::Smtp(_) | MailMode::Off => {}
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
    if let MailMode::Smtp(smtp) = &config.mail.mode
        && smtp.is_in_plain_text()
    {
        let sentence = format!(
            "letters are sent to {} without TLS: whoever is in between reads the links that reset passwords",
            smtp.host
        );
        warnings.push(Problem::new(sentence).help("set smtp.tls to \"starttls\" or \"tls\""));
    }
    warnings
}
