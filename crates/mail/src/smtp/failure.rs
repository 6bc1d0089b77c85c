//! Why a letter was not delivered.
//!
//! What a server says is not repeated but for its codes: it may quote the letter, and this goes into logs.

use std::{error::Error as _, fmt, io, time::Duration};

use vestibule_core::ports::mailer::DeliveryError;

/// A delivery that failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SmtpError {
    #[error("the mail server cannot be reached: {0}")]
    Unreachable(io::Error),
    #[error("the connection to the mail server broke")]
    Broken,
    #[error("the mail server took longer than {0:?}")]
    TooSlow(Duration),
    #[error("the mail server offers no STARTTLS, and nothing is sent without")]
    NoStartTls,
    #[error("the mail server refused STARTTLS ({0}), and nothing is sent without")]
    StartTlsRefused(Reply),
    #[error("something was put between STARTTLS and its encryption")]
    Injected,
    #[error("the connection to the mail server could not be encrypted: {0}")]
    Tls(io::Error),
    #[error("the mail server does not want to speak with us ({0})")]
    Unwelcome(Reply),
    #[error("the mail server refused smtp.user and smtp.password ({0})")]
    LoginRefused(Reply),
    #[error("the mail server knows no way to log in that is known here")]
    NoMechanism,
    #[error("the mail server answered {0}")]
    Refused(Reply),
    #[error("the mail server answered something that is not SMTP")]
    Garbled,
}

impl SmtpError {
    /// A letter that was not taken.
    pub(super) fn refused(error: &lettre::transport::smtp::Error) -> Self {
        Self::answered(error, Self::Refused)
    }

    /// A failure in which the server may have answered with a code.
    pub(super) fn answered(error: &lettre::transport::smtp::Error, refused: fn(Reply) -> Self) -> Self {
        match error.status() {
            Some(code) => {
                let text = error.source().map(ToString::to_string).unwrap_or_default();
                refused(Reply::new(&code.to_string(), &text))
            }
            None if error.is_response() => Self::Garbled,
            None => Self::Broken,
        }
    }
}

impl From<SmtpError> for DeliveryError {
    fn from(error: SmtpError) -> Self {
        match &error {
            SmtpError::Refused(reply) if reply.is_final() => Self::Final(error.into()),
            _ => Self::Temporary(error.into()),
        }
    }
}

/// A reply's code, and its enhanced code (RFC 3463) where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    code: String,
    enhanced: Option<String>,
}

impl Reply {
    pub(super) fn new(code: &str, text: &str) -> Self {
        let first = text.split_whitespace().next().filter(|word| is_enhanced(word));
        Self { code: code.to_owned(), enhanced: first.map(str::to_owned) }
    }

    /// Whether the letter will not be taken later either. What is wrong with our login (RFC 4954 §6) is not the
    /// letter's fault, and can be put right.
    fn is_final(&self) -> bool {
        self.code.starts_with('5') && !["530", "534", "535", "538"].contains(&self.code.as_str())
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        self.enhanced.iter().try_for_each(|enhanced| write!(f, " {enhanced}"))
    }
}

fn is_enhanced(word: &str) -> bool {
    let parts: Vec<_> = word.split('.').collect();
    let is_number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t55_a_reply_is_its_codes() {
        for (code, text, said) in [
            ("550", "5.1.1 <ada@example.org>: unknown", "550 5.1.1"),
            ("554", "blocked: https://id.example.org/reset/canary", "554"),
            ("550", "5.7.canary", "550"),
            ("550", "", "550"),
        ] {
            assert_eq!(Reply::new(code, text).to_string(), said);
        }
    }

    #[test]
    fn what_the_letter_is_not_to_blame_for_is_tried_again() {
        let is_final =
            |code: &str| matches!(SmtpError::Refused(Reply::new(code, "")).into(), DeliveryError::Final(_));
        assert!(["550", "552", "553", "554", "501"].into_iter().all(is_final));
        assert!(!["421", "450", "451", "452", "530", "535"].into_iter().any(is_final));
        let unwelcome = SmtpError::Unwelcome(Reply::new("554", ""));
        assert!(matches!(unwelcome.into(), DeliveryError::Temporary(_)));
    }
}
