//! The routes of the server, under its policy.

use std::sync::Arc;

use axum::{Router, response::Redirect, routing::get};
use vestibule::{
    core::Auth,
    http::{layers::with_policy, routes, state::AuthState},
};

use crate::{config::Config, failure::Failure, policy, startup};

/// The engine and the rules of HTTP of a server seen at `public_url`.
///
/// # Errors
/// A configured origin that is none.
pub fn state(config: &Config, public_url: &str, auth: Arc<Auth>) -> Result<AuthState, Failure> {
    let rules = policy::http_rules(config, public_url).map_err(|error| startup::unexpected(&error))?;
    Ok(AuthState::new(auth, rules).with_strict_grant_type(config.login.strict_grant_type))
}

/// Every route; who opens the address that the banner shows is led to the documentation.
///
/// `beside` are the routes that this server has and an application has not.
pub fn router(state: &AuthState, beside: Router) -> Router {
    let front_door = get(async || Redirect::to("/docs/"));
    with_policy(routes::app(state).merge(beside).route("/", front_door), Arc::clone(state.http()))
}
