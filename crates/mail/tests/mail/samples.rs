//! Messages, and mailers in front of a mail server.

use std::time::Duration;

use vestibule_core::{
    ports::{
        clock::Timestamp,
        mailer::{DeliveryError, Mailer as _},
    },
    values::{
        email::Email,
        language::Language,
        message::{Asked, Content, Invitation, Message},
    },
};
use vestibule_mail::{Encryption, Login, Site, SmtpMailer, SmtpOptions, Templates};
use vestibule_testkit::smtp::{self, SmtpServer};

pub(crate) const LINK: &str = "https://login.example.org/reset/canary-link";
pub(crate) const CODE: &str = "CANA-RY42";

pub(crate) fn site() -> Site {
    Site { name: "Example".into(), url: "https://login.example.org".into() }
}

pub(crate) fn templates() -> Templates {
    Templates::load(site(), None).unwrap()
}

pub(crate) fn invitation() -> Invitation {
    Invitation { link: LINK.into(), code: CODE.into(), lifetime: Duration::from_hours(2), asked: None }
}

/// Who asked, an hour before the message.
pub(crate) fn asked() -> Asked {
    Asked { at: 1_772_323_200_000, address: "192.0.2.2".into() }
}

pub(crate) fn message(content: Content) -> Message {
    Message {
        to: "Ada@example.com".into(),
        username: Some("ada".into()),
        language: Language::English,
        at: Timestamp::from_millis(1_772_326_800_000),
        content,
    }
}

pub(crate) fn reset() -> Message {
    message(Content::ResetPassword(invitation()))
}

pub(crate) fn all() -> Vec<Message> {
    let contents = [
        Content::ConfirmAddress(Invitation { asked: Some(asked()), ..invitation() }),
        Content::ResetPassword(invitation()),
        Content::PasswordChanged,
        Content::UsernameChanged { old: Some("ada".into()), new: "countess".into() },
        Content::AddressChanged { new: "countess@example.org".into() },
        Content::NewDevice {
            address: "192.0.2.1".into(),
            user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".into(),
        },
        Content::AlreadyRegistered { asked: Some(asked()) },
        Content::AccountDeletion { until: Some(1_773_536_400_000) },
    ];
    contents.map(message).into()
}

/// How `server` is used: over STARTTLS, with its authority, without a login.
pub(crate) fn options(server: &SmtpServer) -> SmtpOptions {
    SmtpOptions {
        host: "localhost".into(),
        port: server.address().port(),
        encryption: Encryption::StartTls,
        tls_ca_file: Some(server.authority()),
        login: None,
        from: Email::parse("login@example.org").unwrap(),
        display_name: "Example".into(),
        timeout: Duration::from_secs(30),
    }
}

pub(crate) fn login(password: &str) -> Login {
    Login { user: smtp::USER.into(), password: password.to_owned().into() }
}

pub(crate) fn mailer(options: SmtpOptions) -> SmtpMailer {
    SmtpMailer::new(options, templates()).unwrap()
}

/// Delivers a message that must not be taken; gives what is said of it, and whether that is for good.
pub(crate) async fn refusal(mailer: &SmtpMailer) -> (String, bool) {
    let error = mailer.deliver(&reset()).await.unwrap_err();
    let printed = format!("{error} {error:?}");
    for secret in [LINK, CODE, "canary", "da@example.com", smtp::PASSWORD] {
        assert!(!printed.contains(secret), "{printed}");
    }
    (error.to_string(), matches!(error, DeliveryError::Final(_)))
}
