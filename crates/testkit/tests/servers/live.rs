//! Connections that stay open, on two nodes of one database: whoever is logged out on one is disconnected from the other,
//! which looks after its revocations as a server does.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::ws::{CloseFrame, Message, WebSocketUpgrade, close_code},
    response::{
        Response,
        sse::{Event, Sse},
    },
    routing::get,
};
use futures_util::{Stream, StreamExt as _, stream};
use http::Request;
use http_body_util::BodyExt as _;
use tokio::{net::TcpListener, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, client::IntoClientRequest as _, protocol::frame::coding::CloseCode},
};
use vestibule::{
    http::extract::LiveCaller,
    sql::{PostgresOptions, PostgresStore},
};
use vestibule_testkit::{Client, TestApp, servers::PostgresServer};

/// Far more than the second that it takes; a machine may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// Two nodes on one database.
struct Nodes {
    here: TestApp,
    there: TestApp,
}

async fn listen(caller: LiveCaller) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let open = stream::once(async { Ok(Event::default().data("open")) });
    Sse::new(caller.until_ended(open.chain(stream::pending())))
}

async fn chat(mut caller: LiveCaller, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        let _ = socket.send(Message::text("open")).await;
        let _ = caller.ended().await;
        let frame = CloseFrame { code: close_code::POLICY, reason: "logged out".into() };
        let _ = socket.send(Message::Close(Some(frame))).await;
    })
}

/// The routes of an application on one node.
fn routes(app: &TestApp) -> Router {
    Router::new().route("/listen", get(listen)).route("/chat", get(chat)).with_state(app.state().clone())
}

async fn serve(app: &TestApp) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = routes(app);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// One session, connected to the other node in both ways.
struct Connected {
    client: Client,
    events: Body,
    socket: Socket,
}

impl Connected {
    async fn open(nodes: &Nodes, address: SocketAddr, name: &str) -> Self {
        let client = nodes.here.client().registered(name).await;
        let cookie = format!("access_token={}", client.cookie("access_token").unwrap());
        let request = Request::get("/listen").header("cookie", &cookie).body(Body::empty()).unwrap();
        let answer = tower::ServiceExt::oneshot(routes(&nodes.there), request).await.unwrap();
        assert_eq!(answer.status(), 200);
        let mut events = answer.into_body();
        let first = events.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first, "data: open\n\n");
        let mut request = format!("ws://{address}/chat").into_client_request().unwrap();
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
        // Its own pages', as the engine knows them.
        request.headers_mut().insert("origin", "http://127.0.0.1:8000".parse().unwrap());
        let (mut socket, _) = connect_async(request).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), tungstenite::Message::text("open"));
        Self { client, events, socket }
    }

    /// Waits for the end of both connections.
    async fn ended(mut self, how: &str) {
        let both = async {
            while self.events.frame().await.is_some() {}
            while let Some(message) = self.socket.next().await {
                if let tungstenite::Message::Close(frame) = message.unwrap() {
                    return frame.unwrap().code;
                }
            }
            CloseCode::Abnormal
        };
        let code = timeout(PATIENCE, both).await;
        assert!(matches!(code, Ok(CloseCode::Policy)), "{how}: {code:?}");
    }

    /// Whether the other node still answers whoever has the same session.
    async fn is_open(&mut self) -> bool {
        timeout(Duration::ZERO, self.events.frame()).await.is_err()
            && timeout(Duration::ZERO, self.socket.next()).await.is_err()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t13_a_logout_here_closes_connections_there() {
    let database = PostgresServer::shared().fresh_database();
    let open = || PostgresStore::open(PostgresOptions::parse(&database.url()).unwrap());
    let here = TestApp::builder().store(open().await.unwrap()).start().await;
    let there = TestApp::builder().store(open().await.unwrap()).secret(here.secret().clone(), Vec::new());
    let nodes = Nodes { here, there: there.start().await };
    let upkeep = nodes.there.auth().start_upkeep();
    let address = serve(&nodes.there).await;
    let mut bystander = Connected::open(&nodes, address, "bystander").await;
    for (name, how, path, body) in [
        ("ada", "logout", "/api/users/logout", r#"{"scope": "this"}"#),
        ("bob", "logout all", "/api/users/logout", r#"{"scope": "all"}"#),
        ("eve", "deletion", "/api/users/delete", r#"{"password": "correct horse battery staple"}"#),
    ] {
        let connected = Connected::open(&nodes, address, name).await;
        let request = connected.client.post(path).header("content-type", "application/json").body(body);
        let _ = request.await.expect(200);
        connected.ended(how).await;
        assert!(bystander.is_open().await, "{how}: nobody else is disconnected");
    }
    drop(upkeep);
}
