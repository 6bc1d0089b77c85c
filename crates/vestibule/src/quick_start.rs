//! The quick start: everything on embedded SQLite, or on PostgreSQL, in a few lines.

mod builder;
mod mount;
mod open;
mod profile;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{FromRef, connect_info::IntoMakeServiceWithConnectInfo},
};
use vestibule_axum::{layers::with_policy, same_origin::NoOrigin, state::AuthState};
use vestibule_core::{Auth, StartError, ports::Store, upkeep::Upkeep, values::account::Account};
use vestibule_login::LoginManager;
#[cfg(feature = "sqlite")]
use vestibule_sql::OpenError;

pub use self::builder::VestibuleBuilder;
use self::mount::Mount;
use crate::secret_file::SecretFileError;

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
    store: Arc<dyn Store>,
    upkeep: Option<Arc<Upkeep>>,
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
    /// Routes cannot stand there.
    #[error(
        "routes cannot be mounted at `{0}`: begin it with a slash, and write it in letters, digits, `-`, `.`, `_`, `~` and \
         single slashes"
    )]
    Prefix(String),
    /// The secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// The database cannot be opened.
    #[cfg(feature = "sqlite")]
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The URL of the database is none.
    #[cfg(feature = "postgres")]
    #[error("the database URL is refused: {0}")]
    DatabaseUrl(#[from] vestibule_sql::postgres::UrlError),
    /// The database cannot be opened.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    OpenPostgres(#[from] vestibule_sql::postgres::OpenError),
    /// Passwords cannot be hashed.
    #[error(transparent)]
    Hashing(#[from] vestibule_hashing::StartError),
    /// Passwords would be hashed so cheaply that a thief of the hashes could guess them.
    #[error(
        "hashing parameters for tests are for tests: with a public URL that is not http on loopback, leave `hashing` out, \
         or give it parameters that take some time"
    )]
    HashingForTests,
    /// The engine cannot start.
    #[error(transparent)]
    Engine(#[from] StartError),
    /// The task that opened the database died.
    #[error("the database could not be opened: {0}")]
    Task(io::Error),
}

impl Vestibule {
    /// Begins with the URL that browsers see, for example `https://app.example`.
    ///
    /// Cookies are `Secure` and carry the `__Host-` prefix unless it is plain http on loopback.
    pub fn builder(public_url: impl Into<String>) -> VestibuleBuilder {
        let public_url = public_url.into().trim_end_matches('/').to_owned();
        VestibuleBuilder::new(public_url)
    }

    /// Where its routes stand: what [`mounted_at`](VestibuleBuilder::mounted_at) said, or nothing.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.mount.prefix
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
    /// use vestibule::{
    ///     AdminUser, CurrentUser, LoginManager, Vestibule,
    ///     core::values::account::Account,
    ///     http::{layers::with_policy, state::AuthState},
    /// };
    ///
    /// #[derive(Clone)]
    /// struct App {
    ///     greeting: &'static str,
    ///     vestibule: Vestibule,
    /// }
    ///
    /// // This is all that `CurrentUser` and `Authenticated` ask for,
    /// impl FromRef<App> for AuthState {
    ///     fn from_ref(app: &App) -> Self {
    ///         app.vestibule.state().clone()
    ///     }
    /// }
    ///
    /// // and this is what `LoggedIn`, `AdminUser` and their like do.
    /// impl FromRef<App> for LoginManager<Account> {
    ///     fn from_ref(app: &App) -> Self {
    ///         LoginManager::from_ref(&app.vestibule)
    ///     }
    /// }
    ///
    /// async fn vault(AdminUser(admin): AdminUser<Account>) -> String {
    ///     format!("{}'s gold", admin.email)
    /// }
    ///
    /// async fn hello(app: axum::extract::State<App>, user: CurrentUser) -> String {
    ///     format!("{}, {}!", app.greeting, user.0.email)
    /// }
    ///
    /// fn service(app: App) -> IntoMakeServiceWithConnectInfo<Router, SocketAddr> {
    ///     let policy = Arc::clone(app.vestibule.state().http());
    ///     let own = Router::new().route("/hello", get(hello)).route("/vault", get(vault));
    ///     let routes = own.merge(app.vestibule.routes());
    ///     with_policy(routes.with_state(app), policy).into_make_service_with_connect_info()
    /// }
    /// ```
    #[must_use]
    pub fn into_service(self, app: Router<Self>) -> IntoMakeServiceWithConnectInfo<Router, SocketAddr> {
        self.into_router(app).into_make_service_with_connect_info()
    }

    /// Puts your application, with [`Self::routes`] merged in, under the policy: for whoever serves it in another way
    /// than `axum::serve`, or calls it in a test.
    ///
    /// Whoever serves it says who is calling, by [`PeerAddress`](crate::http::client::PeerAddress) or axum's
    /// `ConnectInfo`; otherwise all callers share one limit on logins.
    pub fn into_router(self, app: Router<Self>) -> Router {
        let policy = Arc::clone(self.state.http());
        with_policy(app.with_state(self), policy)
    }

    /// Writes what is still queued and closes the database; call it after the server has stopped.
    pub async fn close(self) {
        const PATIENCE: Duration = Duration::from_secs(2);
        match &self.upkeep {
            Some(upkeep) => upkeep.flush(PATIENCE).await,
            // Nobody else writes it.
            None => drop(tokio::time::timeout(PATIENCE, self.auth().settle_audit()).await),
        }
        self.store.close().await;
    }
}
