//! How the issuer's keys are fetched: the trait that an HTTP client implements.

use std::{error::Error, fmt, future::Future, pin::Pin};

use http::Uri;

/// A fetch under way.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, FetchError>> + Send + 'a>>;

/// Fetches a JWK set over HTTP.
///
/// The verifier asks for one at a time, gives up after its own time-out, and reads the document strictly: an
/// implementation only has to bring the bytes.
///
/// # Security
/// Follow no redirect: the URL has been checked, where it would lead has not. Send no credentials and no cookies. Stop
/// reading at `max_bytes`.
///
/// ```
/// use http::Uri;
/// use vestibule_verifier::{FetchError, FetchJwks, Fetching};
///
/// /// Keys that came with the deployment.
/// #[derive(Debug)]
/// struct FromFile(std::path::PathBuf);
///
/// impl FetchJwks for FromFile {
///     fn fetch<'a>(&'a self, _url: &'a Uri, _max_bytes: usize) -> Fetching<'a> {
///         Box::pin(async { std::fs::read(&self.0).map_err(FetchError::other) })
///     }
/// }
/// ```
pub trait FetchJwks: Send + Sync + fmt::Debug {
    /// Answers with the body of a 200; everything else is an error.
    fn fetch<'a>(&'a self, url: &'a Uri, max_bytes: usize) -> Fetching<'a>;
}

/// Why the keys could not be fetched: for logs and for [`crate::RefreshError`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Another status than 200; redirects are not followed.
    #[error("it answers with status {0}")]
    Status(u16),
    /// The answer is longer than the bound.
    #[error("its answer is longer than {0} bytes")]
    TooLong(usize),
    /// Nothing came in time.
    #[error("it did not answer in time")]
    TimedOut,
    /// The answer is no JWK set that can be used.
    #[error("its answer is no usable JWK set: {0}")]
    NotKeys(String),
    /// The client failed.
    #[error("{0}")]
    Other(Box<dyn Error + Send + Sync>),
}

impl FetchError {
    /// Takes what went wrong in a client.
    pub fn other(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other(cause.into())
    }
}
