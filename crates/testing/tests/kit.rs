//! The kit itself: what it promises to whoever tests with it.
#![cfg(feature = "accounts")]
#![expect(clippy::unwrap_used, reason = "tests; the functions they share are not marked as tests")]

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::ConnectInfo, routing::get};
use vestibule::{
    Authenticated, CurrentUser, Vestibule, VestibuleBuilder, async_trait,
    core::{
        Policy,
        ports::{Clock as _, DeliveryError, Mailer},
        values::message::Message,
    },
    hooks::{Concerning, HookFailure, Hooks},
};
use vestibule_testing::{PASSWORD, TestAnswer, TestApp, TestClient, TestLetter, VirtualClock};

async fn hello(CurrentUser(account): CurrentUser) -> String {
    format!("Hello, {}!", account.email)
}

async fn scopes(authenticated: Authenticated) -> String {
    authenticated.claims.scope.to_string()
}

async fn address(ConnectInfo(address): ConnectInfo<std::net::SocketAddr>) -> String {
    address.ip().to_string()
}

fn my_app(vestibule: &Vestibule) -> Router<Vestibule> {
    Router::new()
        .route("/hello", get(hello))
        .route("/scopes", get(scopes))
        .route("/address", get(address))
        .merge(vestibule.routes())
}

async fn started() -> TestApp {
    TestApp::new(|vestibule| my_app(&vestibule)).await
}

fn with_policy(change: fn(&mut Policy)) -> impl Fn(VestibuleBuilder) -> VestibuleBuilder + Send + Sync {
    move |builder| {
        let mut policy = Policy::default();
        change(&mut policy);
        builder.policy(policy)
    }
}

type Check = fn(TestAnswer) -> TestAnswer;

/// What a panic says.
fn said(act: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(act)).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[tokio::test]
async fn a_failed_assertion_says_what_was_asked_and_what_was_answered() {
    let app = started().await;
    let answer = app.anonymous().get("/hello?a=b").await;
    let told = said(|| drop(answer.clone().assert_status(200)));
    assert!(told.starts_with("GET /hello?a=b answered 401: {\"type\":"), "{told}");
    assert!(told.ends_with(" — and not 200"), "{told}");
    let wrong: [(Check, &str); 6] = [
        (|answer| answer.assert_text("Hello!"), " — and not \"Hello!\""),
        (|answer| answer.assert_contains("gold"), " — without \"gold\""),
        (|answer| answer.assert_json(&serde_json::json!([])), " — and not []"),
        (|answer| answer.assert_header("x-none", "1"), " — x-none: None and not \"1\""),
        (|answer| answer.assert_redirect("/login"), " — which leads nowhere"),
        (|answer| answer.assert_problem(401, "invalid_token"), " — and not invalid_token"),
    ];
    for (check, end) in wrong {
        let told = said(|| drop(check(answer.clone())));
        assert!(told.starts_with("GET /hello?a=b answered 401: ") && told.ends_with(end), "{told}");
    }
}

