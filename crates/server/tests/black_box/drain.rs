//! The end: what is in flight is answered, whoever watches is told, and a second signal waits for nothing.

use http::StatusCode;
use nix::sys::signal::Signal;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    client::account,
    program::{Folder, eventually},
};

#[tokio::test]
async fn sigterm_answers_what_is_in_flight_and_exits_0() {
    let folder = Folder::new();
    let server = folder.serve();
    let body = account("ada").to_string();
    let head = format!(
        "POST /api/v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body: the request is in its hands.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    server.signal(Signal::SIGTERM);
    let address = server.address;
    let refuses = async || TcpStream::connect(address).await.is_err().then_some(());
    eventually("nobody new is accepted", refuses).await;
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert_eq!(server.ended().await.code(), Some(0));
    assert_eq!(folder.serve().client().log_in("ada", crate::client::PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn while_it_drains_it_says_so_and_goes_on_and_a_second_signal_ends_it() {
    let folder = Folder::new().with("VESTIBULE_SERVER__DRAIN_DELAY", "1h");
    let server = folder.serve();
    let client = server.client();
    server.signal(Signal::SIGTERM);
    let unready = async || {
        let status = client.get("/health/ready").await.status;
        (status == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    };
    eventually("it is no longer ready", unready).await;
    assert_eq!(client.get("/health/live").await.status, StatusCode::OK);
    assert_eq!(client.register("ada").await.status, StatusCode::CREATED);
    assert!(!folder.log().contains("ERROR"), "not being ready is intended now: {}", folder.log());
    server.signal(Signal::SIGTERM);
    assert_eq!(server.ended().await.code(), Some(1));
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_after_the_grace() {
    let folder = Folder::new().with("VESTIBULE_SERVER__SHUTDOWN_GRACE", "50ms");
    let server = folder.serve();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /api/v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.read_exact(&mut [0; 25]).await.unwrap();
    assert_eq!(server.stop().await.code(), Some(0));
    assert!(folder.log().contains("shutdown_grace"), "{}", folder.log());
}

#[tokio::test]
async fn a_body_that_never_ends_is_answered_408() {
    let folder = Folder::new().with("VESTIBULE_SERVER__REQUEST_TIMEOUT", "50ms");
    let server = folder.serve();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /api/v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"ema";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("request_timeout"), "{answer}");
}
