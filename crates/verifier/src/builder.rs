//! What a verifier must be told before it starts.

use std::{net::IpAddr, sync::Arc, time::Duration};

use http::Uri;
use tokio::runtime::Handle;
use vestibule_token::{
    clock::{Clock, SystemClock},
    jws::Algorithm,
};

use crate::{
    fetch::FetchJwks,
    keys::{KeySource, Keys, RefreshPolicy},
    verifier::{Expectations, Verifier},
};

/// Where an issuer publishes its keys.
const WELL_KNOWN: &str = "/.well-known/jwks.json";

/// Collects what a [`Verifier`] needs to know.
///
/// ```
/// use std::time::Duration;
/// use vestibule_verifier::{Algorithm, Verifier};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), vestibule_verifier::BuildError> {
/// let verifier = Verifier::builder("https://login.example.com")
///     .audience("https://orders.example.com")
///     .algorithms([Algorithm::EdDsa])
///     .leeway(Duration::from_secs(5))
///     .build()?;
/// # drop(verifier);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct VerifierBuilder {
    issuer: String,
    audience: Option<String>,
    jwks_url: Option<String>,
    allows_plain_loopback: bool,
    algorithms: Vec<Algorithm>,
    leeway: Duration,
    refresh: RefreshPolicy,
    cached_tokens: u64,
    fetcher: Option<Arc<dyn FetchJwks>>,
    clock: Arc<dyn Clock>,
}

/// Why there is no verifier; each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The URL of the keys is none.
    #[error("`{0}` is no URL of a key set; name the issuer's https URL, or the key set's with `jwks_url`")]
    NotAUrl(String),
    /// The keys would come over plain http.
    #[error(
        "the keys must come over https: whoever can change them can make tokens; for an issuer on this machine, say \
         `allow_plain_http_on_loopback`"
    )]
    PlainHttp,
    /// No algorithm is accepted, or HS256, whose key nobody publishes.
    #[error(
        "accept one or more of EdDSA, ES256 and RS256; an HS256 key is a shared secret and is not published"
    )]
    Algorithms,
    /// A span of time is zero, or keys would be given up before they are fetched anew.
    #[error(
        "`timeout` and `refresh_every` must be positive, and `stale_for` not shorter than twice `refresh_every`"
    )]
    Spans,
    /// There is no HTTP client.
    #[error("there is no HTTP client; give one with `fetcher`, or turn the feature `client` on")]
    NoClient,
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
    /// There is no tokio runtime to refresh the keys on.
    #[error("a verifier is built on a tokio runtime, where it refreshes its keys")]
    NoRuntime,
}

