//! Delivering messages.

use std::fmt;

use async_trait::async_trait;

use crate::values::message::Message;

/// Puts a message into words and hands it to whoever carries it further.
///
/// It is asked from the outbox alone, never while somebody waits for an answer; what it does may take its time.
#[async_trait]
pub trait Mailer: Send + Sync + fmt::Debug {
    /// Delivers a message.
    ///
    /// # Errors
    /// [`DeliveryError`] says whether trying again may help. What it prints goes into logs, so it must not repeat the
    /// message.
    async fn deliver(&self, message: &Message) -> Result<(), DeliveryError>;
}

/// A message was not delivered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// Not now: nobody there, a time-out, an SMTP 4yz reply (RFC 5321 §4.2.1), a connection that could not be
    /// encrypted as asked for.
    #[error("not delivered for now: {0}")]
    Temporary(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Never: an SMTP 5yz reply, an address that no envelope takes.
    #[error("refused for good: {0}")]
    Final(#[source] Box<dyn std::error::Error + Send + Sync>),
}
