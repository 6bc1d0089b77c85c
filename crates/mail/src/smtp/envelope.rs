//! A letter as it goes over the wire: its envelope, its headers, its two bodies.

use aws_lc_rs::digest::{Context, SHA256};
use lettre::{
    Address,
    address::{AddressError, Envelope},
    message::{
        Mailbox, MultiPart,
        header::{Header, HeaderName, HeaderValue},
    },
};
use vestibule_core::{
    ports::mailer::DeliveryError,
    values::{email::Email, message::Message},
};

use super::SmtpOptions;
use crate::templates::{Letter, one_line};

/// A message for which there is no envelope; neither address is repeated.
#[derive(Debug, thiserror::Error)]
enum EnvelopeError {
    #[error("the address is none that mail can be sent to")]
    Address,
    #[error("the letter cannot be written")]
    Letter(#[source] lettre::error::Error),
}

/// The domain of an address, in ASCII.
pub(super) fn domain(email: &Email) -> &str {
    email.canonical().rsplit_once('@').map_or("localhost", |(_, domain)| domain)
}

/// Writes a letter. The same message gives the same Message-ID, so that a letter sent twice is known as one.
pub(super) fn compose(
    options: &SmtpOptions,
    message: &Message,
    letter: Letter,
) -> Result<(Envelope, Vec<u8>), DeliveryError> {
    write(options, message, letter).map_err(|error| DeliveryError::Final(error.into()))
}

fn write(
    options: &SmtpOptions,
    message: &Message,
    letter: Letter,
) -> Result<(Envelope, Vec<u8>), EnvelopeError> {
    let to = Email::parse(&message.to).map_err(|_| EnvelopeError::Address)?;
    let to = address(&to).map_err(|_| EnvelopeError::Address)?;
    let from = address(&options.from).map_err(|_| EnvelopeError::Address)?;
    let name = Some(one_line(&options.display_name)).filter(|name| !name.is_empty());
    let mail = lettre::Message::builder()
        .message_id(Some(message_id(options, message, &letter)))
        .date(message.at.to_system_time())
        .from(Mailbox::new(name, from))
        .to(Mailbox::new(None, to))
        .subject(letter.subject)
        .header(AutoSubmitted)
        .header(ContentLanguage(message.language.tag()))
        .multipart(MultiPart::alternative_plain_html(letter.text, letter.html))
        .map_err(EnvelopeError::Letter)?;
    Ok((mail.envelope().clone(), mail.formatted()))
}

/// The mailbox as its owner typed it at the domain in ASCII, which is the only form that every server understands.
fn address(email: &Email) -> Result<Address, AddressError> {
    let (user, _) = email.as_typed().rsplit_once('@').ok_or(AddressError::MissingParts)?;
    Address::new(user, domain(email))
}

fn message_id(options: &SmtpOptions, message: &Message, letter: &Letter) -> String {
    let mut context = Context::new(&SHA256);
    let at = message.at.as_millis().to_string();
    for part in [message.to.as_str(), &at, message.content.kind(), &letter.subject, &letter.text] {
        context.update(part.as_bytes());
        context.update(&[0]);
    }
    let digest = context.finish();
    // Half of it is more than enough to tell letters apart.
    let id = digest.as_ref().first_chunk().map_or(0, |half| u128::from_be_bytes(*half));
    format!("<{id:032x}@{}>", domain(&options.from))
}

/// RFC 3834 §5: nobody's holiday notice shall answer.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// RFC 3282.
#[derive(Clone)]
struct ContentLanguage(&'static str);

impl Header for ContentLanguage {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Language")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Err("never read".into())
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.to_owned())
    }
}
