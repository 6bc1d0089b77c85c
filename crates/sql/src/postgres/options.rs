//! Which database to open, and how: read from its URL, with nothing of it printed but where it leads.

use std::{fmt, num::NonZeroUsize, path::PathBuf, time::Duration};

use tokio_postgres::{
    Config,
    config::{Host, LoadBalanceHosts, SslMode, TargetSessionAttrs},
};

use super::url::{DatabaseUrl, UrlError};

/// How much longer than the database's own limit a statement is waited for.
const MARGIN: Duration = Duration::from_millis(500);
/// How long a connection may be silent before the system asks whether the other end is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Which PostgreSQL database to open, and how. Printing it shows no password.
#[derive(Clone)]
pub struct PostgresOptions {
    parsed: Config,
    is_encrypted: bool,
    /// A file of certificates (PEM) to trust instead of those that the machine trusts.
    pub tls_ca_file: Option<PathBuf>,
    /// How many connections may be open at once.
    pub connections: NonZeroUsize,
    /// How long an operation waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long a host may take to take a connection; the next one in the URL has as long again.
    pub connect_timeout: Duration,
    /// How long a statement may take.
    pub statement_timeout: Duration,
    /// Whether statements stay prepared; not behind a pooler that gives each transaction another connection.
    pub prepared: bool,
}

impl PostgresOptions {
    /// Reads `postgres://user:password@host:5432/database`.
    ///
    /// Hosts that are not loopback are reached over TLS, and their certificates are verified in full, unless the URL
    /// says `sslmode=disable`. Loopback hosts and sockets are reached without, unless it says `sslmode=require`.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        let url = DatabaseUrl::split(url)?;
        let mut parsed: Config = url.rest.parse().map_err(|_| UrlError::Malformed)?;
        // What is shown of a URL are its hosts, and with an `@` in it one is a part of a password.
        if parsed.get_hosts().iter().any(|host| matches!(host, Host::Tcp(name) if name.contains('@'))) {
            return Err(UrlError::Malformed);
        }
        // The connection would go to that address, whatever the host's name promises about loopback and TLS.
        if !parsed.get_hostaddrs().is_empty() {
            return Err(UrlError::HostAddress);
        }
        if parsed.get_hosts().is_empty() {
            return Err(UrlError::NoHost);
        }
        if parsed.get_dbname().is_none_or(str::is_empty) {
            return Err(UrlError::NoDatabase);
        }
        if parsed.get_ports().len() > 1 && parsed.get_ports().len() != parsed.get_hosts().len() {
            return Err(UrlError::Malformed);
        }
        let is_encrypted = match url.ssl_mode {
            None => !parsed.get_hosts().iter().all(is_loopback),
            Some("disable") => false,
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(_) => return Err(UrlError::SslMode),
        };
        if parsed.get_hosts().len() > 1 && parsed.get_target_session_attrs() == TargetSessionAttrs::Any {
            // Of several, the one that takes writes.
            parsed.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        Ok(Self {
            parsed,
            is_encrypted,
            tls_ca_file: url.ssl_root_cert,
            connections: NonZeroUsize::new(16).unwrap_or(NonZeroUsize::MIN),
            acquire_timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(5),
            prepared: true,
        })
    }

    /// Whether connections are encrypted, and the other end's certificate verified.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Whether every host is this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.parsed.get_hosts().iter().all(is_loopback)
    }

    /// The hosts in the order of the URL, each with how a connection to it is made.
    pub(super) fn places(&self) -> Vec<Place> {
        let ports = self.parsed.get_ports();
        let port = |position| ports.get(position).or(ports.first()).copied().unwrap_or(5432);
        let hosts = self.parsed.get_hosts().iter().enumerate();
        hosts.map(|(position, host)| Place::new(host, port(position), self.config())).collect()
    }

    /// Whether the hosts are to be tried in any order.
    pub(super) fn is_any_order(&self) -> bool {
        self.parsed.get_load_balance_hosts() == LoadBalanceHosts::Random
    }

    /// How connections are made, to a host that is not named yet.
    fn config(&self) -> Config {
        let parsed = &self.parsed;
        let mut config = Config::new();
        config
            .dbname(parsed.get_dbname().unwrap_or_default())
            .application_name(parsed.get_application_name().unwrap_or("vestibule"))
            .ssl_mode(if self.is_encrypted { SslMode::Require } else { SslMode::Disable })
            .ssl_negotiation(parsed.get_ssl_negotiation())
            .channel_binding(parsed.get_channel_binding())
            .target_session_attrs(parsed.get_target_session_attrs())
            .connect_timeout(self.connect_timeout)
            .keepalives(parsed.get_keepalives())
            .keepalives_idle(KEEPALIVE)
            .tcp_user_timeout(self.client_limit());
        if let Some(user) = parsed.get_user() {
            config.user(user);
        }
        if let Some(password) = parsed.get_password() {
            config.password(password);
        }
        if let Some(interval) = parsed.get_keepalives_interval() {
            config.keepalives_interval(interval);
        }
        if let Some(retries) = parsed.get_keepalives_retries() {
            config.keepalives_retries(retries);
        }
        if let Some(options) = self.server_options() {
            config.options(options);
        }
        config
    }

    /// What the server is told for the whole connection.
    fn server_options(&self) -> Option<String> {
        let given = self.parsed.get_options();
        // A pooler refuses parameters that it would have to keep apart.
        if !self.prepared {
            return given.map(str::to_owned);
        }
        let limit = format!("-c statement_timeout={}", self.statement_timeout.as_millis());
        Some(given.map_or(limit.clone(), |given| format!("{limit} {given}")))
    }

    /// The limit that the server must know of, unless the URL sets another one.
    pub(super) fn sent_limit(&self) -> Option<Duration> {
        let is_overridden =
            self.parsed.get_options().is_some_and(|given| given.contains("statement_timeout"));
        (self.prepared && !is_overridden).then_some(self.statement_timeout)
    }

    /// How long an answer is waited for before its connection is given up: a little longer than the database itself
    /// waits, so that its own word comes first.
    pub(super) fn client_limit(&self) -> Duration {
        self.statement_timeout.saturating_add(MARGIN)
    }
}

