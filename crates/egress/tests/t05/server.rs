//! Web servers for the tests: one canned answer each, and a record of what was asked.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// Somebody who vouches for servers.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new([]).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { issuer: Issuer::new(parameters, key), folder }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn acceptor(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(certificate.der().to_vec())], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

#[derive(Clone)]
enum Manner {
    Answer(String),
    Endless,
    Silent,
}

/// A web server that says the same to everybody, and ends the connection.
pub(crate) struct Server {
    port: u16,
    requests: Arc<AtomicUsize>,
    seen: Arc<Mutex<String>>,
    accepting: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn plain(status: &str, headers: &str) -> Self {
        Self::start("127.0.0.1", 0, None, canned(status, headers)).await
    }

    /// Answers without an end.
    pub(crate) async fn endless() -> Self {
        Self::start("127.0.0.1", 0, None, Manner::Endless).await
    }

    /// Listens and never answers.
    pub(crate) async fn silent() -> Self {
        Self::start("127.0.0.1", 0, None, Manner::Silent).await
    }

    pub(crate) async fn encrypted(
        address: &str,
        authority: &Authority,
        name: &str,
        status: &str,
        headers: &str,
    ) -> Self {
        Self::start(address, 0, Some(authority.acceptor(name)), canned(status, headers)).await
    }

    /// The same on a port of the test's choice.
    pub(crate) async fn encrypted_on(
        address: &str,
        port: u16,
        authority: &Authority,
        name: &str,
        status: &str,
        headers: &str,
    ) -> Self {
        Self::start(address, port, Some(authority.acceptor(name)), canned(status, headers)).await
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// How many requests arrived.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Everything that was asked, headers in lower case as they came.
    pub(crate) fn seen(&self) -> String {
        self.seen.lock().unwrap().clone()
    }

    async fn start(address: &str, port: u16, acceptor: Option<TlsAcceptor>, manner: Manner) -> Self {
        let listener = TcpListener::bind((address, port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, seen) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<String>>::default());
        let (counted, kept) = (Arc::clone(&requests), Arc::clone(&seen));
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (manner, counted, kept) = (manner.clone(), Arc::clone(&counted), Arc::clone(&kept));
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, &manner, &counted, &kept).await,
                        Some(acceptor) => {
                            // A client that does not believe us hangs up here.
                            let Ok(stream) = acceptor.accept(stream).await else { return };
                            serve(stream, &manner, &counted, &kept).await;
                        }
                    }
                });
            }
        });
        Self { port, requests, seen, accepting }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn canned(status: &str, headers: &str) -> Manner {
    let length = if headers.contains("Content-Length") { "" } else { "Content-Length: 2\r\n" };
    Manner::Answer(format!("HTTP/1.1 {status}\r\nConnection: close\r\n{length}{headers}\r\n{{}}"))
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    manner: &Manner,
    requests: &AtomicUsize,
    seen: &Mutex<String>,
) {
    let mut asked = Vec::new();
    while !is_whole(&asked) {
        let Ok(1..) = stream.read_buf(&mut asked).await else { return };
    }
    seen.lock().unwrap().push_str(std::str::from_utf8(&asked).unwrap());
    requests.fetch_add(1, Ordering::SeqCst);
    match manner {
        Manner::Answer(answer) => {
            // A client may hang up before it has read everything.
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Manner::Endless => {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            let mut sent = stream.write_all(head.as_bytes()).await;
            while sent.is_ok() {
                sent = stream.write_all(b"a\r\n0123456789\r\n").await;
            }
        }
        Manner::Silent => std::future::pending().await,
    }
}

fn is_whole(asked: &[u8]) -> bool {
    let asked = String::from_utf8_lossy(asked);
    let Some((head, body)) = asked.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}
