//! What templates are told, already in words.

use std::time::Duration;

use serde::Serialize;
use vestibule_core::{
    ports::clock::Timestamp,
    values::{
        language::Language,
        message::{Asked, Content, Invitation, Message},
    },
};

use super::{Site, words};

/// The names that templates may use; what a message does not have is none. docs/mail.md lists them.
#[derive(Default, Serialize)]
pub(super) struct Facts {
    pub(super) subject: String,
    site_name: String,
    site_url: String,
    language: &'static str,
    username: Option<String>,
    at: String,
    link: Option<String>,
    code: Option<String>,
    lifetime: Option<String>,
    old_name: Option<String>,
    new_name: Option<String>,
    new_address: Option<String>,
    device: Option<String>,
    ip_address: Option<String>,
    until: Option<String>,
}

impl Facts {
    pub(super) fn new(site: &Site, message: &Message) -> Self {
        let facts = Self {
            site_name: clean(&site.name),
            site_url: clean(&site.url),
            language: message.language.tag(),
            username: message.username.as_deref().map(clean),
            at: words::moment(message.language, message.at),
            ..Self::default()
        };
        match &message.content {
            Content::ConfirmAddress(Invitation { link, code, lifetime, asked })
            | Content::ResetPassword(Invitation { link, code, lifetime, asked }) => Self {
                link: Some(clean(link)),
                code: Some(clean(code)),
                lifetime: Some(words::span(message.language, *lifetime)),
                ..facts.asked(message.language, asked.as_ref())
            },
            Content::AlreadyRegistered { asked } => facts.asked(message.language, asked.as_ref()),
            Content::UsernameChanged { old, new } => {
                Self { old_name: old.as_deref().map(clean), new_name: Some(clean(new)), ..facts }
            }
            Content::AddressChanged { new } => Self { new_address: Some(unmasked(new)), ..facts },
            Content::NewDevice { address, user_agent } => Self {
                device: Some(words::device(user_agent)).filter(|device| !device.is_empty()),
                ip_address: Some(clean(address)),
                ..facts
            },
            Content::AccountDeletion { until } => Self {
                until: until.map(|at| words::moment(message.language, Timestamp::from_millis(at))),
                ..facts
            },
            Content::PasswordChanged => facts,
        }
    }

    fn asked(self, language: Language, asked: Option<&Asked>) -> Self {
        let Some(Asked { at, address }) = asked else { return self };
        let at = words::moment(language, Timestamp::from_millis(*at));
        Self { at, ip_address: Some(clean(address)), ..self }
    }
}

/// A text on one line, without what nobody sees and what turns the order of letters around.
pub(super) fn clean(text: &str) -> String {
    let is_unseen = |c: char| {
        matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
    };
    text.chars().map(|c| if c.is_control() || is_unseen(c) { ' ' } else { c }).collect()
}

/// An address whose domain could be taken for another one is followed by what it really is.
fn unmasked(address: &str) -> String {
    let address = clean(address);
    match address.rsplit_once('@').map(|(_, domain)| idna::domain_to_ascii(domain)) {
        Some(Ok(ascii)) if !address.is_ascii() => format!("{address} ({ascii})"),
        _ => address,
    }
}

/// Messages of every kind, with all facts and with as few as possible.
pub(super) fn samples(language: Language) -> impl Iterator<Item = Message> {
    let invitation = || Invitation {
        link: "https://login.example.org/confirm/sample".into(),
        code: "4711-4711".into(),
        lifetime: Duration::from_hours(2),
        asked: None,
    };
    let asked = Some(Asked { at: 0, address: "192.0.2.1".into() });
    let full = [
        Content::ConfirmAddress(Invitation { asked: asked.clone(), ..invitation() }),
        Content::ResetPassword(invitation()),
        Content::PasswordChanged,
        Content::UsernameChanged { old: Some("ada".into()), new: "ada-lovelace".into() },
        Content::AddressChanged { new: "ada@example.org".into() },
        Content::NewDevice { address: "192.0.2.1".into(), user_agent: "Firefox".into() },
        Content::AlreadyRegistered { asked },
        Content::AccountDeletion { until: Some(0) },
    ];
    let bare = [
        Content::ConfirmAddress(invitation()),
        Content::AlreadyRegistered { asked: None },
        Content::UsernameChanged { old: None, new: "ada".into() },
        Content::NewDevice { address: "192.0.2.1".into(), user_agent: String::new() },
        Content::AccountDeletion { until: None },
    ];
    let full = full.into_iter().flat_map(|content| [(Some("ada"), content.clone()), (None, content)]);
    let all = full.chain(bare.into_iter().map(|content| (None, content)));
    all.map(move |(username, content)| Message {
        to: "ada@example.org".into(),
        username: username.map(str::to_owned),
        language,
        at: Timestamp::EPOCH,
        content,
    })
}
