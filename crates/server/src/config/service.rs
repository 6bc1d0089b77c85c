//! The keys at the top: where the server listens, keeps its data, and is seen from outside.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use vestibule::http::same_origin::Origin;

use super::settings::Settings;
use crate::failure::Problem;

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
    /// The SQLite database.
    pub database: PathBuf,
    /// Where metrics are served.
    pub metrics_listen: Option<SocketAddr>,
    /// The proxies whose word is taken for a client's address.
    pub trusted_proxies: Vec<String>,
    /// The origins that may read answers.
    pub cors_origins: Vec<String>,
    /// Further origins that may send requests with our cookies.
    pub allowed_origins: Vec<String>,
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
            database: read_database(settings, &data_dir, problems),
            data_dir,
            configured_url,
            mode,
            metrics_listen: settings.address("metrics_listen"),
            trusted_proxies: settings.list("trusted_proxies"),
            cors_origins: settings.list("cors_origins"),
            allowed_origins: settings.list("allowed_origins"),
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

fn read_database(settings: &Settings, data_dir: &Path, problems: &mut Vec<Problem>) -> PathBuf {
    let Some(url) = settings.text("database_url") else { return data_dir.join("vestibule.db") };
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        if !path.is_empty() && !path.contains(['?', '#']) && path != ":memory:" {
            return path.into();
        }
    }
    let problem = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        Problem::new("database_url names a PostgreSQL database, and this build has no PostgreSQL yet")
            .help("leave database_url unset to use SQLite in data_dir")
    } else {
        // The URL may hold a password: it is not repeated.
        Problem::new(
            "database_url must be sqlite: and the path of a file, for example sqlite:/var/lib/vestibule/vestibule.db",
        )
    };
    problems.push(problem);
    PathBuf::new()
}