#[tokio::test]
async fn an_application_is_stopped_and_started_on_the_same_data() {
    let app = started().await;
    let ada = app.logged_in("ada").await;
    let token = ada.cookie("access_token").unwrap();
    let before = app.clock().now();
    let again = app.stop().await.start(|vestibule| my_app(&vestibule)).await;
    assert_eq!(again.clock().now(), before);
    again.anonymous().with_bearer(&token).get("/hello").await.assert_text("Hello, ada@example.com!");
    assert_eq!(again.account("ada").await.email, "ada@example.com");

    let another = started().await;
    another.anonymous().with_bearer(&token).get("/hello").await.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn somebody_is_registered_once_and_logged_in_as_often_as_asked() {
    let app = started().await;
    let (first, second) = (app.logged_in("ada").await, app.logged_in("ada").await);
    for device in [&first, &second] {
        device.get("/hello").await.assert_text("Hello, ada@example.com!");
    }
    first.post("/api/users/logout").await.assert_status(200);
    first.get("/hello").await.assert_status(401);
    second.get("/hello").await.assert_status(200);
    let bob = app.logged_in("bob@elsewhere.example").await;
    bob.get("/hello").await.assert_text("Hello, bob@elsewhere.example!");
    assert_eq!(app.account("bob@elsewhere.example").await.username, None);
    assert!(
        app.account("ada").await.confirmed && !app.user("eve").unconfirmed().registered().await.confirmed
    );
    // Nobody was written but the one who has not proved their address.
    let letters = app.outbox().letters().await;
    assert_eq!(letters.iter().map(TestLetter::to).collect::<Vec<_>>(), ["eve@example.com"]);
}

#[tokio::test]
async fn letters_about_new_devices_are_written_where_a_test_is_about_them() {
    let app = TestApp::builder().telling_of_new_devices().start(|vestibule| my_app(&vestibule)).await;
    let _ = app.logged_in("ada").await;
    assert!(app.outbox().letters().await.is_empty(), "the first one is where they registered");
    let _ = app.logged_in("ada").await;
    assert!(app.outbox().await_letter_to("ada@example.com").await.subject().contains("New login"));
}

#[tokio::test]
async fn people_come_in_whatever_the_rules_of_registration_are() {
    let rules: [fn(&mut Policy); 3] = [
        |policy| policy.registration.is_enabled = false,
        |policy| policy.registration.requires_confirmation = true,
        |policy| {
            policy.registration.requires_confirmation = true;
            policy.registration.conceals_existing = true;
        },
    ];
    for rule in rules {
        let app = TestApp::builder().configure(with_policy(rule)).start(|vestibule| my_app(&vestibule)).await;
        app.logged_in("ada").await.get("/hello").await.assert_status(200);
        app.admin().await.get("/api/v1/users/me").await.assert_contains("\"admin\"");
        assert!(app.outbox().letters().await.is_empty());
    }
}

#[tokio::test]
async fn a_program_has_the_scopes_that_are_granted_and_permitted() {
    let grants = with_policy(|policy| {
        policy.tokens.scopes = ["read", "write"].map(str::to_owned).into_iter().collect();
    });
    let app = TestApp::builder().configure(grants).start(|vestibule| my_app(&vestibule)).await;
    let ada = app.user("ada").permission("read").permission("paint");
    ada.clone().bearer().await.get("/scopes").await.assert_text("read");
    let page = ada.logged_in().await;
    page.get("/scopes").await.assert_text("");
    page.bearer().post("/api/users/logout").without("origin").await.assert_status(200);
    assert_eq!(app.account("ada").await.permissions.to_string(), "paint read");
}

#[tokio::test]
async fn clients_call_from_networks_of_their_own() {
    let app = started().await;
    let mut seen = Vec::new();
    for client in [app.anonymous(), app.anonymous(), app.logged_in("ada").await] {
        seen.push(client.get("/address").await.assert_status(200).text());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 3, "{seen:?}");
    let chosen = app.anonymous().from_address("192.0.2.7");
    chosen.get("/address").await.assert_text("192.0.2.7");
    for _ in 0..5 {
        chosen.log_in("ada", "wrong").await.assert_status(401);
    }
    chosen.log_in("ada", PASSWORD).await.assert_status(429);
    app.clock().advance(Duration::from_hours(1));
    chosen.log_in("ada", PASSWORD).await.assert_status(200);
}

/// Notes whom it hears of; mails nobody, and says so loudly.
#[derive(Clone, Debug, Default)]
struct Ours(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Hooks for Ours {
    async fn after_register(&self, event: &Concerning) -> Result<(), HookFailure> {
        self.0.lock().unwrap().push(event.account.email.clone());
        Ok(())
    }
}

#[async_trait]
impl Mailer for Ours {
    async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
        self.0.lock().unwrap().push(format!("mailed to {}", message.to));
        Ok(())
    }
}

#[tokio::test]
async fn hooks_hear_of_people_and_the_applications_mailer_is_not_asked() {
    let ours = Ours::default();
    let configured = ours.clone();
    let configure =
        move |builder: VestibuleBuilder| builder.hooks(configured.clone()).mailer(configured.clone());
    let app = TestApp::builder().configure(configure.clone()).start(|vestibule| my_app(&vestibule)).await;
    app.user("ada").unconfirmed().registered().await;
    app.outbox().await_letter_to("ADA@example.com").await;
    assert_eq!(*ours.0.lock().unwrap(), ["ada@example.com"]);

    let app = TestApp::builder().configure(configure).mailer(ours.clone());
    let app = app.start(|vestibule| my_app(&vestibule)).await;
    app.user("bob").unconfirmed().registered().await;
    app.settle().await;
    assert_eq!(*ours.0.lock().unwrap(), ["ada@example.com", "bob@example.com", "mailed to bob@example.com"]);
}

#[tokio::test]
async fn at_https_cookies_are_secure_and_links_lead_there() {
    let app =
        TestApp::builder().public_url("https://app.example/").start(|vestibule| my_app(&vestibule)).await;
    let ada = app.anonymous().registered("ada").await;
    assert!(
        ada.log_in("ada", PASSWORD).await.cookies().iter().all(|cookie| cookie.name.starts_with("__Host-"))
    );
    app.logged_in("ada").await.get("/hello").await.assert_status(200);
    let letter = app.outbox().await_letter_to("ada@example.com").await;
    assert!(letter.link().starts_with("https://app.example/confirm/"), "{}", letter.link());
    ada.get(letter.link()).await.assert_status(200).assert_header("content-type", "text/html; charset=utf-8");
    assert!(letter.text().contains(letter.link()) && letter.html().contains(letter.link()));
    assert!(!letter.subject().is_empty());
}

#[tokio::test]
async fn a_port_is_open_where_a_test_asks_for_one() {
    let app = TestApp::builder().listening().start(|vestibule| my_app(&vestibule)).await;
    let address = app.url().strip_prefix("http://").unwrap().to_owned();
    let ask = move || {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET /address HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = tokio::task::spawn_blocking(ask).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("127.0.0.1"), "{answer}");
    app.logged_in("ada").await.post("/api/users/logout").await.assert_status(200);
    // Nothing listens where an application is only called.
    assert_eq!(started().await.url(), "http://127.0.0.1:3000");
}

#[tokio::test]
async fn what_a_server_does_in_the_background_is_done_when_it_is_asked_for() {
    let app = started().await;
    let ada = app.logged_in("ada").await;
    let body = serde_json::json!({"password": PASSWORD});
    ada.post("/api/users/delete").json(&body).await.assert_status(200);
    app.clock().advance(Duration::from_hours(15 * 24));
    // Nobody has removed it yet.
    let before = app.account("ada").await;
    app.settle().await;
    app.logged_in("ada").await.get("/hello").await.assert_status(200);
    assert_ne!(app.account("ada").await.id, before.id);
}

#[tokio::test]
async fn one_clock_is_everybodys() {
    let clock = VirtualClock::default();
    let app = TestApp::builder().clock(clock.clone()).start(|vestibule| my_app(&vestibule)).await;
    let ada = app.logged_in("ada").await;
    clock.advance(Duration::from_mins(15));
    ada.get("/hello").await.assert_problem(401, "invalid_token");
    assert_eq!(app.clock().now(), clock.now());
}

#[tokio::test]
async fn a_redirect_says_where_to() {
    let led = Router::new().route("/", get(async || axum::response::Redirect::to("/login")));
    let visitor = TestClient::of(led, "https://app.example");
    let answer = visitor.get("/").await.assert_redirect("/login");
    let told = said(|| drop(answer.assert_redirect("/diary")));
    assert!(told.starts_with("GET / answered 303 to /login: "), "{told}");
}
