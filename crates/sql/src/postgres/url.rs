//! The parts of a database's URL: what we decide ourselves about TLS, and what the driver reads.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

/// The parameters that the driver reads, and our own but one.
const KNOWN: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslmode",
    "sslnegotiation",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// Why a URL leads to no PostgreSQL database. No message repeats any of it: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It is no URL of PostgreSQL.
    #[error(
        "it must have the form postgres://user:password@host:5432/database, with %-escapes for special characters in \
         the password"
    )]
    Malformed,
    /// It names no host.
    #[error("it names no host: postgres://user:password@host:5432/database")]
    NoHost,
    /// It names an address beside or instead of the host.
    #[error("it names a hostaddr, around which no certificate could be checked: name the host itself")]
    HostAddress,
    /// It names no database.
    #[error("it names no database: postgres://user:password@host:5432/database")]
    NoDatabase,
    /// Its `sslmode` would encrypt without knowing for whom.
    #[error(
        "its sslmode must be disable, require, verify-ca or verify-full; the last three all verify in full"
    )]
    SslMode,
    /// A `%` in it begins no escape.
    #[error(
        "a % in it is not followed by two hexadecimal digits: a % itself, in a password for example, is written %25"
    )]
    Percent,
    /// One of its parameters is not known.
    #[error(
        "it has a parameter that is none of {}, sslrootcert",
        KNOWN.join(", ")
    )]
    Parameter,
    /// One of its parameters stands there twice.
    #[error("it says the same parameter twice, for example sslmode: say it once")]
    Twice,
}

/// A URL, with the parameters about TLS taken out of it.
pub(super) struct DatabaseUrl<'a> {
    pub(super) ssl_mode: Option<&'a str>,
    pub(super) ssl_root_cert: Option<PathBuf>,
    /// The URL without them, for the driver.
    pub(super) rest: String,
}

impl<'a> DatabaseUrl<'a> {
    /// Finds the parameters behind the credentials, in which a `?` begins nothing.
    pub(super) fn split(url: &'a str) -> Result<Self, UrlError> {
        let (scheme, body) = url.split_once("://").ok_or(UrlError::Malformed)?;
        if !["postgres", "postgresql"].contains(&scheme) {
            return Err(UrlError::Malformed);
        }
        let (credentials, place) = match body.split_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, body),
        };
        // Where a password has one of these nobody can tell where it ends, and what follows would be shown as a host.
        if place.contains('@') || credentials.is_some_and(|credentials| credentials.contains('/')) {
            return Err(UrlError::Malformed);
        }
        if has_stray_percent(body) {
            return Err(UrlError::Percent);
        }
        let (place, parameters) = place.split_once('?').unwrap_or((place, ""));
        let parameters = read_parameters(parameters)?;
        let value = |wanted| parameters.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        let decode = |path: &str| percent_decode_str(path).decode_utf8().map(|path| PathBuf::from(&*path));
        let theirs = parameters.iter().filter(|(name, _)| !["sslmode", "sslrootcert"].contains(name));
        let theirs: Vec<_> = theirs.map(|(name, value)| format!("{name}={value}")).collect();
        let credentials = credentials.map_or_else(String::new, |credentials| format!("{credentials}@"));
        Ok(Self {
            ssl_mode: value("sslmode"),
            ssl_root_cert: value("sslrootcert").map(decode).transpose().map_err(|_| UrlError::Malformed)?,
            rest: format!("{scheme}://{credentials}{place}?{}", theirs.join("&")),
        })
    }
}

/// Names and values, no name twice and none in disguise.
fn read_parameters(text: &str) -> Result<Vec<(&str, &str)>, UrlError> {
    let mut parameters: Vec<(&str, &str)> = Vec::new();
    for parameter in text.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').ok_or(UrlError::Malformed)?;
        if name.contains('%') {
            return Err(UrlError::Malformed);
        }
        if name != "sslrootcert" && !KNOWN.contains(&name) {
            return Err(UrlError::Parameter);
        }
        if parameters.iter().any(|(known, _)| *known == name) {
            return Err(UrlError::Twice);
        }
        parameters.push((name, value));
    }
    Ok(parameters)
}

/// Whether a `%` begins no escape. The driver would take it for itself, and of `100%25` and `100%2` only one is meant so.
fn has_stray_percent(text: &str) -> bool {
    text.split('%').skip(1).any(|rest| {
        let digits = rest.as_bytes().get(..2);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}
