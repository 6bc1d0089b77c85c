//! Letters as a real mail server receives them.

use mail_parser::{MessageParser, MimeHeaders as _};
use vestibule_core::{ports::mailer::Mailer as _, values::message::Message};
use vestibule_mail::Encryption;
use vestibule_testkit::smtp::{self, Conduct, Encryption as Server, SmtpServer};

use crate::samples::{CODE, LINK, all, login, mailer, options, reset, templates};

#[tokio::test]
async fn every_message_arrives_as_it_was_written() {
    let server = SmtpServer::start();
    let mailer = mailer(options(&server));
    for message in all() {
        mailer.deliver(&message).await.unwrap();
    }
    for (received, message) in server.letters().iter().zip(all()) {
        assert_eq!(
            (received.from.as_str(), received.to.as_slice()),
            ("login@example.org", &["Ada@example.com".to_owned()][..])
        );
        assert!(received.is_encrypted && received.data.is_ascii());
        let letter = MessageParser::default().parse(&received.data).unwrap();
        let expected = templates().render(&message).unwrap();
        assert_eq!(letter.subject(), Some(expected.subject.as_str()));
        assert_eq!(unix(&letter.body_text(0).unwrap()), expected.text);
        assert_eq!(unix(&letter.body_html(0).unwrap()), unix(&expected.html));
        assert!(letter.content_type().is_some_and(|kind| kind.subtype() == Some("alternative")));
        assert_eq!(letter.from().unwrap().first().unwrap().name(), Some("Example"));
        assert_eq!(letter.to().unwrap().first().unwrap().address(), Some("Ada@example.com"));
        assert_eq!(letter.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
        assert_eq!(letter.header_raw("Content-Language").map(str::trim), Some("en"));
        assert_eq!(letter.date().unwrap().to_timestamp(), message.at.as_seconds());
        assert!(letter.message_id().unwrap().ends_with("@example.org"));
    }
    assert_eq!(server.letters().len(), all().len());
    assert_eq!(server.connections(), 1, "a connection is used again");
}

fn unix(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end().to_owned() + "\n"
}

#[tokio::test]
async fn it_is_encrypted_as_asked_for() {
    for (ours, theirs) in [
        (Encryption::Tls, Server::Tls),
        (Encryption::StartTls, Server::StartTls),
        (Encryption::None, Server::None),
    ] {
        let server = SmtpServer::builder().encryption(theirs).start();
        let mut options = options(&server);
        options.encryption = ours;
        mailer(options).deliver(&reset()).await.unwrap();
        assert_eq!(server.letters()[0].is_encrypted, ours != Encryption::None);
    }
}

#[tokio::test]
async fn it_logs_in_by_what_the_server_knows() {
    for mechanisms in ["PLAIN", "LOGIN", "LOGIN PLAIN", "CRAM-MD5 LOGIN"] {
        let server = SmtpServer::builder().mechanisms(mechanisms).requires_login().start();
        let mut options = options(&server);
        options.login = Some(login(smtp::PASSWORD));
        mailer(options).deliver(&reset()).await.unwrap();
        assert_eq!(server.letters()[0].user.as_deref(), Some(smtp::USER));
        let plain: Vec<_> = server.lines().into_iter().filter(|(_, is_encrypted)| !is_encrypted).collect();
        assert_eq!(plain, [("EHLO example.org".to_owned(), false), ("STARTTLS".to_owned(), false)]);
    }
}

#[tokio::test]
async fn a_letter_sent_twice_is_known_as_one() {
    let server = SmtpServer::start();
    let mailer = mailer(options(&server));
    server.set(Conduct::DropAfterData);
    mailer.deliver(&reset()).await.unwrap_err();
    server.set(Conduct::Accept);
    mailer.deliver(&reset()).await.unwrap();
    let other = Message { to: "grace@example.com".into(), ..reset() };
    mailer.deliver(&other).await.unwrap();
    let ids: Vec<_> = server.letters().iter().map(|letter| id(&letter.data)).collect();
    assert!(ids[0] == ids[1] && ids[1] != ids[2], "{ids:?}");
}

fn id(data: &[u8]) -> String {
    MessageParser::default().parse(data).unwrap().message_id().unwrap().to_owned()
}

#[tokio::test]
async fn a_connection_that_went_away_is_made_anew() {
    let server = SmtpServer::start();
    server.set(Conduct::HangUpAfterLetter);
    let mailer = mailer(options(&server));
    for count in 1..=3 {
        mailer.deliver(&reset()).await.unwrap();
        assert_eq!((server.letters().len(), server.connections()), (count, count));
    }
}

#[tokio::test]
async fn many_at_once_get_a_connection_each() {
    let server = SmtpServer::start();
    let mailer = std::sync::Arc::new(mailer(options(&server)));
    let deliveries: Vec<_> = (0..8)
        .map(|_| {
            let mailer = std::sync::Arc::clone(&mailer);
            tokio::spawn(async move { mailer.deliver(&reset()).await.unwrap() })
        })
        .collect();
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    assert_eq!(server.letters().len(), 8);
}

#[tokio::test]
async fn lines_that_begin_with_a_dot_arrive_whole() {
    let server = SmtpServer::start();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("password_changed")).unwrap();
    std::fs::write(folder.path().join("password_changed/en.txt"), "one\n.\n..two\n").unwrap();
    let templates = vestibule_mail::Templates::load(crate::samples::site(), Some(folder.path())).unwrap();
    let mailer = vestibule_mail::SmtpMailer::new(options(&server), templates).unwrap();
    mailer.deliver(&all()[2]).await.unwrap();
    let letters = server.letters();
    let letter = MessageParser::default().parse(&letters[0].data).unwrap();
    assert_eq!(unix(&letter.body_text(0).unwrap()), "one\n.\n..two\n");
}

#[test]
fn t55_a_mailer_prints_no_password() {
    let server = SmtpServer::start();
    let mut options = options(&server);
    options.login = Some(login(smtp::PASSWORD));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let printed = runtime.block_on(async { format!("{:?}", mailer(options)) });
    assert!(printed.contains("localhost") && !printed.contains(smtp::PASSWORD), "{printed}");
}

/// lettre's own feature `tracing` would write down every line of the conversation.
#[test]
fn t55_deliveries_leave_no_secret_in_the_log() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let server = SmtpServer::builder().requires_login().start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            tracing::info!("the log is read");
            let mut options = options(&server);
            options.login = Some(login(smtp::PASSWORD));
            let mailer = mailer(options);
            mailer.deliver(&reset()).await.unwrap();
            server.set(Conduct::RefuseLetter);
            let error = mailer.deliver(&reset()).await.unwrap_err();
            tracing::warn!(%error, "not delivered");
        });
    });
    let log = log.text();
    assert!(log.contains("the log is read") && log.contains("550 5.7.1"), "{log}");
    for secret in [LINK, CODE, "canary", smtp::PASSWORD, "AUTH"] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
