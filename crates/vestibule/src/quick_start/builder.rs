//! What a [`Vestibule`](super::Vestibule) is told before it opens.

use std::{fmt, sync::Arc};

use vestibule_axum::{policy::HttpPolicy, routes::Route};
use vestibule_core::{
    AuthBuilder, Policy,
    ports::{Clock, Hooks, Mailer, PasswordHasher},
};
use vestibule_hashing::HashingConfig;

use super::mount::Mount;

type ChangeHttp = Box<dyn FnOnce(&mut HttpPolicy) + Send>;
type ChangeEngine = Box<dyn FnOnce(AuthBuilder) -> AuthBuilder + Send>;

/// Collects what a [`Vestibule`](super::Vestibule) needs to know before it opens.
#[must_use]
pub struct VestibuleBuilder {
    pub(super) public_url: String,
    pub(super) policy: Policy,
    pub(super) hashing: HashingConfig,
    pub(super) hasher: Option<Arc<dyn PasswordHasher>>,
    pub(super) change_http: ChangeHttp,
    pub(super) change_engine: ChangeEngine,
    pub(super) mount: Mount,
    pub(super) has_background_work: bool,
}

impl fmt::Debug for VestibuleBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VestibuleBuilder")
            .field("public_url", &self.public_url)
            .field("policy", &self.policy)
            .field("hashing", &self.hashing)
            .finish_non_exhaustive()
    }
}

impl VestibuleBuilder {
    pub(super) fn new(public_url: String) -> Self {
        Self {
            public_url,
            policy: Policy::default(),
            hashing: HashingConfig::default(),
            hasher: None,
            change_http: Box::new(|_| {}),
            change_engine: Box::new(|engine| engine),
            mount: Mount::default(),
            has_background_work: true,
        }
    }

    /// Replaces the rules: lifetimes, limits, names. The tokens' issuer and audience stay the public URL.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use vestibule::{Vestibule, core::Policy};
    ///
    /// let mut policy = Policy::default();
    /// policy.tokens.access_ttl = Duration::from_mins(5);
    /// policy.usernames.reserved.insert("kitchen".into());
    /// let builder = Vestibule::builder("https://app.example").policy(policy);
    /// # drop(builder);
    /// ```
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Replaces the cost of password hashes and the bounds of their queue.
    ///
    /// # Security
    /// Parameters for tests ([`HashingConfig::cheap_for_tests`]) are refused unless the public URL is plain http on
    /// loopback.
    pub fn hashing(mut self, hashing: HashingConfig) -> Self {
        self.hashing = hashing;
        self
    }

    /// Hashes passwords with something else than our threads, whose configuration then counts for nothing.
    pub fn hasher(mut self, hasher: impl PasswordHasher + 'static) -> Self {
        self.hasher = Some(Arc::new(hasher));
        self
    }

