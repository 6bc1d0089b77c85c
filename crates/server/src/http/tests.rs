//! The accept loop on real sockets. Only outcomes are asserted, never how long they took.

mod shortage;
mod virtual_time;

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};

use super::{Bounds, Remaining, Stop, Stopper, serve};

const SHORT: Duration = Duration::from_millis(80);
const LONG: Duration = Duration::from_mins(10);
const REQUEST: &[u8] = b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n";

struct Running {
    address: SocketAddr,
    stopper: Stopper,
    task: JoinHandle<Remaining>,
    /// A handler of `/slow` was called; it answers when told to.
    called: mpsc::Receiver<()>,
    answer: mpsc::Sender<()>,
}

async fn start(header_timeout: Duration, idle_timeout: Duration, max_connections: usize) -> Running {
    let (call, called) = mpsc::channel(8);
    let (answer, answers) = mpsc::channel(8);
    let answers = std::sync::Arc::new(tokio::sync::Mutex::new(answers));
    let slow = move || async move {
        call.send(()).await.unwrap();
        answers.lock().await.recv().await.unwrap();
        "slow"
    };
    let router = Router::new()
        .route("/quick", get(|| async { "quick" }))
        .route("/slow", get(slow))
        .route("/refuse", post(|| async { StatusCode::PAYLOAD_TOO_LARGE }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stopper, stop): (_, Stop) = Stopper::new();
    let bounds = Bounds { header_timeout, idle_timeout, max_connections };
    let task = tokio::spawn(serve(listener, router, bounds, stop));
    Running { address, stopper, task, called, answer }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

async fn read_to_end(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn read_answer(stream: &mut (impl AsyncRead + Unpin), ending: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(ending) {
        let mut buffer = [0; 1024];
        let count = stream.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "closed after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    text
}

#[tokio::test]
async fn a_head_that_dribbles_in_is_cut() {
    let running = start(SHORT, LONG, 8).await;
    let mut stream = running.connect().await;
    stream.write_all(b"GET /quick HTTP/1.1\r\nHo").await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let dribble = async {
        let mut pause = tokio::time::interval(SHORT / 8);
        loop {
            pause.tick().await;
            if writing.write_all(b"x").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut bytes = Vec::new();
    tokio::select! {
        _ = reading.read_to_end(&mut bytes) => {}
        () = dribble => {}
    }
    assert!(bytes.is_empty());
}

#[tokio::test]
async fn the_header_time_out_does_not_cut_keep_alive_nor_a_connection_without_a_request() {
    let mut running = start(SHORT, LONG, 8).await;
    let mut stream = running.connect().await;
    let mut unused = running.connect().await;
    stream.write_all(REQUEST).await.unwrap();
    read_answer(&mut stream, "quick").await;
    let mut other = running.connect().await;
    other.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    running.called.recv().await.unwrap();
    // Its end says that the header time-out has passed for all of them.
    let mut incomplete = running.connect().await;
    incomplete.write_all(b"GET").await.unwrap();
    assert_eq!(read_to_end(&mut incomplete).await, "");
    running.answer.send(()).await.unwrap();
    read_answer(&mut other, "slow").await;
    for stream in [&mut stream, &mut unused, &mut other] {
        stream.write_all(REQUEST).await.unwrap();
        read_answer(stream, "quick").await;
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_before_and_between_requests() {
    let running = start(LONG, SHORT, 8).await;
    let mut unused = running.connect().await;
    assert_eq!(read_to_end(&mut unused).await, "");
    let mut used = running.connect().await;
    used.write_all(REQUEST).await.unwrap();
    assert!(read_to_end(&mut used).await.ends_with("quick"));
}

#[tokio::test]
async fn the_idle_time_out_begins_anew_after_every_answer() {
    let mut running = start(LONG, SHORT * 5, 8).await;
    let mut stream = running.connect().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    running.called.recv().await.unwrap();
    // Its end says that the time-out has passed since both connected.
    let mut unused = running.connect().await;
    assert_eq!(read_to_end(&mut unused).await, "");
    running.answer.send(()).await.unwrap();
    read_answer(&mut stream, "slow").await;
    stream.write_all(REQUEST).await.unwrap();
    read_answer(&mut stream, "quick").await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let running = start(LONG, SHORT, 8).await;
    let mut stream = running.connect().await;
    stream.write_all(&REQUEST.repeat(3)).await.unwrap();
    assert_eq!(read_to_end(&mut stream).await.matches("quick").count(), 3);
}

#[tokio::test]
async fn what_is_no_http_is_answered_400() {
    let running = start(LONG, LONG, 8).await;
    for nonsense in
        [&b"\x16\x03\x01\x02\x00\r\n\r\n"[..], b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nA b: c\r\n\r\n"]
    {
        let mut stream = running.connect().await;
        stream.write_all(nonsense).await.unwrap();
        assert!(read_to_end(&mut stream).await.starts_with("HTTP/1.1 400 "), "{nonsense:?}");
    }
}

/// A request of which the head is so long.
fn long_head(length: usize) -> Vec<u8> {
    let (start, end) = ("GET /quick HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ", "\r\n\r\n");
    let filling = "a".repeat(length - start.len() - end.len());
    [start, &filling, end].concat().into_bytes()
}

#[tokio::test]
async fn a_head_may_have_64_kib_and_no_more() {
    let running = start(LONG, LONG, 8).await;
    for (length, status) in [(64 * 1024, "200"), (64 * 1024 + 1, "431"), (70_000, "431")] {
        let mut stream = running.connect().await;
        stream.write_all(&long_head(length)).await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{length}: {answer}");
    }
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let running = start(LONG, LONG, 8).await;
    let mut stream = running.connect().await;
    let head = [b"GET / HTTP/1.1\r\nHost: x\r\nX: ".as_slice(), &vec![b'a'; 70 * 1024]].concat();
    stream.write_all(&head).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_request_names_its_host_once() {
    // The idle time-out only ends the test where a request is let through.
    let running = start(LONG, SHORT * 25, 8).await;
    for (version, hosts, is_right) in [
        ("1.1", &["x"][..], true),
        ("1.1", &["id.example.org:8000"], true),
        ("1.1", &["[::1]:8000"], true),
        ("1.1", &[""], true),
        ("1.0", &[], true),
        ("1.1", &[], false),
        ("1.1", &["x", "y"], false),
        ("1.1", &["x", "x"], false),
        ("1.0", &["x", "y"], false),
        ("1.1", &["x y"], false),
        ("1.1", &["x/y"], false),
        ("1.1", &["a@x"], false),
    ] {
        let hosts: String = hosts.iter().flat_map(|host| ["Host: ", host, "\r\n"]).collect();
        let head = format!("GET /quick HTTP/{version}\r\n{hosts}X-Request-ID: corr-1\r\n\r\n");
        let mut stream = running.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        if is_right {
            read_answer(&mut stream, "quick").await;
            continue;
        }
        // It is closed after the answer: what follows may be somebody else's request.
        let answer = read_to_end(&mut stream).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 400 ") && head.contains("application/problem+json"), "{answer}");
        assert!(head.contains("x-correlation-id: corr-1") && head.contains("connection: close"), "{answer}");
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["code"], "bad_request");
    }
}

#[tokio::test]
async fn an_answer_before_the_end_of_a_body_arrives() {
    let running = start(LONG, LONG, 8).await;
    for _ in 0..20 {
        let mut stream = running.connect().await;
        stream
            .write_all(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n")
            .await
            .unwrap();
        stream.write_all(&vec![b'x'; 256 * 1024]).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_until_there_is_room() {
    const SLOW: &[u8] = b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let (mut running, other) = (start(LONG, LONG, 1).await, start(LONG, LONG, 1).await);
    let (mut first, mut second) = (running.connect().await, running.connect().await);
    first.write_all(SLOW).await.unwrap();
    running.called.recv().await.unwrap();
    second.write_all(SLOW).await.unwrap();
    // Many times as long as it would take to be served.
    let mut elsewhere = other.connect().await;
    for _ in 0..50 {
        elsewhere.write_all(REQUEST).await.unwrap();
        read_answer(&mut elsewhere, "quick").await;
    }
    assert!(running.called.try_recv().is_err());
    running.answer.send(()).await.unwrap();
    assert!(read_to_end(&mut first).await.ends_with("slow"));
    running.called.recv().await.unwrap();
    running.answer.send(()).await.unwrap();
    assert!(read_to_end(&mut second).await.ends_with("slow"));
}

#[tokio::test]
async fn a_stop_answers_what_is_in_flight_and_closes_the_rest() {
    let mut running = start(LONG, LONG, 8).await;
    let (mut unused, mut idle, mut busy) =
        (running.connect().await, running.connect().await, running.connect().await);
    idle.write_all(REQUEST).await.unwrap();
    read_answer(&mut idle, "quick").await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    running.called.recv().await.unwrap();
    running.stopper.stop();
    let remaining = running.task.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
    assert_eq!((read_to_end(&mut unused).await, read_to_end(&mut idle).await), Default::default());
    running.answer.send(()).await.unwrap();
    assert!(remaining.finish(LONG).await);
    let answer = read_to_end(&mut busy).await;
    assert!(answer.ends_with("slow") && answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn a_stop_does_not_wait_beyond_its_grace() {
    let mut running = start(LONG, LONG, 8).await;
    let mut busy = running.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    running.called.recv().await.unwrap();
    running.stopper.stop();
    assert!(!running.task.await.unwrap().finish(SHORT).await);
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(|| async { vec![b'x'; 64 << 20] }));
    let (_stopper, stop) = Stopper::new();
    let bounds = Bounds { header_timeout: LONG, idle_timeout: SHORT, max_connections: 1 };
    tokio::spawn(serve(listener, router, bounds, stop));
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    // The only connection there may be: the second is served once the first has been cut.
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(read_to_end(&mut second).await.starts_with("HTTP/1.1 404"));
    drop(first);
}
