//! Origins as browsers write them: scheme, host and port (RFC 6454).

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The origin of a URL (RFC 6454 §4): scheme, host and port; lower-case and without the scheme's own port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(String);

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no origin such as https://accounts.example.org or http://localhost:8000")]
pub struct NoOrigin(String);

impl Origin {
    /// The origin as browsers write it, for example `https://accounts.example.org`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes the origin of a URL, whatever its path.
    ///
    /// # Errors
    /// [`NoOrigin`] for a text that is no http or https URL.
    pub fn of_url(url: &str) -> Result<Self, NoOrigin> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| NoOrigin(url.to_owned()))?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        format!("{scheme}://{authority}").parse().map_err(|_| NoOrigin(url.to_owned()))
    }

    /// Whether it is https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.parts().0 == "https"
    }

    /// Whether it is plain http on the loopback interface, where there is nobody to listen in.
    #[must_use]
    pub fn is_plain_loopback(&self) -> bool {
        let (scheme, host, _) = self.parts();
        let is_loopback = |host: &str| host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
        scheme == "http" && (LOOPBACK_NAMES.contains(&host) || is_loopback(host))
    }

    /// The same origin under every name of the loopback interface; nothing unless it has one of them.
    pub(super) fn loopback_aliases(&self) -> Vec<Self> {
        let (scheme, host, port) = self.parts();
        if !LOOPBACK_NAMES.contains(&host) {
            return Vec::new();
        }
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        LOOPBACK_NAMES.iter().map(|name| Self(format!("{scheme}://{name}{port}"))).collect()
    }

    /// Scheme, host and port.
    fn parts(&self) -> (&str, &str, Option<&str>) {
        let (scheme, authority) = self.0.split_once("://").unwrap_or_default();
        let (host, port) = split_port(authority);
        (scheme, host, port)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = NoOrigin;

    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        parse(text).map(Self).ok_or_else(|| NoOrigin(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<String> {
    let (scheme, authority) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let (host, port) = split_port(authority);
    let host = match host.strip_prefix('[') {
        Some(rest) => format!("[{}]", rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?),
        None => host.to_ascii_lowercase(),
    };
    let is_host_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if host.is_empty() || !(host.starts_with('[') || host.bytes().all(is_host_byte)) {
        return None;
    }
    match port {
        None => Some(format!("{scheme}://{host}")),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            match digits.parse::<u16>().ok()? {
                port if port == default_port => Some(format!("{scheme}://{host}")),
                port => Some(format!("{scheme}://{host}:{port}")),
            }
        }
        Some(_) => None,
    }
}

/// Splits host and port; the colons inside brackets belong to the host.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}