    /// Tells time by another clock than the system's.
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        self.engine(|engine| engine.clock(Arc::new(clock)))
    }

    /// Changes whatever else the engine is made of: everything that the server configures, an application can.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use vestibule::{
    ///     Vestibule,
    ///     core::{memory_throttle::MemoryThrottle, ports::SystemClock},
    /// };
    ///
    /// // Counters, captchas, lists of breached passwords, receivers of events, a signing key of one's own, and secrets
    /// // that were in force before: each has its port or its value in `AuthBuilder`.
    /// let builder = Vestibule::builder("https://app.example")
    ///     .engine(|engine| engine.throttle(Arc::new(MemoryThrottle::new(Arc::new(SystemClock)))));
    /// # drop(builder);
    /// ```
    pub fn engine(mut self, change: impl FnOnce(AuthBuilder) -> AuthBuilder + Send + 'static) -> Self {
        let before = self.change_engine;
        self.change_engine = Box::new(move |engine| change(before(engine)));
        self
    }

    /// Asks and tells the application: before and after somebody registers, logs in, changes their name, and so on.
    ///
    /// ```
    /// use vestibule::{
    ///     Vestibule, async_trait,
    ///     hooks::{Concerning, HookFailure, Hooks, UsernameChange, Verdict},
    /// };
    ///
    /// #[derive(Debug)]
    /// struct Ours;
    ///
    /// #[async_trait]
    /// impl Hooks for Ours {
    ///     async fn after_register(&self, event: &Concerning) -> Result<(), HookFailure> {
    ///         println!("welcome, {}", event.account.email);
    ///         Ok(())
    ///     }
    ///
    ///     async fn before_username_change(&self, event: &UsernameChange) -> Result<Verdict, HookFailure> {
    ///         Ok(match event.username.as_deref() {
    ///             Some("captain") => Verdict::veto("There is one captain"),
    ///             _ => Verdict::Proceed,
    ///         })
    ///     }
    /// }
    ///
    /// let builder = Vestibule::builder("https://app.example").hooks(Ours);
    /// # drop(builder);
    /// ```
    pub fn hooks(self, hooks: impl Hooks + 'static) -> Self {
        self.engine(|engine| engine.hooks(Arc::new(hooks)))
    }

    /// Changes the rules of HTTP: trusted proxies, other origins, limits on bodies and time.
    ///
    /// Behind a proxy, name it: otherwise every visitor has the proxy's address, and all share one limit on logins.
    ///
    /// ```
    /// use vestibule::{Vestibule, http::client::TrustedProxies};
    ///
    /// let builder = Vestibule::builder("https://app.example").http(|policy| {
    ///     policy.trusted_proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
    /// });
    /// # drop(builder);
    /// ```
    pub fn http(mut self, change: impl FnOnce(&mut HttpPolicy) + Send + 'static) -> Self {
        let before = self.change_http;
        self.change_http = Box::new(move |policy| {
            before(policy);
            change(policy);
        });
        self
    }

    /// Delivers what people are written: confirmations, links to reset a password, notices. Without a mailer nothing is.
    ///
    /// The port's own documentation has an example: [`Mailer`].
    pub fn mailer(self, mailer: impl Mailer + 'static) -> Self {
        self.engine(|engine| engine.mailer(Arc::new(mailer)))
    }

    /// Mounts everything under a prefix, which begins with a slash: routes, pages and documentation. Mailed links lead
    /// there. What is no plain path is an error when it opens.
    ///
    /// ```
    /// use vestibule::Vestibule;
    ///
    /// // Login at /auth/api/users/login, documentation at /auth/docs, mailed links to https://app.example/auth/…
    /// let builder = Vestibule::builder("https://app.example").mounted_at("/auth");
    /// # drop(builder);
    /// ```
    pub fn mounted_at(mut self, prefix: &str) -> Self {
        prefix.trim_end_matches('/').clone_into(&mut self.mount.prefix);
        self
    }

    /// Leaves a route out: it is not described, and answers like every path that is none, or as the route of
    /// administrators to one account (`/api/users/{id}`), where it would be one of its paths.
    ///
    /// ```
    /// use vestibule::{Vestibule, http::routes::Route};
    ///
    /// // Accounts are made by administrators alone.
    /// let builder = Vestibule::builder("https://app.example")
    ///     .without(Route::Register)
    ///     .without(Route::CreateUser);
    /// # drop(builder);
    /// ```
    pub fn without(mut self, route: Route) -> Self {
        self.mount.left_out.push(route);
        self
    }

    /// Does nothing beside the requests: mail, events, the audit log and what has expired wait for whoever asks, as
    /// tests do, and as one process of several may.
    ///
    /// [`Auth::start_upkeep`](vestibule_core::Auth::start_upkeep) does all of it at any time;
    /// [`run_due_errands`](vestibule_core::Auth::run_due_errands),
    /// [`settle_audit`](vestibule_core::Auth::settle_audit),
    /// [`delete_expired`](vestibule_core::Auth::delete_expired) and [`catch_up`](vestibule_core::Auth::catch_up) a part
    /// of it once. Without any of them no mail leaves, and events of the audit log are lost once too many wait.
    pub fn without_background_work(mut self) -> Self {
        self.has_background_work = false;
        self
    }
}
