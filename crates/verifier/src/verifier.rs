//! The verifier: a token in, its claims out.

use std::{fmt, sync::Arc, time::Duration};

use aws_lc_rs::digest;
use http::{HeaderMap, HeaderValue, header};
use moka::sync::Cache;
use vestibule_token::{
    access::{AccessClaims, Expected, Presented, Rejected},
    bearer::Bearer,
    claims::BadClaims,
    clock::Clock,
    jws::{Algorithm, Refused},
};

use crate::{
    builder::VerifierBuilder,
    keys::{Health, Keys, NoKeys, RefreshError, Snapshot},
    layer::BearerLayer,
    refusal::{Refusal, RefusalKind},
};

/// Verifies access tokens of one issuer. Clones share the keys.
///
/// ```
/// # use http::Uri;
/// use vestibule_verifier::{FetchError, FetchJwks, Fetching, Rejected, Verifier, VerifyError};
/// # #[derive(Debug)] struct Nothing;
/// # impl FetchJwks for Nothing {
/// #     fn fetch<'a>(&'a self, _: &'a Uri, _: usize) -> Fetching<'a> {
/// #         Box::pin(async { Ok(br#"{"keys":[]}"#.to_vec()) })
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
///
/// let verifier = Verifier::builder("https://login.example.com")
/// #   .fetcher(Nothing)
///     .build()?;
/// verifier.refresh().await?;
/// match verifier.verify("whatever somebody sent").await {
///     Ok(claims) => println!("hello, {}", claims.account_id),
///     Err(VerifyError::Rejected(_)) => println!("401"),
///     Err(_) => println!("503: ask again later"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    expected: Expectations,
    keys: Keys,
    clock: Arc<dyn Clock>,
    cache: Cache<Digest, Verified>,
}

/// What tokens must say.
#[derive(Debug)]
pub(crate) struct Expectations {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) leeway: Duration,
    pub(crate) algorithms: Vec<Algorithm>,
}

type Digest = [u8; 32];

/// A token that was verified with the keys of an epoch.
#[derive(Clone)]
struct Verified {
    epoch: u64,
    claims: Arc<AccessClaims>,
}

/// Why a token opens no door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// It is no good: the caller's fault.
    #[error("the token is refused: {0}")]
    Rejected(#[from] Rejected),
    /// Nobody can say: the issuer's keys cannot be had. Never the caller's fault.
    #[error("the token cannot be verified: the issuer's keys cannot be had")]
    Unavailable {
        /// When asking again may help.
        retry_after: Duration,
    },
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("expected", &self.0.expected).finish_non_exhaustive()
    }
}

impl Verifier {
    /// Begins with the issuer: exactly what its tokens say in `iss`, for Vestibule its `public_url`.
    pub fn builder(issuer: impl Into<String>) -> VerifierBuilder {
        VerifierBuilder::new(issuer.into())
    }

    pub(crate) fn new(expected: Expectations, keys: Keys, clock: Arc<dyn Clock>, cached_tokens: u64) -> Self {
        Self(Arc::new(Inner { expected, keys, clock, cache: Cache::new(cached_tokens) }))
    }

    /// Verifies a token: signature, type and every claim. Asks the issuer only where its keys are missing or old, or
    /// where the token names a key that is not among them, and that rarely.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub async fn verify(&self, token: &str) -> Result<Arc<AccessClaims>, VerifyError> {
        let keys = self.0.keys.current().await.map_err(|NoKeys| self.unavailable())?;
        let digest = digest_of(token);
        if let Some(known) = self.0.cache.get(&digest).filter(|known| known.epoch == keys.epoch) {
            if known.claims.is_expired(self.0.expected.leeway, self.0.clock.now()) {
                self.0.cache.invalidate(&digest);
                return Err(Rejected::from(BadClaims::Expired).into());
            }
            return Ok(known.claims);
        }
        let verified = self.verify_unknown(token, keys).await?;
        self.0.cache.insert(digest, verified.clone());
        Ok(verified.claims)
    }

    async fn verify_unknown(&self, token: &str, keys: Arc<Snapshot>) -> Result<Verified, VerifyError> {
        let presented = Presented::read(token).map_err(VerifyError::Rejected)?;
        let is_accepted =
            presented.claimed_algorithm().is_some_and(|named| self.0.expected.algorithms.contains(&named));
        if !is_accepted {
            return Err(Rejected::from(Refused::Algorithm).into());
        }
        let keys = match keys.set.find(presented.kid()) {
            Some(_) => keys,
            None => self.0.keys.look_again().await.map_err(|NoKeys| self.unavailable())?,
        };
        let Some(key) = keys.set.find(presented.kid()) else {
            // It may be a new key of an issuer that is away: that is no reason to log anybody out.
            let is_unknown = !self.0.keys.is_failing();
            return Err(if is_unknown {
                Rejected::from(Refused::UnknownKey).into()
            } else {
                self.unavailable()
            });
        };
        let Expectations { issuer, audience, leeway, .. } = &self.0.expected;
        let expected = Expected { issuer, audience, leeway: *leeway };
        let claims = presented.verify(key, &expected, self.0.clock.now()).map_err(VerifyError::Rejected)?;
        Ok(Verified { epoch: keys.epoch, claims: Arc::new(claims) })
    }

    /// Verifies the bearer token of a request; `None` where it has none.
    ///
    /// A header that cannot be read, or more than one, is a bad token and not a missing one. Only `Authorization` is
    /// looked at: cookies belong to the issuer's own origin.
    ///
    /// # Errors
    /// [`Refusal`], which knows how to answer.
    pub async fn verify_headers(&self, headers: &HeaderMap) -> Result<Option<Arc<AccessClaims>>, Refusal> {
        let values = headers.get_all(header::AUTHORIZATION).iter().map(HeaderValue::as_bytes);
        match Bearer::read(values) {
            Bearer::Absent => Ok(None),
            Bearer::Malformed => Err(Refusal::new(RefusalKind::InvalidToken)),
            Bearer::Present(token) => Ok(Some(self.verify(token).await?)),
        }
    }

    /// A tower layer that lets only verified tokens through; see [`BearerLayer`].
    #[must_use]
    pub fn layer(&self) -> BearerLayer {
        BearerLayer::new(self.clone())
    }

    /// Fetches the keys now and waits for them: at start, where the service should not begin without.
    ///
    /// # Errors
    /// [`RefreshError`] says what is in the way.
    pub async fn refresh(&self) -> Result<(), RefreshError> {
        self.0.keys.refresh().await
    }

    /// How well the issuer's keys are known.
    #[must_use]
    pub fn health(&self) -> Health {
        self.0.keys.health()
    }

    /// Whether tokens can be verified, for a readiness probe: also with the last keys of an issuer that is away.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.health() != Health::Unavailable
    }

    fn unavailable(&self) -> VerifyError {
        VerifyError::Unavailable { retry_after: self.0.keys.pause() }
    }
}

fn digest_of(token: &str) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    bytes
}
