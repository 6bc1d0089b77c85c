//! What a [`TestApp`] is made of.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU32},
};

use axum::Router;
use tokio::{net::TcpListener, task::spawn_blocking};
use vestibule::{
    Vestibule, VestibuleBuilder,
    core::{
        ports::{Mailer, Store},
        values::secret::SecretKey,
    },
    sql::sqlite::MemoryDatabase,
};
use vestibule_mail::{Inbox, Site, Templates};

use super::{Served, TestApp};
use crate::{clock::VirtualClock, hasher::TestHasher, outbox::TestOutbox};

/// Where an application is seen unless a test says otherwise.
const PUBLIC_URL: &str = "http://127.0.0.1:3000";

type Configure = Arc<dyn Fn(VestibuleBuilder) -> VestibuleBuilder + Send + Sync>;
type OpenStore = Arc<dyn Fn() -> Arc<dyn Store> + Send + Sync>;

/// Collects what a [`TestApp`] is made of.
#[derive(Clone)]
#[must_use = "finish with `start` or `start_with`"]
pub struct TestAppBuilder {
    public_url: String,
    listens: bool,
    pub(super) clock: VirtualClock,
    configure: Configure,
    open_store: OpenStore,
    secret: SecretKey,
    tells_of_new_devices: bool,
    mailer: Option<Arc<dyn Mailer>>,
}

impl fmt::Debug for TestAppBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestAppBuilder").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

impl TestAppBuilder {
    pub(super) fn new() -> Self {
        let database = MemoryDatabase::new().expect("a database in memory");
        Self {
            public_url: PUBLIC_URL.to_owned(),
            listens: false,
            clock: VirtualClock::default(),
            configure: Arc::new(|vestibule| vestibule),
            open_store: Arc::new(move || database.open().expect("a database in memory")),
            secret: SecretKey::generate(),
            tells_of_new_devices: false,
            mailer: None,
        }
    }

    /// Is seen at another URL; unless that is plain http on loopback, cookies are secure.
    pub fn public_url(mut self, url: &str) -> Self {
        url.trim_end_matches('/').clone_into(&mut self.public_url);
        self
    }

    /// Configures [`Vestibule`] as the application does: policy, hooks, prefix, routes. Clock, hasher, store and mailer are
    /// the test's whatever is said here, so that no test writes to people.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use vestibule::VestibuleBuilder;
    /// use vestibule_testing::TestApp;
    ///
    /// // Beside the application's `main`, which calls it, too.
    /// fn configured(vestibule: VestibuleBuilder) -> VestibuleBuilder {
    ///     vestibule.mounted_at("/auth")
    /// }
    ///
    /// let app = TestApp::builder().configure(configured).start(|vestibule| vestibule.routes()).await;
    /// let ada = app.logged_in("ada").await;
    /// ada.get("/auth/api/v1/users/me").await.assert_status(200);
    /// # }
    /// ```
    pub fn configure(
        mut self,
        configure: impl Fn(VestibuleBuilder) -> VestibuleBuilder + Send + Sync + 'static,
    ) -> Self {
        self.configure = Arc::new(configure);
        self
    }

    /// Tells time by a clock that something else has, too, for example a `LoginManager` of the same application.
    pub fn clock(mut self, clock: VirtualClock) -> Self {
        self.clock = clock;
        self
    }

    /// Keeps everything in another store than SQLite in memory: opened anew at each start, on a thread that may block.
    pub fn store(mut self, open: impl Fn() -> Arc<dyn Store> + Send + Sync + 'static) -> Self {
        self.open_store = Arc::new(open);
        self
    }

    /// Delivers mail by the application's own mailer; the outbox stays empty then.
    pub fn mailer(mut self, mailer: impl Mailer + 'static) -> Self {
        self.mailer = Some(Arc::new(mailer));
        self
    }

