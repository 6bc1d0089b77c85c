//! `vestibule openapi`: the description of the HTTP API, as `/openapi.json` serves it.

use vestibule::http::routes;

use crate::{
    config::Config,
    failure::{Failure, Problem},
    policy, startup,
};

/// The description as JSON.
///
/// # Errors
/// A configured origin that is none.
pub fn render(config: &Config) -> Result<String, Failure> {
    let public_url = config.service.public_url(config.service.listen);
    let rules = policy::http_rules(config, &public_url).map_err(|error| startup::unexpected(&error))?;
    routes::describe(rules.cookies)
        .to_pretty_json()
        .map_err(|error| Failure::failed(Problem::new(format!("the description cannot be written: {error}"))))
}
