//! What people typed, in every place where it is mailed.

use mail_parser::MessageParser;
use vestibule_core::{
    ports::mailer::{DeliveryError, Mailer as _},
    values::{
        language::Language,
        message::{Asked, Content, Invitation, Message},
    },
};
use vestibule_mail::{Letter, SmtpOptions};
use vestibule_testkit::smtp::SmtpServer;

use crate::samples::{invitation, mailer, message, options, templates};

const INJECTIONS: [&str; 6] = [
    "{{ 7*7 }}",
    "{% for c in range(9999) %}x{% endfor %}",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "x\r\nBcc: victim@example.net\r\n\r\nbody",
    "a\u{202e}gpj.exe\u{2028}Bcc: victim@example.net\u{0}",
];

/// Every message with `text` in every field that somebody else than the engine fills.
fn filled_with(text: &str) -> Vec<Message> {
    let contents = [
        Content::ConfirmAddress(invitation()),
        Content::ResetPassword(invitation()),
        Content::PasswordChanged,
        Content::UsernameChanged { old: Some(text.into()), new: text.into() },
        Content::AddressChanged { new: text.into() },
        Content::NewDevice { address: text.into(), user_agent: text.into() },
        Content::AlreadyRegistered { asked: Some(Asked { at: 0, address: text.into() }) },
        Content::ConfirmAddress(Invitation { link: text.into(), code: text.into(), ..invitation() }),
    ];
    let messages = contents.map(|content| Message { username: Some(text.into()), ..message(content) });
    let in_all = |message: Message| Language::ALL.map(|language| Message { language, ..message.clone() });
    messages.into_iter().flat_map(in_all).collect()
}

fn write(message: &Message) -> Letter {
    templates().render(message).unwrap()
}

#[test]
fn t60_what_people_typed_is_neither_a_template_nor_html() {
    for text in INJECTIONS {
        for message in filled_with(text) {
            let Letter { subject, text, html } = write(&message);
            // Above the body there are colours, which are numbers too.
            let body = html.split_once("<body").unwrap().1;
            for part in [&subject, &text, body] {
                assert!(!part.contains("49") && !part.contains("xxx"), "{part}");
                assert!(!part.contains(['\r', '\0', '\u{202e}', '\u{2028}']), "{part:?}");
            }
            assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("\"><"), "{html}");
            assert_eq!(subject.lines().count(), 1);
            assert!(!text.lines().any(|line| line.starts_with("Bcc:")), "{text}");
        }
    }
    let named = Message { username: Some("{{ 7*7 }}".into()), ..message(Content::PasswordChanged) };
    assert!(write(&named).text.contains("{{ 7*7 }}"));
}

/// lettre RUSTSEC-2021-0069: a line break in an address or a name became a command or a header.
#[tokio::test]
async fn t60_no_field_adds_a_header_a_recipient_or_a_command() {
    let server = SmtpServer::start();
    let options =
        SmtpOptions { display_name: "Example\r\nBcc: victim@example.net".into(), ..options(&server) };
    let mailer = mailer(options);
    let messages: Vec<_> = INJECTIONS.into_iter().flat_map(filled_with).collect();
    for message in &messages {
        mailer.deliver(message).await.unwrap();
    }
    let letters = server.letters();
    assert_eq!(letters.len(), messages.len());
    for received in letters {
        assert_eq!(received.to, ["Ada@example.com"]);
        let letter = MessageParser::default().parse(&received.data).unwrap();
        let headers: Vec<_> = letter.parts[0].headers.iter().map(|header| header.name().to_owned()).collect();
        assert_eq!(headers.len(), 9, "{headers:?}");
        assert!(letter.bcc().is_none() && letter.parts.len() == 3, "{headers:?}");
    }
    let verbs = server.lines().into_iter().map(|(line, _)| line.split(' ').next().unwrap().to_owned());
    assert!(
        verbs
            .clone()
            .all(|verb| ["EHLO", "STARTTLS", "MAIL", "RCPT", "DATA", "NOOP"].contains(&verb.as_str()))
    );
    assert_eq!(verbs.filter(|verb| verb == "RCPT").count(), messages.len());
}

#[tokio::test]
async fn t60_what_is_no_address_gets_no_envelope() {
    let server = SmtpServer::start();
    let mailer = mailer(options(&server));
    for to in [
        "",
        "ada",
        "ada@example.com\r\nRCPT TO:<victim@example.net>",
        "ada@example.com>\r\nDATA",
        "ada@example.com, victim@example.net",
        "Ada <ada@example.com>",
        "\"ada\r\n\"@example.com",
        "ada@[192.0.2.1]",
        "ada@exa\u{200b}mple.com",
        "ada@xn--a.example",
        "ädä@example.com",
    ] {
        let message = Message { to: to.into(), ..message(Content::PasswordChanged) };
        let error = mailer.deliver(&message).await.unwrap_err();
        assert!(matches!(error, DeliveryError::Final(_)), "{to:?}");
        assert!(!format!("{error} {error:?}").contains("example.com"), "{error:?}");
    }
    assert_eq!(server.connections(), 0);
}

/// idna RUSTSEC-2024-0421: what looks like another domain must not reach that one.
#[tokio::test]
async fn t60_domains_go_out_in_ascii_and_look_alikes_to_themselves() {
    let server = SmtpServer::start();
    let mailer = mailer(options(&server));
    for (to, recipient) in [
        ("Ada@Bücher.example", "Ada@xn--bcher-kva.example"),
        // The first letter is Cyrillic.
        ("ada@еxample.com", "ada@xn--xample-2of.com"),
        ("ada@EXAMPLE.com", "ada@example.com"),
    ] {
        mailer.deliver(&Message { to: to.into(), ..message(Content::PasswordChanged) }).await.unwrap();
        let received = server.letters().pop().unwrap();
        assert_eq!(received.to, [recipient], "{to}");
        let letter = MessageParser::default().parse(&received.data).unwrap();
        assert_eq!(letter.to().unwrap().first().unwrap().address(), Some(recipient));
    }
}

#[test]
fn t60_a_look_alike_of_a_new_address_is_shown_for_what_it_is() {
    let changed = |new: &str| write(&message(Content::AddressChanged { new: new.into() }));
    let letter = changed("ada@еxample.com");
    assert!(letter.text.contains("(xn--xample-2of.com)") && letter.html.contains("(xn--xample-2of.com)"));
    assert!(!changed("ada@example.com").text.contains('('));
}

/// The owner's letter about a new device is written by whoever logged in, as far as the user agent goes.
#[test]
fn a_user_agent_brings_no_link_into_a_letter() {
    for user_agent in ["https://evil.example/reset", "evil.example", "Log in at https://evil.example now"] {
        let device = Content::NewDevice { address: "192.0.2.1".into(), user_agent: user_agent.into() };
        let Letter { text, html, .. } = write(&message(device));
        assert!(!text.contains("evil.example") && !html.contains("evil.example"), "{text}");
    }
}