    /// Writes letters about devices that are new to an account, if the policy does: without this, nobody is written that
    /// somebody whom the test logs in has logged in.
    pub fn telling_of_new_devices(mut self) -> Self {
        self.tells_of_new_devices = true;
        self
    }

    /// Listens on a free port of this machine, for browsers and other programs; [`TestApp::url`] says where.
    pub fn listening(mut self) -> Self {
        self.listens = true;
        self
    }

    /// Starts an application whose state is the [`Vestibule`]: what it hands to [`Vestibule::into_service`].
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn start(self, application: impl FnOnce(Vestibule) -> Router<Vestibule>) -> TestApp {
        self.start_with(async |vestibule: Vestibule| {
            let router = application(vestibule.clone());
            vestibule.into_router(router)
        })
        .await
    }

    /// Starts an application that has a state of its own or needs to wait for something: the closure gives what the
    /// application hands to `axum::serve`, under [the policy](vestibule::http::layers::with_policy) already.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::sync::Arc;
    ///
    /// use axum::{Router, extract::FromRef, routing::get};
    /// use vestibule::{CurrentUser, Vestibule, http::{layers::with_policy, state::AuthState}};
    /// use vestibule_testing::TestApp;
    ///
    /// #[derive(Clone)]
    /// struct App {
    ///     vestibule: Vestibule,
    /// }
    ///
    /// impl FromRef<App> for AuthState {
    ///     fn from_ref(app: &App) -> Self {
    ///         app.vestibule.state().clone()
    ///     }
    /// }
    ///
    /// async fn hello(CurrentUser(account): CurrentUser) -> String {
    ///     format!("Hello, {}!", account.email)
    /// }
    ///
    /// async fn my_app(vestibule: Vestibule) -> Router {
    ///     let policy = Arc::clone(vestibule.state().http());
    ///     let routes = Router::new().route("/hello", get(hello)).merge(vestibule.routes());
    ///     with_policy(routes.with_state(App { vestibule }), policy)
    /// }
    ///
    /// let app = TestApp::builder().start_with(my_app).await;
    /// app.logged_in("ada").await.get("/hello").await.assert_text("Hello, ada@example.com!");
    /// # }
    /// ```
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn start_with(self, application: impl AsyncFnOnce(Vestibule) -> Router) -> TestApp {
        let (url, listener) = self.place().await;
        let site = Site { name: "Example".into(), url: url.clone() };
        let inbox = Inbox::new(Templates::load(site, None).expect("the program's own templates"));
        let vestibule = self.open(&url, inbox.clone()).await;
        let router = application(vestibule.clone()).await;
        let served = listener.map(|listener| serve(listener, router.clone()));
        let outbox = TestOutbox::new(Arc::clone(vestibule.auth()), inbox);
        let callers = AtomicU32::default();
        TestApp { router, vestibule, outbox, settings: self, url, callers, served }
    }

    /// Where the application is seen, and what listens there.
    async fn place(&self) -> (String, Option<TcpListener>) {
        if !self.listens {
            return (self.public_url.clone(), None);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        (url, Some(listener))
    }

    async fn open(&self, url: &str, inbox: Inbox) -> Vestibule {
        let mailer = self.mailer.clone().unwrap_or_else(|| Arc::new(inbox));
        let is_quiet = !self.tells_of_new_devices;
        let builder = (self.configure)(Vestibule::builder(url))
            .clock(self.clock.clone())
            .hasher(TestHasher::start())
            .engine(move |engine| {
                let engine = engine.mailer(mailer);
                if is_quiet { engine.without_new_device_letters() } else { engine }
            })
            .without_background_work();
        let open_store = Arc::clone(&self.open_store);
        let store = spawn_blocking(move || open_store()).await.expect("a store");
        let opened = builder.open_with(store, self.secret.clone()).await;
        opened.unwrap_or_else(|error| panic!("the application does not start: {error}"))
    }
}

fn serve(listener: TcpListener, router: Router) -> Served {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    Served(tokio::spawn(async move { drop(axum::serve(listener, service).await) }))
}
