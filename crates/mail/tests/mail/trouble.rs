//! Mail servers on bad days, and those that are none.

use std::{net::TcpListener, time::Duration};

use vestibule_core::ports::mailer::Mailer as _;
use vestibule_mail::{Encryption, SmtpMailer, SmtpOptions, SmtpStartError};
use vestibule_testkit::{
    servers::{Authority, Proxy, Traffic},
    smtp::{self, Conduct, Encryption as Server, SmtpServer},
};

use crate::samples::{login, mailer, options, refusal, reset, templates};

/// What is sent before there is encryption, and must be all.
fn only_introduced_itself(server: &SmtpServer) {
    let lines: Vec<_> = server.lines().into_iter().map(|(line, _)| line).collect();
    assert!(lines.iter().all(|line| line == "EHLO example.org" || line == "STARTTLS"), "{lines:?}");
    assert!(server.letters().is_empty());
}

#[tokio::test]
async fn what_a_server_answers_decides_whether_it_is_tried_again() {
    for (conduct, told, is_final) in [
        (Conduct::Greylist, "451 4.7.1", false),
        (Conduct::Busy, "421 4.3.2", false),
        (Conduct::DropAfterData, "broke", false),
        (Conduct::RefuseLetter, "550 5.7.1", true),
        (Conduct::RefuseRecipient, "550 5.1.1", true),
        (Conduct::RefuseClient, "554 5.3.2", false),
        (Conduct::Babble, "not SMTP", false),
    ] {
        let server = SmtpServer::start();
        server.set(conduct);
        let mailer = mailer(options(&server));
        let (said, for_good) = refusal(&mailer).await;
        assert!(said.contains(told), "{conduct:?}: {said}");
        assert_eq!(for_good, is_final, "{conduct:?}: {said}");
        // Where it is better again, nothing of the bad day is left.
        server.set(Conduct::Accept);
        mailer.deliver(&reset()).await.unwrap();
    }
}

#[tokio::test]
async fn a_greylisted_letter_is_taken_the_second_time() {
    let server = SmtpServer::start();
    server.set(Conduct::Greylist);
    let mailer = mailer(options(&server));
    refusal(&mailer).await;
    mailer.deliver(&reset()).await.unwrap();
    assert_eq!(server.letters().len(), 1);
}

#[tokio::test]
async fn a_slow_server_is_waited_for_and_a_silent_one_given_up() {
    let server = SmtpServer::start();
    server.set(Conduct::Slow(Duration::from_millis(50)));
    mailer(options(&server)).deliver(&reset()).await.unwrap();
    server.set(Conduct::Slow(Duration::from_hours(1)));
    let impatient = mailer(SmtpOptions { timeout: Duration::from_millis(300), ..options(&server) });
    let (said, is_final) = refusal(&impatient).await;
    assert!(said.contains("took longer than 300ms") && !is_final, "{said}");
}

/// The next letter must not be taken for delivered by what was meant for the last one.
#[tokio::test]
async fn a_connection_given_up_in_the_middle_is_not_used_again() {
    let server = SmtpServer::start();
    let mailer = mailer(SmtpOptions { timeout: Duration::from_secs(5), ..options(&server) });
    mailer.deliver(&reset()).await.unwrap();
    server.set(Conduct::Slow(Duration::from_secs(3)));
    let message = reset();
    let delivery = tokio::time::timeout(Duration::from_millis(200), mailer.deliver(&message));
    assert!(delivery.await.is_err());
    server.set(Conduct::RefuseLetter);
    let (said, is_final) = refusal(&mailer).await;
    assert!(said.contains("550 5.7.1") && is_final, "{said}");
    assert_eq!((server.letters().len(), server.connections()), (1, 2));
}

#[tokio::test]
async fn a_server_that_is_away_is_tried_again() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = SmtpServer::start();
    let away = mailer(SmtpOptions { port: closed.port(), ..options(&server) });
    let (said, is_final) = refusal(&away).await;
    assert!(said.contains("cannot be reached") && !is_final, "{said}");
    let proxy = tokio::task::spawn_blocking(move || Proxy::start(server.address())).await.unwrap();
    proxy.set(Traffic::BlackHole);
    let server = SmtpServer::start();
    let options =
        SmtpOptions { port: proxy.address().port(), timeout: Duration::from_millis(300), ..options(&server) };
    let (said, is_final) = refusal(&mailer(options)).await;
    assert!(said.contains("took longer") && !is_final, "{said}");
}

#[tokio::test]
async fn without_starttls_nothing_is_sent() {
    for (encryption, told) in [
        (Server::None, "offers no STARTTLS"),
        (Server::RefusedStartTls, "refused STARTTLS (454 4.7.0)"),
        (Server::LyingStartTls, ""),
        (Server::InjectedStartTls, "put between STARTTLS and its encryption"),
    ] {
        let server = SmtpServer::builder().encryption(encryption).start();
        let mut options = options(&server);
        options.login = Some(login(smtp::PASSWORD));
        let (said, is_final) = refusal(&mailer(options)).await;
        assert!(said.contains(told) && !is_final, "{encryption:?}: {said}");
        only_introduced_itself(&server);
    }
}

#[tokio::test]
async fn a_server_that_is_not_who_it_should_be_gets_nothing() {
    for (ours, theirs) in [(Encryption::StartTls, Server::StartTls), (Encryption::Tls, Server::Tls)] {
        let named_otherwise =
            SmtpServer::builder().encryption(theirs).certificate_for("elsewhere.example").start();
        let stranger = SmtpServer::builder().encryption(theirs).start();
        let authority = Authority::new();
        for (server, trusted) in
            [(&named_otherwise, named_otherwise.authority()), (&stranger, authority.file())]
        {
            let mut options = options(server);
            options.encryption = ours;
            options.tls_ca_file = Some(trusted);
            options.login = Some(login(smtp::PASSWORD));
            let (said, is_final) = refusal(&mailer(options)).await;
            assert!(said.contains("could not be encrypted") && !is_final, "{said}");
            only_introduced_itself(server);
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_put_right_and_the_letter_sent() {
    let server = SmtpServer::builder().requires_login().start();
    for (login, told) in [(Some(login("hunter2")), "smtp.password (535 5.7.8)"), (None, "530 5.7.0")] {
        let mut options = options(&server);
        options.login = login;
        let (said, is_final) = refusal(&mailer(options)).await;
        assert!(said.contains(told) && !is_final && !said.contains("hunter2"), "{said}");
    }
    let server = SmtpServer::builder().mechanisms("CRAM-MD5").start();
    let mut options = options(&server);
    options.login = Some(login(smtp::PASSWORD));
    let (said, is_final) = refusal(&mailer(options)).await;
    assert!(said.contains("no way to log in") && !is_final, "{said}");
}

#[test]
fn what_cannot_be_trusted_is_found_at_the_start() {
    let server = SmtpServer::start();
    let empty = tempfile::NamedTempFile::new().unwrap();
    let refused = |options| SmtpMailer::new(options, templates()).unwrap_err();
    let missing = SmtpOptions { tls_ca_file: Some("/nowhere/ca.pem".into()), ..options(&server) };
    assert!(matches!(refused(missing), SmtpStartError::Certificates { .. }));
    let nobody = SmtpOptions { tls_ca_file: Some(empty.path().into()), ..options(&server) };
    assert!(matches!(refused(nobody), SmtpStartError::Certificates { .. }));
    let nameless = SmtpOptions { host: "no host".into(), ..options(&server) };
    assert!(matches!(refused(nameless), SmtpStartError::Host { .. }));
}
