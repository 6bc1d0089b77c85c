//! A mail server for tests: real sockets, real TLS, and the moods that mail servers have.
//!
//! ```
//! use vestibule_testkit::smtp::{Conduct, SmtpServer};
//!
//! let server = SmtpServer::start();
//! server.set(Conduct::Greylist);
//! assert_eq!(server.letters().len(), 0);
//! ```
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking, as said in the documentation of `servers`"
)]

mod conversation;
mod ledger;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
};
use tokio_rustls::TlsAcceptor;

use crate::servers::{Authority, Papers};
use conversation::Conversation;
use ledger::Ledger;

pub use ledger::Letter;

/// The user that the server knows.
pub const USER: &str = "vestibule";
/// That user's password.
pub const PASSWORD: &str = "a password for mail only";

/// What the server does with letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conduct {
    /// Takes them.
    #[default]
    Accept,
    /// Turns each recipient away once (451), and takes the letter when it comes again.
    Greylist,
    /// Takes so long before each answer.
    Slow(Duration),
    /// Takes the whole letter, and hangs up instead of saying so.
    DropAfterData,
    /// Refuses the letter after it was sent (550), and quotes it.
    RefuseLetter,
    /// Refuses every recipient (550).
    RefuseRecipient,
    /// Wants to speak with nobody (554 instead of a greeting).
    RefuseClient,
    /// Has no time (421 at the first command of a letter).
    Busy,
    /// Answers something else than SMTP.
    Babble,
    /// Hangs up after each letter that it took.
    HangUpAfterLetter,
}

/// How the server encrypts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// Offers STARTTLS.
    #[default]
    StartTls,
    /// From the first byte.
    Tls,
    /// Not at all.
    None,
    /// Offers STARTTLS, agrees to it, and goes on in plain text.
    LyingStartTls,
    /// Offers STARTTLS and refuses it (454).
    RefusedStartTls,
    /// Offers STARTTLS, agrees to it, and sends plain text before the encryption, as somebody in between would.
    InjectedStartTls,
}

/// How a server is started.
#[derive(Clone, Debug)]
pub struct SmtpServerBuilder {
    encryption: Encryption,
    certificate_name: String,
    mechanisms: &'static str,
    requires_login: bool,
}

impl SmtpServerBuilder {
    /// How it encrypts.
    #[must_use]
    pub fn encryption(mut self, encryption: Encryption) -> Self {
        self.encryption = encryption;
        self
    }

    /// The name in its certificate, instead of `localhost`.
    #[must_use]
    pub fn certificate_for(mut self, name: &str) -> Self {
        name.clone_into(&mut self.certificate_name);
        self
    }

    /// How clients may log in, as in `PLAIN LOGIN`.
    #[must_use]
    pub fn mechanisms(mut self, mechanisms: &'static str) -> Self {
        self.mechanisms = mechanisms;
        self
    }

    /// It takes letters only from [`USER`] (530 for others).
    #[must_use]
    pub fn requires_login(mut self) -> Self {
        self.requires_login = true;
        self
    }

    /// Starts it on a free loopback port.
    #[must_use]
    pub fn start(self) -> SmtpServer {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new();
        let papers = authority.certify(&[&self.certificate_name], folder.path());
        let acceptor = acceptor(&papers);
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread");
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("a socket");
        let ledger = Arc::new(Ledger::default());
        let conversation = Conversation { builder: self, acceptor, ledger: Arc::clone(&ledger) };
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a socket");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(conversation.clone().hold(stream));
            }
        });
        SmtpServer { address, authority, ledger, runtime: Some(runtime) }
    }
}

fn acceptor(papers: &Papers) -> TlsAcceptor {
    let read = |path: &Path| CertificateDer::from_pem_file(path).expect("a certificate");
    let certificate = read(&papers.certificate);
    let key = PrivateKeyDer::from_pem_file(&papers.key).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate and its key");
    TlsAcceptor::from(Arc::new(config))
}

/// A mail server on a loopback port. It has a thread of its own and ends when this is dropped.
#[derive(Debug)]
pub struct SmtpServer {
    address: SocketAddr,
    authority: Authority,
    ledger: Arc<Ledger>,
    /// Always there, but for the drop.
    runtime: Option<Runtime>,
}

impl SmtpServer {
    /// One that offers STARTTLS and takes letters from everybody.
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// One that is different.
    #[must_use]
    pub fn builder() -> SmtpServerBuilder {
        SmtpServerBuilder {
            encryption: Encryption::default(),
            certificate_name: "localhost".to_owned(),
            mechanisms: "PLAIN LOGIN",
            requires_login: false,
        }
    }

    /// Where it listens; its certificate is for `localhost`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority that signed its certificate (PEM).
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.authority.file()
    }

    /// Changes what it does with letters, those on their way included.
    pub fn set(&self, conduct: Conduct) {
        self.ledger.set(conduct);
    }

    /// The letters that it has, whether or not it said so, oldest first.
    #[must_use]
    pub fn letters(&self) -> Vec<Letter> {
        self.ledger.letters()
    }

    /// Waits until there are so many letters and gives them; fails after half a minute.
    #[must_use]
    pub fn wait_for_letters(&self, count: usize) -> Vec<Letter> {
        self.ledger.wait_for_letters(count)
    }

    /// Every line that clients sent outside letters, those in plain text marked so; of AUTH, whatever followed.
    #[must_use]
    pub fn lines(&self) -> Vec<(String, bool)> {
        self.ledger.lines()
    }

    /// How many connections were made so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.ledger.connections()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // An asynchronous test may not wait here.
            runtime.shutdown_background();
        }
    }
}
