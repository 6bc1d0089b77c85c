//! Delivering messages.

use std::fmt;

use async_trait::async_trait;

use crate::values::message::Message;

/// Puts a message into words and hands it to whoever carries it further.
///
/// It is asked from the outbox alone, never while somebody waits for an answer; what it does may take its time. The same
/// message may come twice: a node that dies between delivery and note leaves it to another.
///
/// ```
/// use async_trait::async_trait;
/// use vestibule_core::{
///     ports::{DeliveryError, Mailer},
///     values::message::{Content, Message},
/// };
///
/// /// Hands messages to whatever the application writes letters with.
/// #[derive(Debug)]
/// struct Letters;
///
/// #[async_trait]
/// impl Mailer for Letters {
///     async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
///         match &message.content {
///             Content::ConfirmAddress(link) => self.send(&message.to, "Is this your address?", &link.link).await,
///             Content::ResetPassword(link) => self.send(&message.to, "A new password", &link.link).await,
///             // Notices: here nobody is written to about them.
///             _ => Ok(()),
///         }
///     }
/// }
///
/// impl Letters {
///     async fn send(&self, to: &str, subject: &str, text: &str) -> Result<(), DeliveryError> {
///         # let postbox = async |_: &str, _: &str, _: &str| Err::<(), _>(std::io::Error::other("busy"));
///         // Tried again later; what can never work is `DeliveryError::Final`.
///         postbox(to, subject, text).await.map_err(|error| DeliveryError::Temporary(Box::new(error)))
///     }
/// }
/// # drop(Letters);
/// ```
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
