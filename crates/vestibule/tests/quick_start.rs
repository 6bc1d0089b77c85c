//! The quick start as an application uses it: served by axum on a real socket.
#![expect(clippy::unwrap_used, reason = "tests; the functions they share are not marked as tests")]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{Router, routing::get};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tower::ServiceExt as _;
use vestibule::{
    CurrentUser, QuickStartError, Vestibule,
    core::{
        Policy,
        administration::Administrator,
        ports::{Clock, DeliveryError, Mailer, Timestamp},
        register::NewUser,
        values::{
            message::{Content, Message},
            password::Password,
            secret::SecretKey,
        },
    },
    hashing::{HashingConfig, HashingPool},
    http::routes::Route,
};

async fn hello(CurrentUser(account): CurrentUser) -> String {
    format!("Hello, {}!", account.email)
}

/// Serves an application with one protected route; gives its address and the handle to close it with.
async fn serve(folder: &std::path::Path) -> (SocketAddr, Vestibule) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let vestibule = Vestibule::builder(format!("http://{address}/"))
        .policy(Policy::default())
        .hashing(HashingConfig::cheap_for_tests())
        .open(folder)
        .await
        .unwrap();
    let app = Router::new().route("/hello", get(hello)).merge(vestibule.routes());
    let service = vestibule.clone().into_service(app);
    tokio::spawn(async { axum::serve(listener, service).await });
    (address, vestibule)
}

/// Sends one request and returns the whole answer as text.
async fn send(address: SocketAddr, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request =
        format!("{head}\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn an_application_protects_its_own_route() {
    let folder = tempfile::tempdir().unwrap();
    let (address, vestibule) = serve(folder.path()).await;

    let refused = send(address, "GET /hello HTTP/1.1", "").await;
    assert!(refused.starts_with("HTTP/1.1 401 ") && refused.contains("not_authenticated"), "{refused}");

    let json = r#"{"email":"ada@example.com","password":"correct horse battery"}"#;
    let head = "POST /api/v1/users HTTP/1.1\r\nContent-Type: application/json";
    let made = send(address, head, json).await;
    assert!(made.starts_with("HTTP/1.1 201 "), "{made}");

    let form = "username=ada@example.com&password=correct+horse+battery";
    let head = "POST /api/v1/login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded";
    let tokens = send(address, head, form).await;
    let token = tokens.split("\"access_token\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let head = format!("GET /hello HTTP/1.1\r\nAuthorization: Bearer {}", token.expect("a token"));
    let greeted = send(address, &head, "").await;
    assert!(greeted.ends_with("Hello, ada@example.com!"), "{greeted}");

    let docs = send(address, "GET /openapi.json HTTP/1.1", "").await;
    assert!(docs.contains("/api/v1/login"), "{docs}");
    vestibule.close().await;
}

#[tokio::test]
async fn two_applications_live_in_one_process_and_do_not_share_accounts() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (first, _first) = serve(folders[0].path()).await;
    let (second, _second) = serve(folders[1].path()).await;
    let json = r#"{"email":"ada@example.com","password":"correct horse battery"}"#;
    let head = "POST /api/v1/users HTTP/1.1\r\nContent-Type: application/json";
    for address in [first, second] {
        let made = send(address, head, json).await;
        assert!(made.starts_with("HTTP/1.1 201 "), "{made}");
    }
}

#[tokio::test]
async fn what_cannot_be_opened_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Vestibule::builder("app.example").open(folder.path()).await.unwrap_err();
    assert!(refused.to_string().contains("app.example"), "{refused}");
    let (_, _vestibule) = serve(folder.path()).await;
    let second = Vestibule::builder("http://127.0.0.1:3000").open(folder.path()).await.unwrap_err();
    assert!(second.to_string().contains("already serves"), "{second}");
}

/// Passes on where it was asked to lead people.
#[derive(Debug)]
struct Postbox(tokio::sync::mpsc::UnboundedSender<String>);

#[vestibule::async_trait]
impl Mailer for Postbox {
    async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
        if let Content::ConfirmAddress(invitation) = &message.content {
            self.0.send(invitation.link.clone()).unwrap();
        }
        Ok(())
    }
}

/// Without its slash, mailed links would lead to another host: `https://app.exampleauth/…`.
#[tokio::test]
async fn a_prefix_that_is_no_plain_path_does_not_open() {
    let open = async |prefix: &str| {
        let builder = Vestibule::builder("http://127.0.0.1:3000").mounted_at(prefix);
        builder.hashing(HashingConfig::cheap_for_tests()).open_in_memory().await
    };
    for prefix in
        ["auth", "//evil.example", "/a//b", "/../auth", "/{tenant}", "/a?b", "/a#b", "/a b", "/ä", "/%2f"]
    {
        match open(prefix).await {
            Err(QuickStartError::Prefix(refused)) => assert_eq!(refused, prefix),
            other => panic!("{prefix}: {other:?}"),
        }
    }
    for (prefix, taken) in [("", ""), ("/", ""), ("/auth/", "/auth"), ("/a-b/c.d", "/a-b/c.d")] {
        let vestibule = open(prefix).await.unwrap();
        assert_eq!(vestibule.prefix(), taken);
        vestibule.close().await;
    }
}

