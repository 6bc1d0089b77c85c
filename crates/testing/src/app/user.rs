//! Somebody in a test.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use serde_json::{Map, Value};
use vestibule::{
    AccountProfile,
    core::{
        administration::{AccountPatch, AdministrationError, Administrator},
        login::{LoggedIn, LoginAttempt},
        ports::store::PermissionChange,
        register::{NewUser, Registration, RegistrationError},
        values::{
            account::Account, client::Client, device::Device, password::Password, scope::Scopes,
            username::LoginName,
        },
    },
    http::cookies::CookieKind,
};

use super::TestApp;
use crate::client::{PASSWORD, TestClient};

/// Somebody in a test; registered by the first call that needs an account.
///
/// They come past the routes, so that it does not matter which ones the application has mounted, but through the rules and
/// hooks of the engine.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use vestibule_testing::TestApp;
///
/// let app = TestApp::new(|vestibule| vestibule.routes()).await;
/// let editor = app.user("ada").permission("posts:write").logged_in().await;
/// let me = editor.get("/api/v1/users/me").await.json();
/// assert_eq!(me["permissions"], serde_json::json!(["posts:write"]));
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "finish with `registered`, `logged_in` or `bearer`"]
pub struct TestUser<'a> {
    app: &'a TestApp,
    name: String,
    password: String,
    permissions: Scopes,
    is_confirmed: bool,
    profile: Option<Map<String, Value>>,
}

impl<'a> TestUser<'a> {
    pub(super) fn new(app: &'a TestApp, name: &str) -> Self {
        let (name, password) = (name.to_owned(), PASSWORD.to_owned());
        Self { app, name, password, permissions: Scopes::none(), is_confirmed: true, profile: None }
    }

    /// Has another password than [`PASSWORD`].
    pub fn password(mut self, password: &str) -> Self {
        password.clone_into(&mut self.password);
        self
    }

    /// May do this, too.
    pub fn permission(mut self, name: &str) -> Self {
        self.permissions.insert(name);
        self
    }

    /// Has not proved their address; the letter that asks for it is in the outbox.
    pub fn unconfirmed(mut self) -> Self {
        self.is_confirmed = false;
        self
    }

