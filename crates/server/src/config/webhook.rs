//! `[webhook]`: the system that is told of events.

use std::{collections::HashSet, time::Duration};

use vestibule::core::ports::notifier::EventKind;
use vestibule_webhook::WebhookSecret;

use super::settings::Settings;
use crate::failure::Problem;

const SECRET_HELP: &str =
    "make one with `echo whsec_$(openssl rand -base64 32)`, and give it to the receiver too";
/// Less than what an errand may take.
const MOST_PATIENCE: Duration = Duration::from_mins(2);

/// The system that is told of events, where there is one. Printing it shows no secret.
#[derive(Clone)]
pub struct Webhook {
    /// Where it is. What follows the host may be what makes it believe us.
    pub url: String,
    /// What signs, the present secret first.
    pub secrets: Vec<WebhookSecret>,
    /// What it is told of.
    pub events: HashSet<EventKind>,
    /// How long it may take to answer.
    pub timeout: Duration,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("events", &self.events).finish_non_exhaustive()
    }
}

impl Webhook {
    pub(super) fn read(settings: &Settings, problems: &mut Vec<Problem>) -> Option<Self> {
        let events = events(settings, problems);
        let timeout = settings.span("webhook.timeout");
        if timeout > MOST_PATIENCE {
            problems.push(Problem::new("webhook.timeout must be at most 2m"));
        }
        let present = secret("webhook.secret", settings, problems);
        let previous = secret("webhook.previous_secret", settings, problems);
        let Some(url) = settings.secret_url("webhook.url") else {
            if settings.password("webhook.secret").is_some() {
                problems.push(Problem::new("webhook.secret is set without webhook.url"));
            }
            return None;
        };
        if settings.password("webhook.secret").is_none() {
            let sentence = "webhook.secret must be set where webhook.url is: a receiver could not tell our events from forged ones";
            problems.push(Problem::new(sentence).help(SECRET_HELP));
        }
        let secrets = present.into_iter().chain(previous).collect();
        Some(Self { url: url.to_owned(), secrets, events, timeout })
    }
}

fn secret(name: &'static str, settings: &Settings, problems: &mut Vec<Problem>) -> Option<WebhookSecret> {
    let read = settings.password(name)?.parse();
    // It is not repeated.
    read.map_err(|error| {
        let sentence = format!("{name} ({}) is refused: {error}", settings.origin(name));
        problems.push(Problem::new(sentence).help(SECRET_HELP));
    })
    .ok()
}

fn events(settings: &Settings, problems: &mut Vec<Problem>) -> HashSet<EventKind> {
    let mut events = HashSet::new();
    for name in settings.list("webhook.events") {
        if let Some(kind) = EventKind::ALL.iter().find(|kind| kind.as_str() == name) {
            events.insert(*kind);
        } else {
            let known: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
            problems.push(
                Problem::new(format!("webhook.events has {name:?}, which is no event"))
                    .help(format!("the events are {}", known.join(", "))),
            );
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{keys::EVENTS, testing::read};

    const URL: (&str, &str) = ("VESTIBULE_WEBHOOK__URL", "https://hooks.example.org/T0K3N");
    const SECRET: (&str, &str) = ("VESTIBULE_WEBHOOK__SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

    #[test]
    fn without_a_url_nobody_is_told() {
        assert!(read(&[]).unwrap().webhook.is_none());
        let webhook = read(&[URL, SECRET]).unwrap().webhook.unwrap();
        assert_eq!((webhook.secrets.len(), webhook.events.len()), (1, EventKind::ALL.len()));
        assert!(!format!("{webhook:?}").contains("T0K3N"));
        let names: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(EVENTS, names);
    }

    #[test]
    fn contradictions_are_refused_and_secrets_are_not_repeated() {
        let previous = ("VESTIBULE_WEBHOOK__PREVIOUS_SECRET", "hunter2");
        for (environment, told) in [
            (&[URL][..], "webhook.secret must be set where webhook.url is"),
            (&[SECRET][..], "webhook.secret is set without webhook.url"),
            (&[URL, SECRET, previous][..], "webhook.previous_secret (the environment variable"),
            (&[URL, ("VESTIBULE_WEBHOOK__SECRET", "hunter2")][..], "it must be whsec_ and the base64"),
            (
                &[URL, SECRET, ("VESTIBULE_WEBHOOK__EVENTS", "user.born")][..],
                "\"user.born\", which is no event",
            ),
            (&[URL, SECRET, ("VESTIBULE_WEBHOOK__TIMEOUT", "3m")][..], "webhook.timeout must be at most 2m"),
        ] {
            let refusal = read(environment).unwrap_err();
            assert!(refusal.contains(told), "{refusal}");
            assert!(!refusal.contains("hunter2") && !refusal.contains("T0K3N"), "{refusal}");
        }
    }
}
