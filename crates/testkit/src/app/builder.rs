//! What a [`TestApp`] is made of.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{fmt, path::PathBuf, sync::Arc};

use axum::Router;
use tempfile::TempDir;
use vestibule::{
    core::{
        Auth, Policy, StartError,
        keys::signing::SigningKey,
        ports::{
            AccountProfile, Captcha, Hooks, Mailer, Notifier, PasswordHasher, ProfileRules, Store,
            profile::RulesOf, store::prelude::*,
        },
        token::jws::Algorithm,
        values::secret::SecretKey,
    },
    hashing::{HashingConfig, HashingPool},
    http::{
        layers::with_policy,
        policy::HttpPolicy,
        routes::{self, Route},
        same_origin::Origin,
        state::AuthState,
    },
    sql::{SqliteOptions, SqliteStore, sqlite::DATABASE_FILE},
};

use vestibule_mail::{Inbox, Site, Templates};

use super::TestApp;
use vestibule_testing::VirtualClock;

use crate::{faults::FaultyStore, hasher::CountingHasher};

type OwnRoutes = Arc<dyn Fn(&AuthState) -> Router + Send + Sync>;
type Wrap = Arc<dyn Fn(&AuthState, Router) -> Router + Send + Sync>;

/// Collects what a [`TestApp`] is made of.
#[derive(Clone)]
#[must_use]
pub struct TestAppBuilder {
    pub(super) folder: Arc<TempDir>,
    public_url: String,
    pub(super) clock: VirtualClock,
    policy: Policy,
    http: HttpPolicy,
    hashing: HashingConfig,
    hasher: Option<Arc<dyn PasswordHasher>>,
    other_store: Option<Arc<dyn Store>>,
    mailer: Option<Arc<dyn Mailer>>,
    notifier: Option<Arc<dyn Notifier>>,
    hooks: Option<Arc<dyn Hooks>>,
    profiles: Option<Arc<dyn ProfileRules>>,
    captcha: Option<Arc<dyn Captcha>>,
    pub(super) inbox: Inbox,
    pub(super) secret: SecretKey,
    previous: Vec<SecretKey>,
    signing_key: Option<(Vec<u8>, Algorithm)>,
    is_grant_type_required: bool,
    routes: Option<OwnRoutes>,
    wrap: Option<Wrap>,
    pub(super) prefix: String,
    left_out: Vec<Route>,
}

impl fmt::Debug for TestAppBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestAppBuilder").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

impl TestAppBuilder {
    pub(super) fn new(public_url: &str) -> Self {
        let origin = Origin::of_url(public_url).expect("a URL");
        let mut policy = Policy::default();
        public_url.clone_into(&mut policy.tokens.issuer);
        public_url.clone_into(&mut policy.tokens.audience);
        public_url.clone_into(&mut policy.mail.public_url);
        let site = Site { name: "Example".into(), url: public_url.to_owned() };
        Self {
            folder: Arc::new(tempfile::tempdir().expect("a temporary folder")),
            public_url: public_url.to_owned(),
            clock: VirtualClock::default(),
            policy,
            http: HttpPolicy::development(origin),
            hashing: HashingConfig::cheap_for_tests(),
            hasher: None,
            other_store: None,
            mailer: None,
            notifier: None,
            hooks: None,
            profiles: None,
            captcha: None,
            inbox: Inbox::new(Templates::load(site, None).expect("the program's own templates")),
            secret: SecretKey::generate(),
            previous: Vec::new(),
            signing_key: None,
            is_grant_type_required: false,
            routes: None,
            wrap: None,
            prefix: String::new(),
            left_out: Vec::new(),
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

    /// Delivers mail by something else than the inbox, for example by what fails.
    pub fn mailer(mut self, mailer: Arc<dyn Mailer>) -> Self {
        self.mailer = Some(mailer);
        self
    }

    /// Tells this of events.
    pub fn notifier(mut self, notifier: Arc<dyn Notifier>) -> Self {
        self.notifier = Some(notifier);
        self
    }

    /// Asks and tells these callbacks.
    pub fn hooks(mut self, hooks: Arc<dyn Hooks>) -> Self {
        self.hooks = Some(hooks);
        self
    }

    /// Keeps a profile of this type with each account.
    pub fn profile<P: AccountProfile>(mut self) -> Self {
        self.profiles = Some(Arc::new(RulesOf::<P>::default()));
        self
    }

    /// Keeps no profiles, after a start with some.
    pub fn without_profile(mut self) -> Self {
        self.profiles = None;
        self
    }

    /// Asks for captchas.
    pub fn captcha(mut self, captcha: Arc<dyn Captcha>) -> Self {
        self.captcha = Some(captcha);
        self
    }

    /// Keeps everything in another store than a fresh SQLite database.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.other_store = Some(store);
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

    /// Puts the application's own layers around everything, the policy included.
    pub fn wrapped(mut self, wrap: impl Fn(&AuthState, Router) -> Router + Send + Sync + 'static) -> Self {
        self.wrap = Some(Arc::new(wrap));
        self
    }

    /// Mounts everything of Vestibule under a prefix; mailed links lead there.
    pub fn mounted_at(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self.policy.mail.public_url = format!("{}{prefix}", self.public_url);
        self
    }

    /// Leaves a route out.
    pub fn without(mut self, route: Route) -> Self {
        self.left_out.push(route);
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
        let sqlite = || SqliteStore::open(SqliteOptions::serve(self.database())).expect("a database");
        let store = Arc::new(FaultyStore::new(self.other_store.clone().unwrap_or_else(|| sqlite())));
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
        let router = with_policy(self.mount(&state).merge(own), Arc::clone(state.http()));
        let router = match &self.wrap {
            Some(wrap) => wrap(&state, router),
            None => router,
        };
        Ok(TestApp { router, state, store, hasher, settings: self })
    }

    fn mount(&self, state: &AuthState) -> Router {
        let selected = self.left_out.iter().fold(routes::all_routes(state), |all, route| all.without(*route));
        let routes = selected.with_pages_and_docs();
        if self.prefix.is_empty() { routes } else { Router::new().nest(&self.prefix, routes) }
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
            .mailer(self.mailer.clone().unwrap_or_else(|| Arc::new(self.inbox.clone())))
            .policy(self.policy.clone());
        if let Some(captcha) = &self.captcha {
            builder = builder.captcha(captcha.clone());
        }
        if let Some((pem, algorithm)) = &self.signing_key {
            builder = builder.signing_key(SigningKey::from_pem(pem, *algorithm).expect("a private key"));
        }
        if let Some(notifier) = &self.notifier {
            builder = builder.notifier(Arc::clone(notifier));
        }
        if let Some(hooks) = &self.hooks {
            builder = builder.hooks(Arc::clone(hooks));
        }
        if let Some(profiles) = &self.profiles {
            builder = builder.profile_rules(Arc::clone(profiles));
        }
        builder.start().await
    }

    pub(super) fn public_url(&self) -> &str {
        &self.public_url
    }

    pub(super) fn database(&self) -> PathBuf {
        self.folder.path().join(DATABASE_FILE)
    }
}
