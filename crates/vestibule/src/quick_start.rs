//! The quick start: everything on embedded SQLite, in a few lines.

mod mount;

use std::{fmt, io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{FromRef, connect_info::IntoMakeServiceWithConnectInfo},
};
use vestibule_axum::{
    layers::with_policy,
    policy::HttpPolicy,
    routes::Route,
    same_origin::{NoOrigin, Origin},
    state::AuthState,
};
use vestibule_core::values::account::Account;
use vestibule_core::{
    Auth, Policy, StartError,
    ports::{Hooks, Mailer, store::prelude::*},
    upkeep::Upkeep,
};
use vestibule_hashing::{HashingConfig, HashingPool};
use vestibule_login::LoginManager;
use vestibule_sql::{OpenError, SqliteOptions, SqliteStore, sqlite::DATABASE_FILE};

use self::mount::Mount;
use crate::secret_file::{SecretFileError, obtain_secret_key};

/// Accounts, login and protected routes for one axum application, on embedded SQLite.
///
/// Use it as your application's state, or take it into your own with `FromRef`: the extractors
/// ([`CurrentUser`](crate::CurrentUser), [`Authenticated`](crate::Authenticated)) find it there.
///
/// ```
/// use axum::{Router, routing::get};
/// use vestibule::{CurrentUser, Vestibule};
///
/// async fn hello(CurrentUser(account): CurrentUser) -> String {
///     format!("Hello, {}!", account.email)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let data = folder.path();
/// let vestibule = Vestibule::builder("http://127.0.0.1:3000").open(data).await?;
/// let app = Router::new().route("/hello", get(hello)).merge(vestibule.routes());
/// let service = vestibule.into_service(app);
/// // axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, service).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Vestibule {
    state: AuthState,
    store: Arc<SqliteStore>,
    upkeep: Arc<Upkeep>,
    mount: Mount,
}

impl FromRef<Vestibule> for AuthState {
    fn from_ref(vestibule: &Vestibule) -> Self {
        vestibule.state.clone()
    }
}

impl FromRef<Vestibule> for LoginManager<Account> {
    fn from_ref(vestibule: &Vestibule) -> Self {
        vestibule.state.login().clone()
    }
}

