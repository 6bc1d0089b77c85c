//! Who verifies captchas, made from the configuration.

use std::sync::Arc;

use vestibule::http::same_origin::Origin;
use vestibule_captcha::{HostedCaptcha, HostedCaptchaOptions};
use vestibule_egress::Egress;

use crate::{
    config::{Config, Keyed},
    egress,
    failure::{Failure, Problem},
};

/// Who verifies captchas for a server seen at `public_url`; nothing where none is asked for.
///
/// # Errors
/// `captcha.verify_url` is nobody that may be asked; exit code 2.
pub fn verifier(config: &Config, public_url: &str) -> Result<Option<HostedCaptcha>, Failure> {
    config.captcha.keyed.as_ref().map(|keyed| hosted(config, keyed, public_url)).transpose()
}

/// Looks for mistakes without asking anybody.
///
/// # Errors
/// As [`verifier`].
pub fn check(config: &Config) -> Result<(), Failure> {
    verifier(config, "").map(|_| ())
}

fn hosted(config: &Config, keyed: &Keyed, public_url: &str) -> Result<HostedCaptcha, Failure> {
    let egress = egress::client(config);
    let destination = destination(&egress, keyed)?;
    let options = HostedCaptchaOptions {
        provider: keyed.provider,
        site_key: keyed.site_key.clone(),
        secret: keyed.secret.clone(),
        hostnames: hostnames(config, keyed, public_url),
        min_score: keyed.min_score,
        timeout: keyed.timeout,
    };
    Ok(HostedCaptcha::new(Arc::new(egress), destination, options))
}

fn destination(egress: &Egress, keyed: &Keyed) -> Result<vestibule_egress::Destination, Failure> {
    let url = keyed.verify_url.as_deref().unwrap_or(keyed.provider.verify_url());
    egress.destination(url).map_err(|error| {
        let problem = Problem::new(format!("captcha.verify_url: {error}"));
        Failure::usage(problem.help("remove it to ask the provider"))
    })
}

/// The hosts of pages that may send credentials here, and those that were named.
fn hostnames(config: &Config, keyed: &Keyed, public_url: &str) -> Vec<String> {
    let service = &config.service;
    let origins = service.allowed_origins.iter().chain(&service.cors_origins).map(String::as_str);
    let hosts = origins.chain([public_url]).filter_map(host);
    hosts.chain(keyed.hostnames.iter().cloned()).collect()
}

/// The host as providers write it: without a port, and without the brackets of an address.
fn host(url: &str) -> Option<String> {
    url.parse::<Origin>().ok()?;
    let url: http::Uri = url.parse().ok()?;
    url.host().map(|host| host.trim_matches(['[', ']']).to_owned())
}
