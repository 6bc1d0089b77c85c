//! What a request costs the database: every statement that runs is counted, on both engines.
#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fmt,
    future::Future,
    sync::{Mutex, Once},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};
use vestibule_core::ports::AccountProfile;
use vestibule_testkit::{Client, PASSWORD, TestApp};

/// The names of the statements that ran since somebody last asked.
static RUN: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// One test at a time: what runs is noted for the whole process.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

struct Counter;

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "vestibule_sql::statement"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Name);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Name;

impl Visit for Name {
    fn record_str(&mut self, _: &Field, name: &str) {
        RUN.lock().unwrap().push(name.to_owned());
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// What the application keeps with each account: it costs nothing more to have one.
#[derive(Serialize, Deserialize)]
struct Profile {
    #[serde(default)]
    newsletter: bool,
}

impl AccountProfile for Profile {}

const PROFILE: &str = "/api/v1/users/me/profile";

async fn statements<R>(request: impl Future<Output = R>) -> Vec<String> {
    RUN.lock().unwrap().clear();
    drop(request.await);
    std::mem::take(&mut RUN.lock().unwrap())
}

async fn login(client: &Client) -> Vec<String> {
    statements(async { client.log_in("ada", PASSWORD).await.expect(200) }).await
}

async fn every_request_keeps_its_budget(app: TestApp) {
    static SUBSCRIBED: Once = Once::new();
    SUBSCRIBED.call_once(|| tracing::subscriber::set_global_default(Counter).unwrap());

    let registration = statements(app.client().registered("ada")).await;
    assert_eq!(
        registration,
        [
            "INSERT_ACCOUNT",
            "INSERT_PARTS_8",
            "ISSUE_LINK",
            "INSERT_ERRAND",
            "NOTE_DEVICE",
            "NOTE_DEVICE",
            "OPEN_SESSION"
        ]
    );

    app.clock().advance(Duration::from_secs(1));
    let first = app.client();
    let plain = ["FIND_CREDENTIALS_BY_USERNAME", "RECORD_LOGIN", "OPEN_SESSION"];
    assert_eq!(login(&first).await, [&plain[..], &["NOTE_DEVICE"]].concat(), "a browser without its cookie");
    let and_told = ["FIND_CREDENTIALS_BY_USERNAME", "RECORD_LOGIN", "OPEN_SESSION", "RAISE_STAMP"];
    assert_eq!(login(&first).await, and_told, "in place of the session before");
    let and_noted = [&and_told[..], &["NOTE_DEVICE"]].concat();
    assert_eq!(login(&app.client()).await, and_noted, "the oldest makes room");

    let refresh = statements(async { first.post("/api/users/token/refresh").await.expect(200) }).await;
    assert_eq!(refresh, ["ROTATE_SESSION"]);
    let me = statements(async { first.get("/api/v1/users/me").await.expect(200) }).await;
    assert_eq!(me, ["FIND_ACCOUNT"]);
    let profile = statements(async { first.get(PROFILE).await.expect(200) }).await;
    assert_eq!(profile, ["FIND_ACCOUNT"], "it comes with the account");
    let body = serde_json::json!({"newsletter": true});
    let changed = statements(async { first.put(PROFILE).json(&body).await.expect(200) }).await;
    assert_eq!(changed, ["FIND_ACCOUNT", "LOCK_ACCOUNT", "UPDATE_ACCOUNT"]);
    let claims = statements(async { first.post("/api/users/token").await.expect(200) }).await;
    assert_eq!(claims, Vec::<String>::new());

    let program = app.client().named("a program");
    let tokens = || statements(program.tokens("ada"));
    let and_written_to = [&and_told[..], &["NOTE_NEW_DEVICE", "INSERT_ERRAND"]].concat();
    assert_eq!(tokens().await, and_written_to, "a device that is new");
    assert_eq!(tokens().await, and_told, "a device that is known");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_keeps_its_budget_on_sqlite() {
    let _turn = TURN.lock().await;
    let app = TestApp::builder()
        .profile::<Profile>()
        .policy(|policy| policy.tokens.sessions_per_account = 2)
        .start()
        .await;
    every_request_keeps_its_budget(app).await;
}

#[cfg(all(unix, feature = "postgres"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_keeps_its_budget_on_postgres() {
    use vestibule_sql::{PostgresOptions, PostgresStore};

    let _turn = TURN.lock().await;
    let database = vestibule_testkit::servers::PostgresServer::shared().fresh_database();
    let store = PostgresStore::open(PostgresOptions::parse(&database.url()).unwrap()).await.unwrap();
    let app = TestApp::builder()
        .profile::<Profile>()
        .policy(|policy| policy.tokens.sessions_per_account = 2)
        .store(store)
        .start()
        .await;
    every_request_keeps_its_budget(app).await;
}