    /// Registers with this profile, of the type that the application keeps with each account.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use vestibule::AccountProfile;
    /// use vestibule_testing::TestApp;
    ///
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Profile {
    ///     colour: String,
    /// }
    ///
    /// impl AccountProfile for Profile {}
    ///
    /// let app = TestApp::builder()
    ///     .configure(|vestibule| vestibule.profile::<Profile>())
    ///     .start(|vestibule| vestibule.routes())
    ///     .await;
    /// let ada = app.user("ada").profile(&Profile { colour: "red".into() }).logged_in().await;
    /// assert_eq!(ada.get("/api/v1/users/me").await.json()["profile"]["colour"], "red");
    /// # }
    /// ```
    ///
    /// # Panics
    /// Where it cannot be written as an object.
    pub fn profile<P: AccountProfile>(mut self, profile: &P) -> Self {
        let Ok(Value::Object(members)) = serde_json::to_value(profile) else {
            panic!("a profile is written as an object");
        };
        self.profile = Some(members);
        self
    }

    /// Has an account.
    ///
    /// # Panics
    /// Where the application's rules or hooks refuse it.
    pub async fn registered(self) -> Account {
        self.account(self.app.anonymous().caller()).await
    }

    /// Is logged in by cookie, on a device of their own.
    ///
    /// # Panics
    /// Where the application's rules or hooks refuse it.
    pub async fn logged_in(self) -> TestClient {
        let client = self.app.anonymous();
        let login = self.log_in(&client, Device::Browser(None), Scopes::none()).await;
        let cookies = self.app.vestibule().state().http().cookies;
        let plant = |kind, value: &str| client.plant_cookie(&cookies.name(kind), value);
        plant(CookieKind::Access, login.tokens.access.expose());
        plant(CookieKind::Refresh, login.tokens.refresh.expose());
        if let Some(device) = &login.device {
            plant(CookieKind::Device, &device.expose());
        }
        client
    }

    /// Is logged in with a program, which sends its access token in the `Authorization` header; of the scopes that the
    /// application grants it has all they have the permission for.
    ///
    /// # Panics
    /// Where the application's rules or hooks refuse it.
    pub async fn bearer(self) -> TestClient {
        let client = self.app.anonymous();
        let permissions = self.account(client.caller()).await.permissions;
        let login = self.log_in(&client, Device::Program, permissions).await;
        client.with_bearer(login.tokens.access.expose())
    }

    async fn log_in(&self, client: &TestClient, device: Device, scope: Scopes) -> LoggedIn {
        // From where they log in, so that they are not written of a new device.
        self.account(client.caller()).await;
        let attempt = LoginAttempt {
            name: self.name.clone(),
            password: Password::new(&self.password),
            scope,
            captcha: None,
            client: client.caller(),
            device,
            replaces: None,
            restores: false,
        };
        let login = self.app.auth().log_in(attempt).await;
        login.unwrap_or_else(|error| panic!("{} is not logged in: {error}", self.name))
    }

    /// The account, made where there is none, with every permission that was asked for.
    async fn account(&self, caller: Client) -> Account {
        let (auth, operator) = (self.app.auth(), Administrator::operator());
        let account = match auth.find_account_by_name(&operator, &LoginName::read(&self.name)).await {
            Ok(account) => account,
            Err(AdministrationError::Unknown) => self.register(caller).await,
            Err(error) => panic!("{}: {error}", self.name),
        };
        let missing: Scopes = self.permissions.iter().map(str::to_owned).collect();
        if missing.iter().all(|permission| account.permissions.contains(permission)) {
            return account;
        }
        let changed = auth.change_permissions(&operator, account.id, PermissionChange::Add(missing)).await;
        changed.unwrap_or_else(|error| panic!("{} gets no permission: {error:?}", self.name))
    }

    async fn register(&self, caller: Client) -> Account {
        let (email, username) = self.names();
        let made =
            if self.may_register() { self.apply(&email, username.clone(), caller).await } else { None };
        let account = match made {
            Some(account) => account,
            None => self.be_made(email, username).await,
        };
        if !self.is_confirmed || account.confirmed {
            return account;
        }
        let patch = AccountPatch { confirmed: Some(true), ..AccountPatch::default() };
        let confirmed = self.app.auth().patch_account(&Administrator::operator(), account.id, patch).await;
        // Nobody needs the letter any more, and a test that waits for another one should not meet it.
        self.app.outbox().discard_to(&account.email).await;
        confirmed.unwrap_or_else(|error| panic!("{} is not confirmed: {error:?}", self.name))
    }

    fn names(&self) -> (String, Option<String>) {
        if self.name.contains('@') {
            return (self.name.clone(), None);
        }
        (format!("{}@example.com", self.name), Some(self.name.clone()))
    }

    fn may_register(&self) -> bool {
        let rules = &self.app.auth().policy().registration;
        rules.is_enabled && !rules.conceals_existing
    }

    /// Registers as everybody does; `None` where a captcha stands before it.
    async fn apply(&self, email: &str, username: Option<String>, client: Client) -> Option<Account> {
        let registration = Registration {
            email: email.to_owned(),
            username,
            full_name: None,
            password: Password::new(&self.password),
            password_field: "password",
            repeated: None,
            captcha: None,
            profile: self.profile.clone(),
            language: None,
            client,
            device: Device::Program,
        };
        match self.app.auth().register(registration).await {
            Ok(account) => Some(account),
            Err(RegistrationError::Captcha(_)) => None,
            Err(error) => panic!("{} is not registered: {error:?}", self.name),
        }
    }

    /// Is given an account by the operator, where nobody may register, or not at once.
    async fn be_made(&self, email: String, username: Option<String>) -> Account {
        let password = Some(Password::new(&self.password));
        let user = NewUser { email, username, full_name: None, password, confirmed: self.is_confirmed };
        let (auth, operator) = (self.app.auth(), Administrator::operator());
        let made = auth.create_user(&operator, user).await;
        let made = made.unwrap_or_else(|error| panic!("{} gets no account: {error:?}", self.name));
        let Some(profile) = self.profile.clone() else { return made };
        let patch = AccountPatch { profile: Some(profile), ..AccountPatch::default() };
        let patched = auth.patch_account(&operator, made.id, patch).await;
        patched.unwrap_or_else(|error| panic!("{} gets no profile: {error:?}", self.name))
    }
}
