//! Callers who go away: what they set in motion ends as if they had waited.

use std::{
    future::{Future, pending},
    net::IpAddr,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use async_trait::async_trait;
use serde_json::json;
use vestibule::core::{
    login::LoginAttempt,
    logout::{LogoutScope, LogoutTokens},
    ports::{HashError, PasswordHasher, Stopwatch, Verification, audit::AuditRecord},
    values::{
        client::{Client, ClientNetwork},
        password::{Password, PasswordHash},
        scope::Scopes,
    },
};
use vestibule_testkit::TestApp;

/// A hasher that is not done before anybody has gone away.
#[derive(Debug)]
struct Patient;

#[async_trait]
impl PasswordHasher for Patient {
    async fn hash(&self, _: Password, _: ClientNetwork) -> Result<PasswordHash, HashError> {
        pending().await
    }

    async fn verify(
        &self,
        _: Option<PasswordHash>,
        _: Password,
        _: ClientNetwork,
    ) -> Result<Verification, HashError> {
        pending().await
    }
}

/// How long anything may take before a test gives up; no test waits for it to pass.
const DEADLINE: Duration = Duration::from_secs(30);

fn caller() -> Client {
    Client::new(IpAddr::from([192, 0, 2, 1]), "testkit")
}

/// Lets a request begin and hangs up.
async fn begin_and_hang_up<F: Future>(request: F) {
    let mut request = pin!(request);
    let is_over =
        std::future::poll_fn(|context| Poll::Ready(request.as_mut().poll(context).is_ready())).await;
    assert!(!is_over, "it was over before anybody could hang up");
}

/// Waits until something is true.
pub(super) async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let waited = Stopwatch::start();
    while !is_so().await {
        assert!(waited.elapsed() < DEADLINE, "{what}");
        tokio::task::yield_now().await;
    }
}

async fn has_event(app: &TestApp, is_it: impl Fn(&AuditRecord) -> bool) -> bool {
    app.audit().await.iter().any(is_it)
}

/// T13: a logout whose client does not wait for the answer is a logout.
#[tokio::test]
async fn t13_a_logout_without_a_listener_ends_the_session_here_too() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let access = browser.cookie("access_token").unwrap();
    let tokens = LogoutTokens { access: Some(&access), refresh: [None, None] };
    begin_and_hang_up(app.auth().log_out(tokens, LogoutScope::This, &caller())).await;
    eventually("the access token is dead", async || app.auth().verify_access_token(&access).await.is_err())
        .await;
    eventually("the logout is written down", async || has_event(&app, |event| event.kind == "logout").await)
        .await;
}

/// T13, T19: a thief who replays a used refresh token and hangs up is out all the same.
#[tokio::test]
async fn t19_a_reuse_without_a_listener_ends_the_session_here_too() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    let first = app.client().tokens("ada").await;
    let refresh = async |token: &str| {
        let body = json!({"refresh_token": token});
        app.client().post("/api/users/token/refresh").json(&body).await.expect(200)
    };
    let second = refresh(&first.refresh).await.member("refresh_token");
    let third = refresh(&second).await;
    begin_and_hang_up(app.auth().refresh(&first.refresh, &caller())).await;
    let access = third.member("access_token");
    eventually("the access token is dead", async || app.auth().verify_access_token(&access).await.is_err())
        .await;
    let is_reuse = |event: &AuditRecord| event.kind == "refresh_reuse";
    eventually("the theft is written down", async || has_event(&app, is_reuse).await).await;
}

/// A guesser who hangs up leaves the trace of one who waits, and is counted.
#[tokio::test]
async fn t47_an_abandoned_guess_counts_and_is_written_down() {
    let builder = TestApp::builder().policy(|policy| policy.throttle.login_attempts = 1);
    let app = builder.hasher(Arc::new(Patient)).start().await;
    let attempt = LoginAttempt {
        captcha: None,
        name: "ada".into(),
        password: Password::new("a wrong guess"),
        scope: Scopes::none(),
        client: caller(),
        device: vestibule::core::values::device::Device::Program,
        replaces: None,
        restores: false,
    };
    begin_and_hang_up(app.auth().log_in(attempt)).await;
    let is_abandoned = |event: &AuditRecord| event.kind == "login" && event.detail == "abandoned";
    eventually("the guess is written down", async || has_event(&app, is_abandoned).await).await;
    let answer = app.client().log_in("ada", "another guess").await;
    let _ = answer.expect_problem(429, "rate_limited");
}
