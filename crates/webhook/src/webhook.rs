//! The port implemented: one receiver over HTTP.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;
use vestibule_core::ports::{
    clock::Clock,
    mailer::DeliveryError,
    notifier::{Event, EventKind, Facts, Notifier},
};
use vestibule_egress::{Destination, Egress};

use crate::secret::WebhookSecret;

/// What a receiver is sent.
#[derive(Debug)]
pub struct WebhookOptions {
    /// Where it is.
    pub destination: Destination,
    /// What signs: the present secret first, then those that are being replaced.
    pub secrets: Vec<WebhookSecret>,
    /// What it wants to know.
    pub events: HashSet<EventKind>,
}

/// Tells one receiver of events.
#[derive(Debug)]
pub struct Webhook {
    egress: Arc<Egress>,
    clock: Arc<dyn Clock>,
    options: WebhookOptions,
}

/// The body of a message.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: EventKind,
    timestamp: &'a str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    account_id: Uuid,
    account: Option<&'a Facts>,
    previous: &'a Map<String, Value>,
}

impl Webhook {
    /// Tells the receiver that `options` name, by `egress`. It connects to nothing before there is an event.
    #[must_use]
    pub fn new(egress: Arc<Egress>, clock: Arc<dyn Clock>, options: WebhookOptions) -> Self {
        Self { egress, clock, options }
    }

    fn headers(&self, id: &str, body: &[u8]) -> Result<HeaderMap, DeliveryError> {
        // When it is sent, not when it happened: a receiver refuses what is old, and this may be the tenth attempt.
        let timestamp = self.clock.now().as_millis().div_euclid(1000);
        let signatures: Vec<_> =
            self.options.secrets.iter().map(|secret| secret.sign(id, timestamp, body)).collect();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("webhook-timestamp", HeaderValue::from(timestamp));
        for (name, text) in [("webhook-id", id), ("webhook-signature", &signatures.join(" "))] {
            let value = HeaderValue::try_from(text).map_err(|error| DeliveryError::Final(error.into()))?;
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

#[async_trait]
impl Notifier for Webhook {
    fn wants(&self, kind: EventKind) -> bool {
        self.options.events.contains(&kind)
    }

    async fn notify(&self, id: Uuid, event: &Event) -> Result<(), DeliveryError> {
        let Event { kind, at, account_id, account, previous } = event;
        let data = Data { account_id: *account_id, account: account.as_ref(), previous };
        let body = serde_json::to_vec(&Body { kind: *kind, timestamp: at, data })
            .map_err(|error| DeliveryError::Final(error.into()))?;
        let headers = self.headers(&id.to_string(), &body)?;
        let answer = self.egress.post(&self.options.destination, headers, Bytes::from(body)).await;
        judge(answer.map_err(|error| DeliveryError::Temporary(error.into()))?.status())
    }
}

/// What a status means: taken, never to be asked again, or to be tried once more. A redirect is not followed.
fn judge(status: StatusCode) -> Result<(), DeliveryError> {
    let told = || format!("the receiver answered {}", status.as_u16()).into();
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::GONE => Err(DeliveryError::Final(told())),
        _ => Err(DeliveryError::Temporary(told())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_status_means() {
        for (status, is_done, is_final) in [
            (200, true, false),
            (202, true, false),
            (204, true, false),
            (302, false, false),
            (400, false, false),
            (404, false, false),
            (410, false, true),
            (429, false, false),
            (500, false, false),
        ] {
            let judged = judge(StatusCode::from_u16(status).unwrap());
            assert_eq!(judged.is_ok(), is_done, "{status}");
            assert_eq!(matches!(judged, Err(DeliveryError::Final(_))), is_final, "{status}");
        }
    }
}
