//! What tells another system of events, made from the configuration.

use std::sync::Arc;

use vestibule::core::ports::{Notifier, clock::SystemClock};
use vestibule_egress::DestinationError;
use vestibule_webhook::{Webhook, WebhookOptions};

use crate::{
    config::Config,
    egress,
    failure::{Failure, Problem},
};

/// What tells another system of events; `None` where none is configured. It connects to nothing before there is one.
///
/// # Errors
/// A URL that is not asked; exit code 2.
pub fn notifier(config: &Config) -> Result<Option<Arc<dyn Notifier>>, Failure> {
    let Some(webhook) = &config.webhook else { return Ok(None) };
    let egress = Arc::new(egress::client(config));
    let destination = egress.destination(&webhook.url).map_err(|error| bad_url(&error))?;
    let options = WebhookOptions {
        destination: destination.with_timeout(webhook.timeout),
        secrets: webhook.secrets.clone(),
        events: webhook.events.clone(),
    };
    Ok(Some(Arc::new(Webhook::new(egress, Arc::new(SystemClock), options))))
}

fn bad_url(error: &DestinationError) -> Failure {
    let problem = Problem::new(format!("webhook.url is refused: {error}"));
    Failure::usage(problem.help(match error {
        DestinationError::Forbidden(_) => {
            "a receiver inside your network needs its network in egress.allowed_networks"
        }
        _ => "it is a URL such as https://example.org/hooks/vestibule",
    }))
}
