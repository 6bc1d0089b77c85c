//! The whole application in process.
#![expect(clippy::panic, reason = "a test fails by panicking")]

mod builder;
mod user;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::Router;
use tokio::task::JoinHandle;
use vestibule::{
    Vestibule,
    core::{
        Auth,
        administration::Administrator,
        register::AdminCreation,
        values::{account::Account, password::Password, username::LoginName},
    },
};

pub use self::{builder::TestAppBuilder, user::TestUser};
use crate::{
    client::{PASSWORD, TestClient},
    clock::VirtualClock,
    outbox::TestOutbox,
};

/// The first of the addresses that measurements and tests call from (RFC 2544), and how many there are.
const ADDRESSES: (Ipv4Addr, u32) = (Ipv4Addr::new(198, 18, 0, 1), (1 << 17) - 2);

/// An application in process, with accounts in memory, cheap hashes, a clock that only the test turns and an outbox.
///
/// Nothing happens beside the requests: letters are put into words when they are asked for, and the rest of what a server
/// does in the background when [`settle`](Self::settle) is called.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use vestibule_testing::TestApp;
///
/// let app = TestApp::new(|vestibule| vestibule.routes()).await;
/// let ada = app.logged_in("ada").await;
/// ada.get("/api/v1/users/me").await.assert_status(200).assert_contains("ada@example.com");
/// # }
/// ```
#[derive(Debug)]
pub struct TestApp {
    router: Router,
    vestibule: Vestibule,
    outbox: TestOutbox,
    settings: TestAppBuilder,
    url: String,
    callers: AtomicU32,
    served: Option<Served>,
}

/// The task that serves a port; it ends with the application.
#[derive(Debug)]
struct Served(JoinHandle<()>);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl TestApp {
    /// Starts an application whose state is the [`Vestibule`]: what it hands to `Vestibule::into_service`.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn new(application: impl FnOnce(Vestibule) -> Router<Vestibule>) -> Self {
        Self::builder().start(application).await
    }

    /// Begins with an application seen at `http://127.0.0.1:3000`.
    pub fn builder() -> TestAppBuilder {
        TestAppBuilder::new()
    }

    /// A visitor: a browser without cookies, in a network of its own.
    #[must_use]
    pub fn anonymous(&self) -> TestClient {
        let client = TestClient::of(self.router.clone(), &self.url).under(self.vestibule.prefix());
        client.from_address(&self.new_address().to_string())
    }

    /// Somebody who is logged in by cookie, registered if they were not yet: with this user name, the address
    /// `name@example.com`, which is confirmed, and [`PASSWORD`]. A name with an `@` is an address, and there is no user
    /// name.
    ///
    /// # Panics
    /// Where the application's rules or hooks refuse it.
    pub async fn logged_in(&self, name: &str) -> TestClient {
        self.user(name).logged_in().await
    }

    /// An administrator who is logged in by cookie, `admin@example.com`.
    ///
    /// # Panics
    /// Where the application's rules or hooks refuse it.
    pub async fn admin(&self) -> TestClient {
        let made = self.auth().create_admin("admin@example.com", "admin", Password::new(PASSWORD)).await;
        match made {
            Ok(AdminCreation::Created(_) | AdminCreation::Promoted(_)) => {
                self.user("admin").logged_in().await
            }
            Err(error) => panic!("no administrator was made: {error:?}"),
        }
    }

    /// Somebody about whom there is more to say than a name: permissions, another password, an unconfirmed address.
    pub fn user(&self, name: &str) -> TestUser<'_> {
        TestUser::new(self, name)
    }

    /// An account as it is now, by its user name or address.
    ///
    /// # Panics
    /// Where there is none.
    pub async fn account(&self, name: &str) -> Account {
        let (operator, login) = (Administrator::operator(), LoginName::read(name));
        let found = self.auth().find_account_by_name(&operator, &login).await;
        found.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The clock of everything; turn it.
    #[must_use]
    pub const fn clock(&self) -> &VirtualClock {
        &self.settings.clock
    }

    /// What people were written.
    #[must_use]
    pub const fn outbox(&self) -> &TestOutbox {
        &self.outbox
    }

    /// What the application was given.
    #[must_use]
    pub const fn vestibule(&self) -> &Vestibule {
        &self.vestibule
    }

    /// The engine.
    #[must_use]
    pub fn auth(&self) -> &Arc<Auth> {
        self.vestibule.auth()
    }

    /// Where the application is seen; where it [listens](TestAppBuilder::listening), if it does.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Does once what a server does in the background: errands that are due, the audit log, removing what has expired.
    ///
    /// # Panics
    /// Where the store does not answer.
    pub async fn settle(&self) {
        self.outbox.collect().await;
        self.auth().settle_audit().await;
        if let Err(error) = self.auth().delete_expired().await {
            panic!("what has expired could not be removed: {error}");
        }
    }

    /// Stops the application; started again, it has the same data, secret and clock.
    pub async fn stop(self) -> TestAppBuilder {
        let Self { vestibule, settings, served, .. } = self;
        drop(served);
        vestibule.close().await;
        settings
    }

    fn new_address(&self) -> IpAddr {
        let (first, count) = ADDRESSES;
        let number = self.callers.fetch_add(1, Ordering::Relaxed) % count;
        Ipv4Addr::from_bits(first.to_bits() + number).into()
    }
}
