//! The whole application in process.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::Router;
use vestibule::{
    core::{
        Auth,
        ports::{audit::AuditRecord, store::prelude::*},
        values::secret::SecretKey,
    },
    http::state::AuthState,
};

use vestibule_mail::Received;

use vestibule_testing::{TestClient, VirtualClock};

use crate::{faults::FaultyStore, hasher::CountingHasher};

mod builder;

pub use builder::TestAppBuilder;

/// Where the application is seen unless a test says otherwise.
const PUBLIC_URL: &str = "http://127.0.0.1:8000";
/// More audit events than any test makes.
const ALL_EVENTS: u32 = 10_000;

/// The whole application in process: every route, a fresh database in a temporary folder, cheap password hashes, and a
/// clock that only the test turns.
///
/// Nothing runs in the background; what a server does there is asked for: [`Auth::catch_up`],
/// [`Auth::delete_expired`], [`TestApp::audit`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use axum::{Router, routing::get};
/// use vestibule::CurrentUser;
/// use vestibule_testkit::TestApp;
///
/// async fn hello(CurrentUser(account): CurrentUser) -> String {
///     format!("Hello, {}!", account.email)
/// }
///
/// let app = TestApp::builder()
///     .routes(|state| Router::new().route("/hello", get(hello)).with_state(state.clone()))
///     .start()
///     .await;
///
/// let ada = app.client().registered("ada").await;
/// assert_eq!(ada.get("/hello").await.text(), "Hello, ada@example.com!");
///
/// let stranger = app.client();
/// stranger.get("/hello").await.expect_problem(401, "not_authenticated");
/// # }
/// ```
#[derive(Debug)]
pub struct TestApp {
    router: Router,
    state: AuthState,
    store: Arc<FaultyStore>,
    hasher: Arc<CountingHasher>,
    settings: TestAppBuilder,
}

impl TestApp {
    /// Starts the application as it is by default.
    ///
    /// # Panics
    /// Where it cannot.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Begins with the defaults, seen at `http://127.0.0.1:8000` with plain cookies.
    pub fn builder() -> TestAppBuilder {
        Self::builder_at(PUBLIC_URL)
    }

    /// Begins with the defaults, seen at another URL; unless that is plain http on loopback, cookies are secure.
    ///
    /// # Panics
    /// Where the text is no URL.
    pub fn builder_at(public_url: &str) -> TestAppBuilder {
        TestAppBuilder::new(public_url)
    }

    /// A new client, without cookies.
    #[must_use]
    pub fn client(&self) -> TestClient {
        let client = TestClient::of(self.router.clone(), self.settings.public_url());
        client.under(&self.settings.prefix).named("testkit")
    }

    /// The engine.
    #[must_use]
    pub fn auth(&self) -> &Arc<Auth> {
        self.state.auth()
    }

    /// The engine together with the rules of HTTP.
    #[must_use]
    pub const fn state(&self) -> &AuthState {
        &self.state
    }

    /// The clock; turn it.
    #[must_use]
    pub const fn clock(&self) -> &VirtualClock {
        &self.settings.clock
    }

    /// The store, which can be told to fail.
    #[must_use]
    pub const fn store(&self) -> &Arc<FaultyStore> {
        &self.store
    }

    /// The hasher, which counts.
    #[must_use]
    pub const fn hasher(&self) -> &Arc<CountingHasher> {
        &self.hasher
    }

    /// The secret in force.
    #[must_use]
    pub const fn secret(&self) -> &SecretKey {
        &self.settings.secret
    }

    /// The database's file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.settings.database()
    }

    /// The temporary folder; it goes with the application.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.settings.folder.path()
    }

    /// Runs the errands that are due and takes every letter that has come since this was last asked, the oldest first.
    ///
    /// # Panics
    /// Where the store does not answer.
    pub async fn mails(&self) -> Vec<Received> {
        self.auth().run_due_errands().await.expect("the outbox");
        self.settings.inbox.take()
    }

    /// Every audit event, the oldest first, once those recorded so far are written.
    ///
    /// # Panics
    /// Where the store does not answer.
    pub async fn audit(&self) -> Vec<AuditRecord> {
        let upkeep = self.auth().start_upkeep();
        self.auth().flush_audit().await;
        drop(upkeep);
        let mut events = self.store.list_audit(None, ALL_EVENTS).await.expect("the audit log");
        events.reverse();
        events
    }

    /// Stops the application; started again, it has the same database, clock and secret.
    pub async fn stop(self) -> TestAppBuilder {
        self.store.close().await;
        self.settings
    }
}
