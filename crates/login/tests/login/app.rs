//! An application in front of a manager, and requests to it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use axum::{Router, body::Body, response::Response, routing::any};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;
use vestibule_login::{
    HasPermissions, HasVerifiedEmail, Lenient, Loader, LoggedIn, LoginManager, LoginManagerBuilder,
    token::clock::{Clock, Timestamp},
};

pub(super) const SECRET: &str = "thirty-two bytes that nobody knows";
pub(super) const START: i64 = 1_700_000_000_000;

/// A user of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
}

impl HasPermissions for User {
    fn has_permission(&self, name: &str) -> bool {
        self.name == "ada" && name == "admin" || self.name == "eve" && name == "posts:edit"
    }
}

impl HasVerifiedEmail for User {
    fn has_verified_email(&self) -> bool {
        self.name == "ada"
    }
}

/// Everybody exists but `nobody`.
pub(super) async fn find(name: String) -> Result<Option<User>, std::io::Error> {
    match name.as_str() {
        "nobody" => Ok(None),
        "broken" => Err(std::io::Error::other("the disk of zuul is full")),
        _ => Ok(Some(User { name })),
    }
}

/// A clock that a test turns.
#[derive(Debug)]
pub(super) struct TurnedClock(AtomicI64);

impl TurnedClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(START)))
    }

    pub(super) fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for TurnedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

pub(super) fn builder() -> LoginManagerBuilder<()> {
    LoginManager::from_secret(SECRET).public_url("https://app.example").clock(TurnedClock::new())
}

pub(super) fn manager() -> LoginManager<User> {
    built(builder().user_loader(find))
}

pub(super) fn built(builder: LoginManagerBuilder<Loader<User>>) -> LoginManager<User> {
    builder.build().unwrap()
}

/// One route for each way to ask.
pub(super) fn routes() -> Router<LoginManager<User>> {
    Router::new()
        .route("/required", any(async |LoggedIn(user): LoggedIn<User>| user.name))
        .route("/optional", any(async |user: Option<LoggedIn<User>>| name_of(user.map(|user| user.0))))
        .route("/lenient", any(async |user: Lenient<User>| name_of(user.0)))
}

pub(super) fn name_of(user: Option<User>) -> String {
    user.map_or("(nobody)".into(), |user| user.name)
}

/// An answer, read.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn code(&self) -> String {
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        problem["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(super) async fn send(app: &Router, request: Request<Body>) -> Answer {
    let response: Response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let status: StatusCode = parts.status;
    Answer {
        status: status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

pub(super) fn get(path: &str) -> http::request::Builder {
    Request::get(path).header("host", "app.example")
}

/// A request with a token in the header.
pub(super) fn with_token(path: &str, token: &str) -> Request<Body> {
    get(path).header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap()
}
