//! The routes of the server, under its policy.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::Router;
use vestibule::{core::Auth, http::layers::with_policy};

use crate::{config::Config, failure::Failure, policy, startup};

/// Whether the server wants new requests. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// From now on, load balancers should send requests elsewhere.
    pub fn withdraw(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Every route.
///
/// # Errors
/// A configured origin that is none.
pub fn router(config: &Config, public_url: &str, auth: Arc<Auth>, readiness: Readiness) -> Result<Router, Failure> {
    let policy = Arc::new(policy::http_rules(config, public_url).map_err(|error| startup::unexpected(&error))?);
    let _ = (auth, readiness);
    Ok(with_policy(Router::new(), policy))
}
