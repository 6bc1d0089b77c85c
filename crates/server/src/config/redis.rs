//! `redis_url` and `[redis]`: counters that all nodes share.

use std::{path::PathBuf, time::Duration};

use vestibule_redis::{RedisOptions, RedisUrl};

use super::settings::Settings;
use crate::failure::Problem;

/// How Redis is used, where there is one. Printing it shows no password.
#[derive(Clone, Debug)]
pub struct Redis {
    /// Where it is.
    pub url: Option<RedisUrl>,
    /// What every key begins with.
    pub prefix: String,
    /// How long a login may wait for it.
    pub timeout: Duration,
    /// Whose certificates are trusted, where it is not those the machine trusts.
    pub tls_ca_file: Option<PathBuf>,
}

impl Redis {
    pub(super) fn read(settings: &Settings, problems: &mut Vec<Problem>) -> Self {
        let url = settings.secret_url("redis_url").and_then(|text| match text.parse() {
            Ok(url) => Some(url),
            Err(error) => {
                // The URL may hold a password: it is not repeated.
                let sentence = format!("redis_url ({}) {error}", settings.origin("redis_url"));
                problems.push(Problem::new(sentence));
                None
            }
        });
        let prefix = settings.text("redis.prefix").unwrap_or_default();
        if !is_prefix(&prefix) {
            let sentence = format!(
                "redis.prefix ({}) must be letters, digits, and any of . _ : -, not {prefix:?}",
                settings.origin("redis.prefix")
            );
            problems.push(Problem::new(sentence));
        }
        let tls_ca_file = settings.path("redis.tls_ca_file");
        if tls_ca_file.is_some() && url.as_ref().is_some_and(|url: &RedisUrl| !url.is_encrypted()) {
            let sentence = "redis.tls_ca_file is set, and redis_url asks for no TLS";
            problems.push(
                Problem::new(sentence).help("begin redis_url with rediss, or remove redis.tls_ca_file"),
            );
        }
        Self { url, prefix, timeout: settings.span("redis.timeout"), tls_ca_file }
    }

    /// What the throttle in Redis is started with; `None` where each node counts for itself.
    #[must_use]
    pub fn options(&self) -> Option<RedisOptions> {
        let url = self.url.clone()?;
        Some(RedisOptions {
            tls_ca_file: self.tls_ca_file.clone(),
            prefix: self.prefix.clone(),
            patience: self.timeout,
            ..RedisOptions::new(url)
        })
    }
}

/// Braces would decide where a cluster keeps a counter.
fn is_prefix(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._:-".contains(c))
}
