//! The client that comes along, against real sockets.

use std::{sync::Arc, time::Duration};

use http::Uri;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};
use vestibule_verifier::{FetchError, FetchJwks as _, HttpClient, Verifier};

/// Reads a request and answers it with these bytes.
async fn answer_one(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &[u8]) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
            return String::new();
        }
        request.push(byte[0]);
    }
    let _ = stream.write_all(answer).await;
    let _ = stream.shutdown().await;
    String::from_utf8(request).unwrap()
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A server of one answer; tells what it was asked.
async fn server(answer: impl Into<Vec<u8>>) -> (Uri, JoinHandle<String>) {
    let (listener, port) = listen().await;
    let answer = answer.into();
    let served = tokio::spawn(async move {
        let (stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        answer_one(stream, &answer).await
    });
    (format!("http://127.0.0.1:{port}/keys?tenant=a").parse().unwrap(), served)
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_request_carries_nothing_but_what_it_must() {
    let (url, served) = server(ok("{}")).await;
    assert_eq!(HttpClient::new().unwrap().fetch(&url, 100).await.unwrap(), b"{}");
    let request = served.await.unwrap().to_lowercase();
    assert!(request.starts_with("get /keys?tenant=a http/1.1\r\n"), "{request}");
    let mut names: Vec<_> = request.lines().skip(1).filter_map(|line| line.split_once(':')).collect();
    names.sort_unstable();
    let names: Vec<_> = names.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["accept", "host", "user-agent"], "{request}");
}

#[tokio::test]
async fn redirects_are_not_followed_and_other_statuses_are_no_keys() {
    for (status, line) in
        [(301, "301 Moved"), (307, "307 Moved"), (404, "404 No"), (500, "500 Oh"), (204, "204 -")]
    {
        let location = "location: http://127.0.0.1:1/\r\ncontent-length: 0";
        let (url, _served) = server(format!("HTTP/1.1 {line}\r\n{location}\r\n\r\n")).await;
        let error = HttpClient::new().unwrap().fetch(&url, 100).await.unwrap_err();
        assert!(matches!(error, FetchError::Status(code) if code == status), "{error}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let endless = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(100_000));
    for answer in [endless, ok(&"x".repeat(100_000))] {
        let (url, _served) = server(answer).await;
        let error = HttpClient::new().unwrap().fetch(&url, 1000).await.unwrap_err();
        assert!(matches!(error, FetchError::TooLong(1000)), "{error}");
    }
    let (url, _served) = server("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    assert!(HttpClient::new().unwrap().fetch(&url, 1000).await.is_err(), "half an answer");
}

#[tokio::test]
async fn an_issuer_that_never_answers_is_given_up() {
    let (listener, port) = listen().await;
    let verifier = Verifier::builder(format!("http://127.0.0.1:{port}"))
        .allow_plain_http_on_loopback()
        .timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    let error = verifier.refresh().await.unwrap_err().to_string();
    assert!(error.contains("in time"), "{error}");
    drop(listener);
}

/// An https server of one answer, with a certificate of its own.
async fn encrypted_server(name: &str) -> (String, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (listener, port) = listen().await;
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                answer_one(stream, ok(r#"{"keys":[]}"#).as_bytes()).await;
            }
        }
    });
    (format!("https://localhost:{port}"), cert.pem())
}

#[tokio::test]
async fn https_is_believed_only_from_whom_is_trusted_and_under_the_right_name() {
    let (issuer, authority) = encrypted_server("localhost").await;
    let trusting = HttpClient::trusting(authority.as_bytes()).unwrap();
    let verifier = Verifier::builder(&issuer).fetcher(trusting).build().unwrap();
    verifier.refresh().await.unwrap();

    let stranger = Verifier::builder(&issuer).build().unwrap();
    let error = stranger.refresh().await.unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");

    let (elsewhere, authority) = encrypted_server("login.example").await;
    let misled = HttpClient::trusting(authority.as_bytes()).unwrap();
    let error = Verifier::builder(elsewhere).fetcher(misled).build().unwrap().refresh().await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}