/// One of the hosts.
pub(super) struct Place {
    /// Where it is, as the sentences have it: `db.example:5432`.
    pub(super) name: String,
    /// Its name, which may stand for several addresses; none where it is a socket of this machine.
    pub(super) host: Option<String>,
    pub(super) port: u16,
    /// How a connection to it is made.
    pub(super) config: Config,
}

impl Place {
    fn new(host: &Host, port: u16, mut config: Config) -> Self {
        config.port(port);
        let (name, host) = match host {
            Host::Tcp(host) => {
                config.host(host);
                let is_address = host.contains(':');
                let name = if is_address { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
                (name, Some(host.clone()))
            }
            #[cfg(unix)]
            Host::Unix(path) => {
                config.host_path(path);
                (format!("{}:{port}", path.display()), None)
            }
        };
        Self { name, host, port, config }
    }
}

impl fmt::Display for PostgresOptions {
    /// Where it leads: `db.example:5432/vestibule`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<_> = self.places().into_iter().map(|place| place.name).collect();
        write!(f, "{}/{}", places.join(","), self.parsed.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("database", &self.to_string())
            .field("is_encrypted", &self.is_encrypted)
            .field("connections", &self.connections)
            .field("prepared", &self.prepared)
            .finish_non_exhaustive()
    }
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn what_is_not_loopback_is_encrypted_unless_the_url_says_no() {
        for (url, is_encrypted) in [
            ("postgres://a@localhost/b", false),
            ("postgres://a@127.0.0.1:1/b", false),
            ("postgres://a@[::1]/b", false),
            ("postgres://a@%2Frun%2Fpostgresql/b", false),
            ("postgres://a@127.0.0.1/b?sslmode=require", true),
            ("postgres://a@db.example/b", true),
            ("postgres://a@localhost,db.example/b", true),
            ("postgres://a@db.example/b?sslmode=verify-full&application_name=x", true),
            ("postgresql://a@db.example/b?sslmode=disable", false),
            ("postgres://a:p?x@127.0.0.1/b?sslmode=require", true),
            ("postgres://a:p?sslmode=disable&x@db.example/b", true),
            ("postgres://a:100%25@db.example/b?application_name=a%20b", true),
        ] {
            assert_eq!(PostgresOptions::parse(url).unwrap().is_encrypted(), is_encrypted, "{url}");
        }
        let refusal = PostgresOptions::parse("postgres://a@db.example/b?sslmode=prefer").unwrap_err();
        assert_eq!(refusal, UrlError::SslMode);
    }

    #[test]
    fn a_malformed_url_is_refused_without_repeating_it() {
        for (url, error) in [
            ("postgres:secret", UrlError::Malformed),
            ("mysql://a:secret@b/c", UrlError::Malformed),
            ("postgres://a:secret@b:port/c", UrlError::Malformed),
            ("postgres://a:secret@b/c?unheard=of", UrlError::Parameter),
            ("postgres://a:secret@b/c?sslcert=d", UrlError::Parameter),
            ("postgres://a:100%secret@b/c", UrlError::Percent),
            ("postgres://a:secret%@b/c", UrlError::Percent),
            ("postgres://a:secret@b/c%2", UrlError::Percent),
            ("postgres://a:an@secret@b/c", UrlError::Malformed),
            ("postgres://a:an/secret@b/c", UrlError::Malformed),
            ("postgres://a:an@secret%40b/c", UrlError::Malformed),
            ("postgres://a:an@secret@b/c?sslmode=disable", UrlError::Malformed),
            ("postgres://b/c?application_name=secret@d/e", UrlError::Malformed),
            ("postgres://a:secret@b/c?ssl%6dode=disable", UrlError::Malformed),
            ("postgres://a:secret@b/c?sslmode=require&sslmode=disable", UrlError::Twice),
            ("postgres://a:secret@b/c?sslrootcert=d&sslrootcert=e", UrlError::Twice),
            ("postgres://a:secret@b/c?host=d&host=e", UrlError::Twice),
            ("postgres://a:secret@/c", UrlError::NoHost),
            ("postgres://a:secret@localhost/c?hostaddr=192.0.2.2", UrlError::HostAddress),
            ("postgres://a:secret@/c?hostaddr=192.0.2.2", UrlError::HostAddress),
            ("postgres://a:secret@b", UrlError::NoDatabase),
            ("postgres://a:secret@b/", UrlError::NoDatabase),
        ] {
            let refusal = PostgresOptions::parse(url).unwrap_err();
            assert_eq!(refusal, error, "{url}");
            assert!(!refusal.to_string().contains("secret"));
        }
    }

    #[test]
    fn printing_shows_where_it_leads_and_no_password() {
        let url = "postgres://ada:secret@one.example,two.example:6000/accounts?sslrootcert=%2Fca%20.pem";
        let options = PostgresOptions::parse(url).unwrap();
        assert_eq!(options.to_string(), "one.example:5432,two.example:6000/accounts");
        assert_eq!(options.tls_ca_file.as_deref(), Some(std::path::Path::new("/ca .pem")));
        assert!(!format!("{options:?} {:?}", options.config()).contains("secret"));
    }
}
