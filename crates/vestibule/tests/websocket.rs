//! The example `websocket`, run as it stands, by a real client of such sockets and by one that listens to events.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests; the functions they share are not marked as tests"
)]

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        self, Message,
        client::IntoClientRequest as _,
        http::{HeaderName, HeaderValue, StatusCode},
        protocol::frame::coding::CloseCode,
    },
};

/// Far more than anything takes; a machine may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The example in a process of its own, on a port of its own.
struct Example {
    process: Child,
    address: String,
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Example {
    /// Runs what `cargo test` has built before it runs this.
    fn start() -> Self {
        let test = std::env::current_exe().unwrap();
        let path = test.parent().and_then(|deps| deps.parent()).unwrap().join("examples/websocket");
        assert!(path.exists(), "build it first: cargo build -p vestibule --example websocket");
        let mut command = Command::new(path);
        command.env("LISTEN", "127.0.0.1:0").env_remove("DATA_DIR").stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address =
            lines.find_map(|line| line.strip_prefix("listening  http://").map(str::to_owned)).unwrap();
        // What it prints after that must go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, address }
    }

    async fn begin(&self, head: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let (address, length) = (&self.address, body.len());
        let request = format!(
            "{head}\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn send(&self, head: &str, body: &str) -> String {
        let mut answer = String::new();
        self.begin(head, body).await.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
        answer
    }

    /// Makes an account, once.
    async fn register(&self) {
        let json = r#"{"email":"ada@example.com","username":"ada","password":"correct horse battery"}"#;
        self.send("POST /api/v1/users HTTP/1.1\r\nContent-Type: application/json", json).await;
    }

    /// A session of its own.
    async fn log_in(&self) -> String {
        let head = "POST /api/v1/login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded";
        let answer = self.send(head, "username=ada&password=correct+horse+battery").await;
        let token = answer.split("\"access_token\":\"").nth(1).and_then(|rest| rest.split('"').next());
        token.unwrap().to_owned()
    }

    async fn log_out(&self, token: &str) {
        self.send(&format!("POST /api/users/logout HTTP/1.1\r\nAuthorization: Bearer {token}"), "").await;
    }

    async fn connect(&self, headers: &[(&'static str, &str)]) -> Result<Socket, StatusCode> {
        let mut request = format!("ws://{}/chat", self.address).into_client_request().unwrap();
        for (name, value) in headers {
            request
                .headers_mut()
                .append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        match connect_async(request).await {
            Ok((mut socket, _)) => {
                assert_eq!(next(&mut socket).await, Message::text("welcome, ada"));
                Ok(socket)
            }
            Err(tungstenite::Error::Http(answer)) => Err(answer.status()),
            Err(other) => panic!("{other}"),
        }
    }
}

async fn next(socket: &mut Socket) -> Message {
    timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap()
}

async fn assert_closed(mut socket: Socket) {
    let Message::Close(Some(frame)) = next(&mut socket).await else { panic!("it goes on") };
    assert_eq!((frame.code, frame.reason.as_str()), (CloseCode::Policy, "session ended"));
}

#[tokio::test]
async fn a_chat_ends_with_the_session_and_only_with_its_own() {
    let example = Example::start();
    example.register().await;
    let (one, two) = (example.log_in().await, example.log_in().await);
    let bearer = format!("Bearer {one}");
    let mut by_header = example.connect(&[("authorization", &bearer)]).await.unwrap();
    let protocols = format!("chat, bearer.{one}");
    let by_protocol = example.connect(&[("sec-websocket-protocol", &protocols)]).await.unwrap();
    let (cookie, origin) = (format!("access_token={one}"), format!("http://{}", example.address));
    let by_cookie = example.connect(&[("cookie", &cookie), ("origin", &origin)]).await.unwrap();
    let mut other = example.connect(&[("authorization", &format!("Bearer {two}"))]).await.unwrap();

    by_header.send(Message::text("hello")).await.unwrap();
    assert_eq!(next(&mut other).await, Message::text("ada: hello"));
    assert_eq!(next(&mut by_header).await, Message::text("ada: hello"));

    example.log_out(&one).await;
    assert_closed(by_header).await;
    let mut rest = [by_protocol, by_cookie];
    for socket in &mut rest {
        assert_eq!(next(socket).await, Message::text("ada: hello"));
    }
    for socket in rest {
        assert_closed(socket).await;
    }
    other.send(Message::text("still here")).await.unwrap();
    assert_eq!(next(&mut other).await, Message::text("ada: still here"));
}

#[tokio::test]
async fn an_event_stream_ends_with_the_session() {
    let example = Example::start();
    example.register().await;
    let token = example.log_in().await;
    let head = format!("GET /listen HTTP/1.1\r\nAuthorization: Bearer {token}");
    let mut stream = example.begin(&head, "").await;
    let mut beginning = [0; 15];
    stream.read_exact(&mut beginning).await.unwrap();
    assert_eq!(&beginning, b"HTTP/1.1 200 OK");
    let mut socket = example.connect(&[("authorization", &format!("Bearer {token}"))]).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::text("ada: hello"));
    example.log_out(&token).await;
    let mut rest = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert!(rest.contains("text/event-stream") && rest.contains("data: ada: hello"), "{rest}");
}

/// T14: a bad credential denies, also where another place has a good one; and no foreign page opens a socket with our
/// cookie.
#[tokio::test]
async fn t14_nobody_is_upgraded_without_a_good_token_or_from_a_foreign_page() {
    let example = Example::start();
    example.register().await;
    let token = example.log_in().await;
    let (cookie, origin) = (format!("access_token={token}"), format!("http://{}", example.address));
    let (good, both) = (format!("Bearer {token}"), format!("bearer.{token}, bearer.{token}"));
    let query_is_no_place: &[(&str, &str)] = &[];
    for (headers, status) in [
        (query_is_no_place, 401),
        (&[("authorization", "Bearer a.b.c")], 401),
        (&[("authorization", "Bearer "), ("cookie", cookie.as_str()), ("origin", origin.as_str())], 401),
        (&[("sec-websocket-protocol", "chat, bearer.a.b.c"), ("cookie", &cookie), ("origin", &origin)], 401),
        (&[("sec-websocket-protocol", both.as_str())], 401),
        (&[("cookie", "access_token=a.b.c"), ("origin", &origin)], 401),
        (&[("cookie", &cookie)], 403),
        (&[("cookie", &cookie), ("origin", "https://evil.example")], 403),
        (&[("cookie", &cookie), ("origin", "null")], 403),
        (&[("cookie", &cookie), ("sec-fetch-site", "cross-site")], 403),
    ] {
        let refused = example.connect(headers).await.err();
        assert_eq!(refused.map(|status| status.as_u16()), Some(status), "{headers:?}");
    }
    // A token proves itself wherever the page is.
    let elsewhere = [("authorization", good.as_str()), ("origin", "https://app.example")];
    assert!(example.connect(&elsewhere).await.is_ok());
}
