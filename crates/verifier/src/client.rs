//! The client that comes along: hyper and rustls, about half the crates of a general HTTP client.
//!
//! It follows no redirects, knows no cookies and no proxies, and keeps no connection open between two fetches.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::fetch::{FetchError, FetchJwks, Fetching};

const USER_AGENT: &str = concat!("vestibule-verifier/", env!("CARGO_PKG_VERSION"));

/// The HTTP client that a [`crate::Verifier`] uses unless it is given another.
///
/// It trusts the authorities that the machine trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others).
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    trusts_anybody: bool,
}

/// Authorities that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the authorities cannot be used: {0}")]
pub struct BadAuthorities(String);

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}

impl HttpClient {
    /// Trusts the authorities that the machine trusts.
    ///
    /// # Errors
    /// [`BadAuthorities`] where TLS cannot be set up.
    pub fn new() -> Result<Self, BadAuthorities> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self::with_roots(roots)
    }

    /// Trusts the authorities of a PEM file and nobody else, for an issuer behind a private authority.
    ///
    /// ```
    /// use vestibule_verifier::HttpClient;
    ///
    /// assert!(HttpClient::trusting(b"no certificate").is_err());
    /// ```
    ///
    /// # Errors
    /// [`BadAuthorities`] where the file has no certificate or one that cannot be read.
    pub fn trusting(pem: &[u8]) -> Result<Self, BadAuthorities> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| BadAuthorities(error.to_string()))?;
            roots.add(certificate).map_err(|error| BadAuthorities(error.to_string()))?;
        }
        if roots.is_empty() { Err(BadAuthorities("there is none".into())) } else { Self::with_roots(roots) }
    }

    fn with_roots(roots: RootCertStore) -> Result<Self, BadAuthorities> {
        let trusts_anybody = !roots.is_empty();
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| BadAuthorities(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // The builder of the verifier has refused plain http but for loopback in development.
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Self { client, trusts_anybody })
    }

    async fn get(&self, url: &Uri, max_bytes: usize) -> Result<Vec<u8>, FetchError> {
        if !self.trusts_anybody && url.scheme_str() == Some("https") {
            return Err(FetchError::other(
                "this machine trusts no certificates; install ca-certificates or set SSL_CERT_FILE",
            ));
        }
        let request = Request::get(url)
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .header(header::USER_AGENT, USER_AGENT)
            .body(Empty::new())
            .map_err(FetchError::other)?;
        let answer = self.client.request(request).await.map_err(|error| FetchError::other(chain(&error)))?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        let body = Limited::new(answer.into_body(), max_bytes).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                FetchError::TooLong(max_bytes)
            } else {
                FetchError::Other(error)
            }
        })?;
        Ok(body.to_bytes().to_vec())
    }
}

impl FetchJwks for HttpClient {
    fn fetch<'a>(&'a self, url: &'a Uri, max_bytes: usize) -> Fetching<'a> {
        Box::pin(self.get(url, max_bytes))
    }
}

/// An error and what it came from, in one line: hyper's own sentence says only that connecting failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
