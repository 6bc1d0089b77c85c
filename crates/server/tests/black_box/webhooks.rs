//! Events told to another system: the real binary, and a receiver over HTTP that misbehaves.

use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    client::PASSWORD,
    program::{Folder, Server, eventually},
};

const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PREVIOUS: &str = "c2VjcmV0IG9mIHRoZSBkYXlzIGJlZm9yZSB0aGlz";

/// How a receiver takes an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conduct {
    Accept,
    Fail,
    Redirect,
    /// Takes it, and never says so.
    Silent,
}

/// A receiver, what it was sent, and how it behaves.
#[derive(Clone)]
struct Receiver {
    url: String,
    conduct: Arc<Mutex<Conduct>>,
    seen: Arc<Mutex<Vec<(Conduct, HeaderMap, Bytes)>>>,
}

impl Receiver {
    async fn start(conduct: Conduct) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook/T0K3N", listener.local_addr().unwrap());
        let receiver = Self { url, conduct: Arc::new(Mutex::new(conduct)), seen: Arc::default() };
        let routes = Router::new()
            .route("/hook/T0K3N", post(Self::receive))
            .route("/elsewhere", post(Self::receive))
            .with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        receiver
    }

    async fn receive(State(receiver): State<Self>, headers: HeaderMap, body: Bytes) -> Response {
        let conduct = *receiver.conduct.lock().unwrap();
        receiver.seen.lock().unwrap().push((conduct, headers, body));
        match conduct {
            Conduct::Accept => StatusCode::NO_CONTENT.into_response(),
            Conduct::Fail => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            Conduct::Redirect => {
                (StatusCode::TEMPORARY_REDIRECT, [("location", "/elsewhere")]).into_response()
            }
            Conduct::Silent => std::future::pending().await,
        }
    }

    fn set(&self, conduct: Conduct) {
        *self.conduct.lock().unwrap() = conduct;
    }

    async fn seen(&self, conduct: Conduct, count: usize) -> Vec<(HeaderMap, Value)> {
        eventually("the receiver is told", async || {
            let seen = self.seen.lock().unwrap().clone();
            let seen: Vec<_> = seen.into_iter().filter(|(at, ..)| *at == conduct).collect();
            (seen.len() >= count).then(|| {
                seen.into_iter()
                    .map(|(_, headers, body)| (headers.clone(), checked(&headers, &body)))
                    .collect()
            })
        })
        .await
    }
}

/// The body, once both signatures are right.
fn checked(headers: &HeaderMap, body: &Bytes) -> Value {
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    let signed = [format!("{}.{}.", text("webhook-id"), text("webhook-timestamp")).as_bytes(), body].concat();
    let signatures = [SECRET, PREVIOUS].map(|secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(secret).unwrap());
        format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed)))
    });
    assert_eq!(text("webhook-signature"), signatures.join(" "));
    assert_eq!(text("content-type"), "application/json");
    serde_json::from_slice(body).unwrap()
}

fn folder_with(receiver: &Receiver) -> Folder {
    Folder::new()
        .with("VESTIBULE_WEBHOOK__URL", &receiver.url)
        .with("VESTIBULE_WEBHOOK__SECRET", &format!("whsec_{SECRET}"))
        .with("VESTIBULE_WEBHOOK__PREVIOUS_SECRET", &format!("whsec_{PREVIOUS}"))
}

/// Attempts come after growing pauses; here they have passed.
fn pauses_end(folder: &Folder) {
    let database = Connection::open(folder.database()).unwrap();
    database.execute("UPDATE errand SET due_at = created_at", []).unwrap();
}

async fn rename(server: &Server, from: &str, to: &str) -> String {
    let access = server.client().log_in(from, PASSWORD).await.member("access_token");
    let id = server.client().get_as("/api/v1/users/me", &access).await.member("id");
    let (bearer, body) = (format!("Bearer {access}"), json!({ "username": to }).to_string());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let path = format!("/api/users/{id}/change_username");
    let answer = server.client().try_send(http::Method::POST, &path, &headers, body).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_is_told_again_and_a_redirect_is_a_failure() {
    let receiver = Receiver::start(Conduct::Fail).await;
    let folder = folder_with(&receiver);
    let server = folder.serve();
    assert_eq!(server.client().register("ada").await.status, StatusCode::CREATED);
    let (first, body) = receiver.seen(Conduct::Fail, 1).await.remove(0);
    assert_eq!(body["type"], "user.registered");
    assert_eq!(body["data"]["account"]["email"], "ada@people.example");
    eventually("it is put off", async || folder.log().contains("put off").then_some(())).await;
    receiver.set(Conduct::Redirect);
    pauses_end(&folder);
    let redirected = receiver.seen(Conduct::Redirect, 1).await;
    assert_eq!(redirected[0].0["webhook-id"], first["webhook-id"], "the event is the same");
    eventually("it is put off", async || folder.log().contains("answered 307").then_some(())).await;
    receiver.set(Conduct::Accept);
    pauses_end(&folder);
    let id = rename(&server, "ada", "countess").await;
    let told = receiver.seen(Conduct::Accept, 2).await;
    let renamed = told.iter().find(|(_, body)| body["type"] == "user.username_changed").unwrap();
    assert_eq!(renamed.1["data"]["account_id"], json!(id));
    assert_eq!(renamed.1["data"]["account"]["username"], "countess");
    assert_eq!(renamed.1["data"]["previous"], json!({"username": "ada"}));
    let again = told.iter().find(|(_, body)| body["type"] == "user.registered").unwrap();
    assert_eq!((&again.0["webhook-id"], &again.1), (&first["webhook-id"], &body), "told once more as it was");
    assert_eq!(receiver.seen(Conduct::Redirect, 1).await.len(), 1, "nobody went elsewhere");
    assert!(!folder.log().contains("T0K3N"), "{}", folder.log());
    assert_eq!(server.stop().await.code(), Some(0));
}

/// Killed while the receiver has the event and has not said so: it is told again.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_is_told_after_kill_9() {
    let receiver = Receiver::start(Conduct::Silent).await;
    let folder = folder_with(&receiver).with("VESTIBULE_WEBHOOK__TIMEOUT", "2m");
    let server = folder.serve();
    assert_eq!(server.client().register("ada").await.status, StatusCode::CREATED);
    let begun = receiver.seen(Conduct::Silent, 1).await;
    // Requests wait for no receiver.
    let _ = rename(&server, "ada", "countess").await;
    server.kill();
    receiver.set(Conduct::Accept);
    pauses_end(&folder);
    let server = folder.serve();
    let told = receiver.seen(Conduct::Accept, 2).await;
    let kinds: Vec<_> = told.iter().map(|(_, body)| body["type"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"user.registered") && kinds.contains(&"user.username_changed"), "{kinds:?}");
    assert!(told.iter().any(|(headers, _)| headers["webhook-id"] == begun[0].0["webhook-id"]));
    assert_eq!(server.stop().await.code(), Some(0));
}