#[tokio::test]
async fn letters_go_to_the_applications_mailer_and_lead_to_where_the_pages_are() {
    let folder = tempfile::tempdir().unwrap();
    let (sender, mut letters) = tokio::sync::mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let vestibule = Vestibule::builder(format!("http://{address}"))
        .mounted_at("/auth")
        .without(Route::Register)
        .hashing(HashingConfig::cheap_for_tests())
        .mailer(Postbox(sender))
        .open(folder.path())
        .await
        .unwrap();
    let service = vestibule.clone().into_service(vestibule.routes());
    tokio::spawn(async { axum::serve(listener, service).await });

    let json = r#"{"email":"ada@example.com","password":"correct horse battery"}"#;
    let head = "POST /auth/api/v1/users HTTP/1.1\r\nContent-Type: application/json";
    assert!(send(address, head, json).await.starts_with("HTTP/1.1 201 "));
    let waiting = tokio::time::timeout(Duration::from_mins(1), letters.recv());
    let link = waiting.await.unwrap().unwrap();
    let page = link.strip_prefix(&format!("http://{address}")).unwrap();
    assert!(page.starts_with("/auth/confirm/"), "{link}");
    let answer = send(address, &format!("GET {page} HTTP/1.1"), "").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    let led = send(address, "GET /.well-known/change-password HTTP/1.1", "").await;
    assert!(led.contains("location: /auth/docs/#/account"), "{led}");
    let described = send(address, "GET /auth/openapi.json HTTP/1.1", "").await;
    assert!(!described.contains("/api/users/register"));
    vestibule.close().await;
}

#[tokio::test]
async fn t30_hashing_for_tests_is_refused_away_from_loopback() {
    for url in ["https://app.example", "http://app.example", "https://localhost"] {
        let builder = Vestibule::builder(url).hashing(HashingConfig::cheap_for_tests());
        let refused = builder.open_in_memory().await.unwrap_err();
        assert!(refused.to_string().starts_with("hashing parameters for tests are for tests"), "{refused}");
    }
    Vestibule::builder("https://app.example").open_in_memory().await.unwrap().close().await;
}

#[tokio::test]
async fn applications_in_memory_share_nothing() {
    let open = || {
        Vestibule::builder("http://127.0.0.1:3000").hashing(HashingConfig::cheap_for_tests()).open_in_memory()
    };
    let (first, second) = (open().await.unwrap(), open().await.unwrap());
    let json = r#"{"email":"ada@example.com","password":"correct horse battery"}"#;
    for vestibule in [&first, &second] {
        let router = vestibule.clone().into_router(vestibule.routes());
        let request = http::Request::post("/api/v1/users").header("content-type", "application/json");
        let answer = router.oneshot(request.body(axum::body::Body::from(json)).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 201);
    }
    first.close().await;
    second.close().await;
}

/// A clock that another one may turn.
#[derive(Clone, Debug, Default)]
struct Turned(Arc<AtomicI64>);

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

#[tokio::test]
async fn store_secret_clock_hasher_and_the_rest_of_the_engine_are_the_applications() {
    let (clock, secret) = (Turned::default(), SecretKey::generate());
    clock.0.store(1_767_225_600_000, Ordering::SeqCst);
    let database = vestibule::sql::sqlite::MemoryDatabase::new().unwrap();
    let (sender, mut letters) = tokio::sync::mpsc::unbounded_channel();
    let mailer: Arc<dyn Mailer> = Arc::new(Postbox(sender));
    let open = async || {
        let (mailer, hasher) =
            (Arc::clone(&mailer), HashingPool::start(HashingConfig::cheap_for_tests()).unwrap());
        let builder = Vestibule::builder("https://app.example").clock(clock.clone()).hasher(hasher);
        let builder = builder.engine(|engine| engine.mailer(mailer)).without_background_work();
        builder.open_with(database.open().unwrap(), secret.clone()).await.unwrap()
    };
    let vestibule = open().await;
    let user = NewUser {
        email: "ada@example.com".into(),
        username: None,
        full_name: None,
        password: Some(Password::new("correct horse battery")),
        confirmed: false,
    };
    let ada = vestibule.auth().create_user(&Administrator::operator(), user).await.unwrap();
    assert_eq!(ada.created_at.to_rfc3339(), "2026-01-01T00:00:00.000Z");
    vestibule.auth().request_confirmation(&ada, None).await.unwrap();
    vestibule.close().await;

    // Nothing was done in the background; the errand is in the store, and the secret opens it again.
    assert!(letters.try_recv().is_err());
    let again = open().await;
    assert_eq!(again.auth().run_due_errands().await.unwrap(), 1);
    assert!(letters.try_recv().unwrap().starts_with("https://app.example/confirm/"));
    again.close().await;
}