impl VerifierBuilder {
    pub(crate) fn new(issuer: String) -> Self {
        Self {
            issuer,
            audience: None,
            jwks_url: None,
            allows_plain_loopback: false,
            algorithms: vec![Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256],
            leeway: Duration::ZERO,
            refresh: RefreshPolicy::default(),
            cached_tokens: 10_000,
            fetcher: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// What `aud` must name. Default: the issuer, as Vestibule has it by default too (`tokens.audience`).
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Where the keys are. Default: `/.well-known/jwks.json` under the issuer.
    pub fn jwks_url(mut self, url: impl Into<String>) -> Self {
        self.jwks_url = Some(url.into());
        self
    }

    /// Allows plain http where the keys are on this machine: for development.
    ///
    /// ```
    /// use vestibule_verifier::{BuildError, Verifier};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let local = Verifier::builder("http://127.0.0.1:3000");
    /// assert!(matches!(local.clone().build(), Err(BuildError::PlainHttp)));
    /// assert!(local.allow_plain_http_on_loopback().build().is_ok());
    /// # }
    /// ```
    pub const fn allow_plain_http_on_loopback(mut self) -> Self {
        self.allows_plain_loopback = true;
        self
    }

    /// Which algorithms are accepted; keys of others are left out. Default: EdDSA, ES256 and RS256.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// How far the issuer's clock and ours may differ. Default: not at all.
    pub const fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// How old the keys become before they are fetched again. Default: a minute, which is what the issuer allows in
    /// `Cache-Control`. A key that the issuer withdraws verifies for at most twice this.
    pub const fn refresh_every(mut self, span: Duration) -> Self {
        self.refresh.every = span;
        self
    }

    /// How old the keys may become while the issuer is away. Default: an hour.
    ///
    /// Much more is of little use: nobody gets a new token meanwhile, and the old ones expire.
    pub const fn stale_for(mut self, span: Duration) -> Self {
        self.refresh.stale_for = span;
        self
    }

    /// The least time between two fetches that tokens cause, whatever key ids they name. Default: 2 s.
    ///
    /// A token of a new key may be refused for that long while somebody sends made-up key ids.
    pub const fn unknown_kid_pause(mut self, span: Duration) -> Self {
        self.refresh.pause = span;
        self
    }

    /// How long one fetch may take, from connecting to the last byte. Default: 5 s.
    pub const fn timeout(mut self, span: Duration) -> Self {
        self.refresh.timeout = span;
        self
    }

    /// How long a key set may be. Default: 64 KiB.
    pub const fn max_jwks_bytes(mut self, bytes: usize) -> Self {
        self.refresh.max_bytes = bytes;
        self
    }

    /// How many verified tokens are remembered, by their digests. Default: 10 000; zero remembers none.
    pub const fn cached_tokens(mut self, count: u64) -> Self {
        self.cached_tokens = count;
        self
    }

    /// Fetches the keys with this client.
    pub fn fetcher(mut self, fetcher: impl FetchJwks + 'static) -> Self {
        self.fetcher = Some(Arc::new(fetcher));
        self
    }

    /// Takes the time from this clock; for tests.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Starts to fetch the keys and returns at once, so that services can start in any order; [`Verifier::refresh`]
    /// waits for them.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(self) -> Result<Verifier, BuildError> {
        let url = self.checked_url()?;
        let has_usable = !self.algorithms.is_empty() && !self.algorithms.contains(&Algorithm::Hs256);
        if !has_usable {
            return Err(BuildError::Algorithms);
        }
        if !self.refresh.is_sound() {
            return Err(BuildError::Spans);
        }
        let fetcher = match self.fetcher {
            Some(fetcher) => fetcher,
            None => default_fetcher()?,
        };
        let runtime = Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        let source = KeySource { url, fetcher, algorithms: self.algorithms.clone() };
        let keys = Keys::start(source, self.refresh, Arc::clone(&self.clock), &runtime);
        let expected = Expectations {
            audience: self.audience.unwrap_or_else(|| self.issuer.clone()),
            issuer: self.issuer,
            leeway: self.leeway,
            algorithms: self.algorithms,
        };
        Ok(Verifier::new(expected, keys, self.clock, self.cached_tokens))
    }

    fn checked_url(&self) -> Result<Uri, BuildError> {
        let text = match &self.jwks_url {
            Some(url) => url.clone(),
            None => format!("{}{WELL_KNOWN}", self.issuer.trim_end_matches('/')),
        };
        let Ok(url) = text.parse::<Uri>() else {
            return Err(BuildError::NotAUrl(text));
        };
        let host = url.host().filter(|host| !host.is_empty());
        // Credentials in a URL end in logs.
        let has_credentials = url.authority().is_some_and(|authority| authority.as_str().contains('@'));
        match (url.scheme_str(), host) {
            (Some("https"), Some(_)) if !has_credentials => Ok(url),
            (Some("http"), Some(host)) if !has_credentials => {
                if self.allows_plain_loopback && is_loopback(host) {
                    Ok(url)
                } else {
                    Err(BuildError::PlainHttp)
                }
            }
            _ => Err(BuildError::NotAUrl(text)),
        }
    }
}

/// `localhost` is this machine by RFC 6761 §6.3.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(feature = "client")]
fn default_fetcher() -> Result<Arc<dyn FetchJwks>, BuildError> {
    let client = crate::client::HttpClient::new().map_err(|error| BuildError::Client(error.to_string()))?;
    Ok(Arc::new(client))
}

#[cfg(not(feature = "client"))]
fn default_fetcher() -> Result<Arc<dyn FetchJwks>, BuildError> {
    Err(BuildError::NoClient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_https_or_from_this_machine() {
        let url = |builder: VerifierBuilder| builder.checked_url().map(|url| url.to_string());
        let of = |issuer: &str| VerifierBuilder::new(issuer.into());
        for issuer in ["https://login.example", "https://login.example/"] {
            assert_eq!(url(of(issuer)).unwrap(), "https://login.example/.well-known/jwks.json");
        }
        let tenant = url(of("https://login.example/tenant")).unwrap();
        assert_eq!(tenant, "https://login.example/tenant/.well-known/jwks.json");
        assert_eq!(url(of("urn:any").jwks_url("https://a.example/keys")).unwrap(), "https://a.example/keys");

        for local in ["http://127.0.0.1:1", "http://127.9.9.9", "http://localhost:1", "http://[::1]:1"] {
            assert!(matches!(url(of(local)), Err(BuildError::PlainHttp)), "{local}");
            assert!(url(of(local).allow_plain_http_on_loopback()).is_ok(), "{local}");
        }
        for remote in
            ["http://login.example", "http://127.0.0.1.example", "http://0.0.0.0", "http://10.0.0.1"]
        {
            let refused = url(of(remote).allow_plain_http_on_loopback());
            assert!(matches!(refused, Err(BuildError::PlainHttp)), "{remote}");
        }
        for bad in
            ["", "login.example", "ftp://login.example", "https://a:b@login.example", "https://", "urn:x"]
        {
            assert!(matches!(url(of(bad)), Err(BuildError::NotAUrl(_))), "{bad}");
        }
    }
}
