//! Where a request goes.

use std::{fmt, net::IpAddr, time::Duration};

use url::{Host, Url};

use crate::guard::{Forbidden, Guard};

/// How long a request takes unless somebody says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How much of an answer is read unless somebody says otherwise.
const ANSWER_LIMIT_BYTES: usize = 64 * 1024;

/// A checked URL, and what its answer may cost.
///
/// Printing it shows the host only: what follows is often what makes the receiver believe the sender.
#[derive(Clone)]
pub struct Destination {
    pub(crate) url: Url,
    pub(crate) timeout: Duration,
    pub(crate) answer_limit_bytes: usize,
}

/// Why a URL is none that is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// It is no URL with a host.
    #[error("it is no URL such as https://example.org/hook")]
    NoUrl,
    /// It is neither `https` nor, on this machine in development, `http`.
    #[error("it must begin with https://")]
    Scheme,
    /// It has a user or a password in it, which end up in logs.
    #[error("it must have no user and no password in it")]
    Credentials,
    /// It has a fragment, which is never sent.
    #[error("it must have no fragment (#) in it")]
    Fragment,
    /// Its port is none of a web server.
    #[error("its port must be 443, or 1024 and above")]
    Port,
    /// Its address is not asked.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
}

impl Destination {
    pub(crate) fn parse(text: &str, guard: &Guard) -> Result<Self, DestinationError> {
        let url = Url::parse(text.trim()).map_err(|_| DestinationError::NoUrl)?;
        let is_plain = match url.scheme() {
            "https" => false,
            "http" if guard.allows_plain() => true,
            _ => return Err(DestinationError::Scheme),
        };
        if url.cannot_be_a_base() || !url.has_host() {
            return Err(DestinationError::NoUrl);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(DestinationError::Credentials);
        }
        if url.fragment().is_some() {
            return Err(DestinationError::Fragment);
        }
        if !url.port_or_known_default().is_some_and(|port| Guard::is_port_allowed(port, is_plain)) {
            return Err(DestinationError::Port);
        }
        let destination = Self { url, timeout: TIMEOUT, answer_limit_bytes: ANSWER_LIMIT_BYTES };
        destination.check_address(guard)?;
        Ok(destination)
    }

    /// How long a request may take, connecting and the whole answer included; 10 s by default.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How much of an answer is read at most, in bytes; 64 KiB by default.
    #[must_use]
    pub const fn with_answer_limit(mut self, bytes: usize) -> Self {
        self.answer_limit_bytes = bytes;
        self
    }

    /// The host, as the URL names it in its normal form.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Whether it is asked without TLS.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.url.scheme() == "http"
    }

    /// Checks an address that is written in the URL itself: no resolver sees it.
    ///
    /// The URL has read it already, however it was written: `0x7f.1` and `2130706433` are 127.0.0.1 to it.
    pub(crate) fn check_address(&self, guard: &Guard) -> Result<(), Forbidden> {
        match self.url.host() {
            Some(Host::Ipv4(address)) => guard.check(IpAddr::V4(address), self.is_plain()),
            Some(Host::Ipv6(address)) => guard.check(IpAddr::V6(address), self.is_plain()),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.url.scheme(), self.host())?;
        self.url.port().map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Destination({self})")
    }
}
