//! The quick start as an application uses it: served by axum on a real socket.
#![expect(clippy::unwrap_used, reason = "tests; the functions they share are not marked as tests")]

use std::{net::SocketAddr, time::Duration};

use axum::{Router, routing::get};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use vestibule::{
    CurrentUser, Vestibule,
    core::{
        Policy,
        ports::{DeliveryError, Mailer},
        values::message::{Content, Message},
    },
    hashing::HashingConfig,
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