/// Why a [`Vestibule`] cannot be opened; each message is a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuickStartError {
    /// The public URL is none.
    #[error(transparent)]
    PublicUrl(#[from] NoOrigin),
    /// The secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Passwords cannot be hashed.
    #[error(transparent)]
    Hashing(#[from] vestibule_hashing::StartError),
    /// The engine cannot start.
    #[error(transparent)]
    Engine(#[from] StartError),
    /// The task that opened the database died.
    #[error("the database could not be opened: {0}")]
    Task(io::Error),
}

/// Collects what a [`Vestibule`] needs to know before it opens.
#[must_use]
pub struct VestibuleBuilder {
    public_url: String,
    policy: Policy,
    hashing: HashingConfig,
    hooks: Option<Arc<dyn Hooks>>,
    mailer: Option<Arc<dyn Mailer>>,
    change_http: Box<dyn FnOnce(&mut HttpPolicy) + Send>,
    mount: Mount,
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
    pub fn hashing(mut self, hashing: HashingConfig) -> Self {
        self.hashing = hashing;
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
    pub fn hooks(mut self, hooks: impl Hooks + 'static) -> Self {
        self.hooks = Some(Arc::new(hooks));
        self
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
    pub fn mailer(mut self, mailer: impl Mailer + 'static) -> Self {
        self.mailer = Some(Arc::new(mailer));
        self
    }

    /// Mounts everything under a prefix, which begins with a slash: routes, pages and documentation. Mailed links lead
    /// there.
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

    /// Leaves a route out: it answers like every path that is none, and is not described.
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

    /// Opens the database in `folder`, made where there is none, and starts the background work.
    ///
    /// # Errors
    /// [`QuickStartError`].
    pub async fn open(self, folder: impl AsRef<Path>) -> Result<Vestibule, QuickStartError> {
        let origin: Origin = Origin::of_url(&self.public_url)?;
        let mut http = if origin.is_plain_loopback() {
            HttpPolicy::development(origin)
        } else {
            HttpPolicy::new(origin)
        };
        (self.change_http)(&mut http);
        let mut policy = self.policy;
        policy.tokens.issuer.clone_from(&self.public_url);
        policy.tokens.audience.clone_from(&self.public_url);
        policy.mail.public_url = format!("{}{}", self.public_url, self.mount.prefix);
        let folder = folder.as_ref().to_owned();
        let hashing = self.hashing;
        let foundation = tokio::task::spawn_blocking(move || {
            let database = folder.join(DATABASE_FILE);
            let secret = obtain_secret_key(&folder, &database)?;
            let store = SqliteStore::open(SqliteOptions::serve(database))?;
            Ok::<_, QuickStartError>((secret, store, HashingPool::start(hashing)?))
        });
        let (secret, store, hashing) =
            foundation.await.map_err(|error| QuickStartError::Task(io::Error::other(error)))??;
        let mut auth = Auth::builder(store.clone(), Arc::new(hashing), secret).policy(policy);
        if let Some(hooks) = self.hooks {
            auth = auth.hooks(hooks);
        }
        if let Some(mailer) = self.mailer {
            auth = auth.mailer(mailer);
        }
        let auth = auth.start().await?;
        let upkeep = Arc::new(auth.start_upkeep());
        Ok(Vestibule { state: AuthState::new(auth, http), store, upkeep, mount: self.mount })
    }
}

impl Vestibule {
    /// Begins with the URL that browsers see, for example `https://app.example`.
    ///
    /// Cookies are `Secure` and carry the `__Host-` prefix unless it is plain http on loopback.
    pub fn builder(public_url: impl Into<String>) -> VestibuleBuilder {
        let public_url = public_url.into().trim_end_matches('/').to_owned();
        VestibuleBuilder {
            public_url,
            policy: Policy::default(),
            hashing: HashingConfig::default(),
            hooks: None,
            mailer: None,
            change_http: Box::new(|_| {}),
            mount: Mount::default(),
        }
    }

    /// The engine and the HTTP policy, for mounting single routers from [`crate::http::routes`] where you want them.
    ///
    /// ```
    /// use axum::Router;
    /// use vestibule::{Vestibule, http::routes::account_routes};
    ///
    /// fn app(vestibule: &Vestibule) -> Router<Vestibule> {
    ///     Router::new().nest("/auth", account_routes(vestibule.state()).into())
    /// }
    /// ```
    #[must_use]
    pub const fn state(&self) -> &AuthState {
        &self.state
    }

    /// The engine, for everything that does not come over HTTP.
    #[must_use]
    pub fn auth(&self) -> &Arc<Auth> {
        self.state.auth()
    }

    /// Puts your application, with [`Self::routes`] merged in, under the policy and makes it what `axum::serve` takes.
    ///
    /// Keep a clone to [`close`](Self::close) after a graceful shutdown. An application with a state of its own puts
    /// itself under the policy with [`with_policy`]:
    ///
    /// ```
    /// use std::{net::SocketAddr, sync::Arc};
    ///
    /// use axum::{Router, extract::FromRef, extract::connect_info::IntoMakeServiceWithConnectInfo, routing::get};
    /// use vestibule::{CurrentUser, Vestibule, http::{layers::with_policy, state::AuthState}};
    ///
    /// #[derive(Clone)]
    /// struct App {
    ///     greeting: &'static str,
    ///     vestibule: Vestibule,
    /// }
    ///
    /// // This is all the extractors ask for.
    /// impl FromRef<App> for AuthState {
    ///     fn from_ref(app: &App) -> Self {
    ///         app.vestibule.state().clone()
    ///     }
    /// }
    ///
    /// async fn hello(app: axum::extract::State<App>, user: CurrentUser) -> String {
    ///     format!("{}, {}!", app.greeting, user.0.email)
    /// }
    ///
    /// fn service(app: App) -> IntoMakeServiceWithConnectInfo<Router, SocketAddr> {
    ///     let policy = Arc::clone(app.vestibule.state().http());
    ///     let routes = Router::new().route("/hello", get(hello)).merge(app.vestibule.routes());
    ///     with_policy(routes.with_state(app), policy).into_make_service_with_connect_info()
    /// }
    /// ```
    #[must_use]
    pub fn into_service(self, app: Router<Self>) -> IntoMakeServiceWithConnectInfo<Router, SocketAddr> {
        let policy = Arc::clone(self.state.http());
        with_policy(app.with_state(self), policy).into_make_service_with_connect_info()
    }

    /// Writes what is still queued and closes the database; call it after the server has stopped.
    pub async fn close(self) {
        const PATIENCE: Duration = Duration::from_secs(2);
        self.upkeep.flush(PATIENCE).await;
        self.store.close().await;
    }
}
