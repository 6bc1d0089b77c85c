//! Delivery to a mail server.
//!
//! lettre writes the letter and speaks SMTP. Connecting and encrypting are our own, in `connection`: lettre reads on in
//! plain text what came with the answer to STARTTLS, waits for answers without a bound, and its pool hands on a
//! connection whose last user gave up in the middle of an exchange.

mod connection;
mod encrypted;
mod envelope;
mod failure;
mod trust;

use std::{
    fmt,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use lettre::{address::Envelope, transport::smtp::client::AsyncSmtpConnection};
use tokio::time;
use vestibule_core::{
    ports::mailer::{DeliveryError, Mailer},
    values::{email::Email, message::Message},
};
use zeroize::Zeroizing;

use crate::templates::Templates;
use connection::Dialler;
use failure::SmtpError;

pub use trust::SmtpStartError;

/// How many connections wait for the next letter.
const MOST_IDLE: usize = 2;
/// How long a connection that waited may take to say that it is still there.
const REUSE_PATIENCE: Duration = Duration::from_secs(5);

/// How the connection is encrypted. None of them falls back to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all.
    None,
    /// From the command STARTTLS on (RFC 3207); a server that does not offer it gets no mail.
    StartTls,
    /// From the first byte (RFC 8314).
    Tls,
}

impl Encryption {
    /// The port that servers listen on for it.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::None => 25,
            Self::StartTls => 587,
            Self::Tls => 465,
        }
    }
}

/// With what the server is told who we are. The password does not print.
#[derive(Clone)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// How the mail server is used.
#[derive(Clone, Debug)]
pub struct SmtpOptions {
    /// Its name or address; its certificate must be for it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// Whose certificates are trusted (PEM), where it is not those the machine trusts.
    pub tls_ca_file: Option<PathBuf>,
    /// Who we are, where it wants to know.
    pub login: Option<Login>,
    /// The address that letters come from.
    pub from: Email,
    /// The name beside it.
    pub display_name: String,
    /// How long one delivery may take, connecting included.
    pub timeout: Duration,
}

/// Delivers letters by SMTP. Starting one connects to nothing.
pub struct SmtpMailer {
    options: SmtpOptions,
    templates: Templates,
    dialler: Dialler,
    idle: Mutex<Vec<AsyncSmtpConnection>>,
}

impl SmtpMailer {
    /// Makes one from its options.
    ///
    /// # Errors
    /// [`SmtpStartError`] where nobody's certificates can be trusted.
    pub fn new(options: SmtpOptions, templates: Templates) -> Result<Self, SmtpStartError> {
        let dialler = Dialler::new(&options)?;
        Ok(Self { options, templates, dialler, idle: Mutex::default() })
    }

    async fn send(&self, envelope: &Envelope, letter: &[u8]) -> Result<(), SmtpError> {
        let mut connection = match self.reused().await {
            Some(connection) => connection,
            None => self.dialler.connect().await?,
        };
        // Given up in the middle, it is dropped with this future and never used again.
        connection.send(envelope, letter).await.map_err(|error| SmtpError::refused(&error))?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push(connection);
        }
        Ok(())
    }

    /// A connection that waited and is still there.
    async fn reused(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let mut connection = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            let asked = time::timeout(REUSE_PATIENCE, connection.test_connected()).await;
            if asked.is_ok_and(|is_there| is_there) {
                return Some(connection);
            }
        }
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
        let letter =
            self.templates.render(message).map_err(|error| DeliveryError::Temporary(error.into()))?;
        let (envelope, letter) = envelope::compose(&self.options, message, letter)?;
        let delivery = time::timeout(self.options.timeout, self.send(&envelope, &letter));
        let outcome = delivery.await.unwrap_or(Err(SmtpError::TooSlow(self.options.timeout)));
        outcome.map_err(DeliveryError::from)
    }
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").field("options", &self.options).finish_non_exhaustive()
    }
}
