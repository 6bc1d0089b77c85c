//! The whole application in process.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::Router;
use tempfile::TempDir;
use vestibule::{
    core::{
        Auth, Policy, StartError,
        keys::signing::SigningKey,
        ports::{PasswordHasher, Store, audit::AuditRecord},
        token::jws::Algorithm,
        values::secret::SecretKey,
    },
    hashing::{HashingConfig, HashingPool},
    http::{layers::with_policy, policy::HttpPolicy, routes, same_origin::Origin, state::AuthState},
    sql::{SqliteOptions, SqliteStore, sqlite::DATABASE_FILE},
};

use crate::{client::Client, clock::VirtualClock, faults::FaultyStore, hasher::CountingHasher};

/// Where the application is seen unless a test says otherwise.
const PUBLIC_URL: &str = "http://127.0.0.1:8000";
/// More audit events than any test makes.
const ALL_EVENTS: u32 = 10_000;

type OwnRoutes = Arc<dyn Fn(&AuthState) -> Router + Send + Sync>;

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

/// Collects what a [`TestApp`] is made of.
#[derive(Clone)]
#[must_use]
pub struct TestAppBuilder {
    folder: Arc<TempDir>,
    public_url: String,
    clock: VirtualClock,
    policy: Policy,
    http: HttpPolicy,
    hashing: HashingConfig,
    hasher: Option<Arc<dyn PasswordHasher>>,
    secret: SecretKey,
    previous: Vec<SecretKey>,
    signing_key: Option<(Vec<u8>, Algorithm)>,
    is_grant_type_required: bool,
    routes: Option<OwnRoutes>,
}

impl fmt::Debug for TestAppBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestAppBuilder").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

impl TestAppBuilder {
    fn new(public_url: &str) -> Self {
        let origin = Origin::of_url(public_url).expect("a URL");
        let mut policy = Policy::default();
        public_url.clone_into(&mut policy.tokens.issuer);
        public_url.clone_into(&mut policy.tokens.audience);
        Self {
            folder: Arc::new(tempfile::tempdir().expect("a temporary folder")),
            public_url: public_url.to_owned(),
            clock: VirtualClock::default(),
            policy,
            http: HttpPolicy::development(origin),
            hashing: HashingConfig::cheap_for_tests(),
            hasher: None,
            secret: SecretKey::generate(),
            previous: Vec::new(),
            signing_key: None,
            is_grant_type_required: false,
            routes: None,
        }
    }

    /// Changes the rules: lifetimes, limits, names.
    pub fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    /// Changes the rules of HTTP: origins, proxies, body limit, time limit.
    pub fn http(mut self, change: impl FnOnce(&mut HttpPolicy)) -> Self {
        change(&mut self.http);
        self
    }

    /// Changes the cost of password hashes and the bounds of their queue.
    pub fn hashing(mut self, change: impl FnOnce(&mut HashingConfig)) -> Self {
        change(&mut self.hashing);
        self
    }

    /// Hashes with something else than a pool of threads, for example with a hasher that is always busy.
    pub fn hasher(mut self, hasher: Arc<dyn PasswordHasher>) -> Self {
        self.hasher = Some(hasher);
        self
    }

    /// Signs with this key, a PEM of PKCS #8, instead of one in the database.
    pub fn signing_key(mut self, pem: impl Into<Vec<u8>>, algorithm: Algorithm) -> Self {
        self.signing_key = Some((pem.into(), algorithm));
        self
    }

    /// Demands `grant_type` of every OAuth2 password login.
    pub fn strict_grant_type(mut self) -> Self {
        self.is_grant_type_required = true;
        self
    }

    /// Replaces the secret; those of `previous` still verify and unwrap.
    pub fn secret(mut self, secret: SecretKey, previous: Vec<SecretKey>) -> Self {
        self.secret = secret;
        self.previous = previous;
        self
    }

    /// Adds the application's own routes, beside those of Vestibule and under the same policy.
    pub fn routes(mut self, routes: impl Fn(&AuthState) -> Router + Send + Sync + 'static) -> Self {
        self.routes = Some(Arc::new(routes));
        self
    }

    /// Starts the application.
    ///
    /// # Panics
    /// Where it cannot.
    pub async fn start(self) -> TestApp {
        self.try_start().await.expect("the application starts")
    }

    /// Starts the application.
    ///
    /// # Errors
    /// Why the engine refuses to start.
    ///
    /// # Panics
    /// Where the database or the hashing threads cannot be had.
    pub async fn try_start(self) -> Result<TestApp, StartError> {
        let sqlite = SqliteStore::open(SqliteOptions::serve(self.database())).expect("a database");
        let store = Arc::new(FaultyStore::new(sqlite));
        let hasher = Arc::new(CountingHasher::new(self.start_hasher()));
        let auth = match self.start_engine(store.clone(), hasher.clone()).await {
            Ok(auth) => auth,
            Err(error) => {
                store.close().await;
                return Err(error);
            }
        };
        let state =
            AuthState::new(auth, self.http.clone()).with_strict_grant_type(self.is_grant_type_required);
        let own = self.routes.as_ref().map_or_else(Router::new, |routes| routes(&state));
        let router = with_policy(routes::app(&state).merge(own), Arc::clone(state.http()));
        Ok(TestApp { router, state, store, hasher, settings: self })
    }

    fn start_hasher(&self) -> Arc<dyn PasswordHasher> {
        let pool = || Arc::new(HashingPool::start(self.hashing.clone()).expect("hashing threads"));
        self.hasher.clone().unwrap_or_else(|| pool())
    }

    async fn start_engine(
        &self,
        store: Arc<dyn Store>,
        hasher: Arc<dyn PasswordHasher>,
    ) -> Result<Arc<Auth>, StartError> {
        let mut builder = Auth::builder(store, hasher, self.secret.clone())
            .previous_secrets(self.previous.clone())
            .clock(Arc::new(self.clock.clone()))
            .policy(self.policy.clone());
        if let Some((pem, algorithm)) = &self.signing_key {
            builder = builder.signing_key(SigningKey::from_pem(pem, *algorithm).expect("a private key"));
        }
        builder.start().await
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join(DATABASE_FILE)
    }
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
    pub fn client(&self) -> Client {
        let origin = Origin::of_url(&self.settings.public_url).expect("a URL");
        Client::new(self.router.clone(), origin.to_string())
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
