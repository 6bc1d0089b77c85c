//! The keys at the top: where the server listens, keeps its data, and is seen from outside.

use std::{net::SocketAddr, path::PathBuf};

use vestibule::http::same_origin::Origin;

use super::{database, settings::Settings};
use crate::{database::Database, failure::Problem};

/// How strict the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// On a developer's machine.
    Development,
    /// On the open internet.
    Production,
}

impl Mode {
    /// The configured name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

/// The keys at the top.
#[derive(Clone, Debug)]
pub struct Service {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The folder of the database and the generated `secret_key`.
    pub data_dir: PathBuf,
    /// The configured public URL.
    configured_url: Option<String>,
    /// How strict the server is.
    pub mode: Mode,
    /// Where the data is.
    pub database: Database,
    /// Where metrics are served.
    pub metrics_listen: Option<SocketAddr>,
    /// The proxies whose word is taken for a client's address.
    pub trusted_proxies: Vec<String>,
    /// The origins that may read answers.
    pub cors_origins: Vec<String>,
    /// Further origins that may send requests with our cookies.
    pub allowed_origins: Vec<String>,
    /// Whether pages repeat a value of their session instead of being known by their origin.
    pub has_double_submit: bool,
}

impl Service {
    pub(super) fn read(settings: &Settings, problems: &mut Vec<Problem>) -> Self {
        let listen = settings.address("listen").unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8000)));
        let data_dir = settings.path("data_dir").unwrap_or_default();
        let configured_url = settings.text("public_url");
        if configured_url.is_none() && !listen.ip().is_loopback() {
            let sentence = format!("public_url must be set where listen is {listen}, which others can reach");
            problems.push(
                Problem::new(sentence)
                    .help("set it to the URL that browsers use, for example https://login.example.org"),
            );
        }
        let is_local = configured_url.as_deref().is_none_or(is_plain_loopback);
        let mode = match settings.text("mode").as_deref() {
            Some("production") => Mode::Production,
            Some(_) => Mode::Development,
            None if is_local => Mode::Development,
            None => Mode::Production,
        };
        Self {
            listen,
            database: database::read(settings, &data_dir, problems),
            data_dir,
            configured_url,
            mode,
            metrics_listen: settings.address("metrics_listen"),
            trusted_proxies: settings.list("trusted_proxies"),
            cors_origins: settings.list("cors_origins"),
            allowed_origins: settings.list("allowed_origins"),
            has_double_submit: settings.text("csrf").as_deref() == Some("double_submit"),
        }
    }

    /// The URL under which browsers reach the server that listens at `bound`.
    #[must_use]
    pub fn public_url(&self, bound: SocketAddr) -> String {
        self.configured_url.clone().unwrap_or_else(|| format!("http://{bound}"))
    }

    /// The public URL where it is known before the server listens.
    #[must_use]
    pub fn known_url(&self) -> Option<String> {
        let is_known = self.configured_url.is_some() || self.listen.port() != 0;
        is_known.then(|| self.public_url(self.listen))
    }

    /// The public URL as configured.
    #[must_use]
    pub fn configured_url(&self) -> Option<&str> {
        self.configured_url.as_deref()
    }
}

fn is_plain_loopback(url: &str) -> bool {
    url.parse::<Origin>().is_ok_and(|origin| origin.is_plain_loopback())
}
