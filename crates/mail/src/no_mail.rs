//! Where no mail is wanted.

use async_trait::async_trait;
use vestibule_core::{
    ports::mailer::{DeliveryError, Mailer},
    values::message::Message,
};

/// Drops every message, so that none waits for a server that nobody will configure.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMail;

#[async_trait]
impl Mailer for NoMail {
    async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
        tracing::debug!(kind = message.content.kind(), "mail is off: a message was dropped");
        Ok(())
    }
}
