//! Events told to another system over HTTP, signed as [Standard Webhooks](https://www.standardwebhooks.com) has it.
//!
//! Each is a `POST` of JSON with three headers: `webhook-id`, the same however often an event is told; `webhook-timestamp`,
//! when it was sent, in seconds; and `webhook-signature`, `v1,` and the base64 of HMAC-SHA-256 over id, timestamp and body
//! joined by full stops. While a secret is being replaced there are two signatures, and a receiver takes either.
//!
//! Stores nothing: the outbox of the engine does, and asks again. Defends against forged events (the signature), old ones
//! sent once more (the timestamp is signed), and, by `vestibule-egress`, against being sent somewhere else.

#![forbid(unsafe_code)]

mod secret;
mod webhook;

pub use secret::{NoWebhookSecret, WebhookSecret};
pub use webhook::{Webhook, WebhookOptions};
