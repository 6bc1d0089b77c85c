//! Verifies Vestibule's access tokens in services that have no database and no accounts of their own.
//!
//! A [`Verifier`] fetches the issuer's public keys and refuses whatever is not exactly an access token of that issuer
//! for this audience, by the same code that the engine uses. Put it before your routes as a tower [layer](layer), or
//! take [`Authenticated`] in a handler (feature `axum`). Without either, ask [`Verifier::verify`].
//!
//! ```no_run
#![doc = include_str!("../examples/orders.rs")]
//! ```
//!
//! # What it stores
//! In memory: the key set, and by their digests the tokens it has verified, bounded and never past their expiry.
//!
//! # Which numbers steer it
//! [`VerifierBuilder::refresh_every`], [`VerifierBuilder::stale_for`], [`VerifierBuilder::unknown_kid_pause`],
//! [`VerifierBuilder::timeout`], [`VerifierBuilder::max_jwks_bytes`], [`VerifierBuilder::leeway`].
//!
//! # What it defends against
//! Another algorithm than the key's and `none`, keys that a token brings along, tokens of another type, issuer or
//! audience, claims of a wrong type, duplicate members, redirects and endless answers where the keys should be, and
//! strangers who make up key ids so that we hammer the issuer.
//!
//! # What it cannot see
//! A logout, a revoked session, a ban or a lost permission is not in a token. The issuer refuses such a token at once;
//! here it goes on working until it expires, its `access_ttl` (15 minutes by default) after its issue at the latest.
//! Where that is too late, ask the issuer: `POST /api/users/token` with the token answers 401 once it does not count.
//!
//! A key that the issuer has withdrawn verifies until the next refresh: at most twice
//! [`refresh_every`](VerifierBuilder::refresh_every) while the issuer answers, and at most
//! [`stale_for`](VerifierBuilder::stale_for) while it does not.
#![forbid(unsafe_code)]

mod builder;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "axum")]
mod extract;
mod fetch;
mod flight;
mod keys;
pub mod layer;
mod refusal;
mod verifier;

pub use builder::{BuildError, VerifierBuilder};
#[cfg(feature = "client")]
pub use client::{BadAuthorities, HttpClient};
#[cfg(feature = "axum")]
pub use extract::Authenticated;
pub use fetch::{FetchError, FetchJwks, Fetching};
pub use keys::{Health, RefreshError};
pub use refusal::{Refusal, RefusalKind};
pub use verifier::{Verifier, VerifyError};
pub use vestibule_token::{
    access::{AccessClaims, Rejected},
    clock::{Clock, SystemClock, Timestamp},
    ids::{AccountId, SessionId},
    jws::Algorithm,
    scope::Scopes,
};
