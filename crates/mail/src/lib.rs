//! What Vestibule writes to people: the templates, and three ways to deliver what they say.
//!
//! `SmtpMailer` (feature `smtp`) hands letters to a mail server, [`Inbox`] keeps them for a developer, [`NoMail`] drops them. All of
//! them are the port [`Mailer`](vestibule_core::ports::mailer::Mailer), which only the outbox asks.

#![forbid(unsafe_code)]

mod inbox;
mod no_mail;
#[cfg(feature = "smtp")]
mod smtp;
mod templates;

pub use inbox::{CAPACITY, Inbox, Received};
pub use no_mail::NoMail;
#[cfg(feature = "smtp")]
pub use smtp::{Encryption, Login, SmtpMailer, SmtpOptions, SmtpStartError};
pub use templates::{Letter, RenderError, Site, TemplateError, Templates};
