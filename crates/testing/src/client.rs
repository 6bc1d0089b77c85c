//! A browser, or a program with a bearer token, in front of the application.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

#[cfg(feature = "accounts")]
mod routes;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Router, body::Body, extract::ConnectInfo, response::Response};
use http::{HeaderMap, HeaderValue, Method, Request, header};
use tower::ServiceExt;
use vestibule::{LoginManager, NewToken, login::same_origin::Origin};

use crate::{
    answer::{SetCookie, TestAnswer},
    request::TestRequest,
};

/// The password of everybody whom this crate registers, unless a test says otherwise.
pub const PASSWORD: &str = "correct horse battery staple";

/// A client with a cookie jar of its own and, where it was given one, a bearer token.
///
/// It does what a browser does: cookies that an answer sets come along with the next request, and unsafe requests
/// carry the `Origin` of the application's own pages. Clones share the jar, like the tabs of one browser.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use axum::{Router, routing::get};
/// use vestibule_testing::TestClient;
///
/// let app = Router::new().route("/", get(async || "Hello!"));
/// let visitor = TestClient::of(app, "https://app.example");
/// visitor.get("/").await.assert_status(200).assert_text("Hello!");
/// visitor.get("/diary").await.assert_status(404);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TestClient {
    router: Router,
    origin: String,
    #[cfg(feature = "accounts")]
    prefix: String,
    address: IpAddr,
    user_agent: String,
    jar: Arc<Mutex<BTreeMap<String, String>>>,
    bearer: Option<String>,
}

/// A pair of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
}

impl TestClient {
    /// A client of any application, which is seen at this URL: requests go to its host, and unsafe ones come from its
    /// pages.
    ///
    /// # Panics
    /// Where the text is no URL.
    #[must_use]
    pub fn of(router: Router, public_url: &str) -> Self {
        Self {
            router,
            origin: Origin::of_url(public_url).expect("a URL").to_string(),
            #[cfg(feature = "accounts")]
            prefix: String::new(),
            address: IpAddr::from([192, 0, 2, 1]),
            user_agent: "vestibule-testing".into(),
            jar: Arc::default(),
            bearer: None,
        }
    }

    /// Calls from another address than `192.0.2.1`.
    ///
    /// # Panics
    /// Where the text is none.
    #[must_use]
    pub fn from_address(mut self, address: &str) -> Self {
        self.address = address.parse().expect("an IP address");
        self
    }

    /// Names itself in `User-Agent`.
    #[must_use]
    pub fn named(mut self, user_agent: &str) -> Self {
        user_agent.clone_into(&mut self.user_agent);
        self
    }

    /// Sends an access token in the `Authorization` header.
    #[must_use]
    pub fn with_bearer(mut self, token: &str) -> Self {
        self.bearer = Some(token.to_owned());
        self
    }

    /// Is logged in to an application that has users of its own: carries a token that its [`LoginManager`] makes, in the
    /// cookie where it has one, else in the `Authorization` header.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use axum::{Router, routing::get};
    /// use vestibule::{LoggedIn, LoginManager, NewToken};
    /// use vestibule_testing::TestClient;
    ///
    /// async fn hello(LoggedIn(name): LoggedIn<String>) -> String {
    ///     format!("Hello, {name}!")
    /// }
    ///
    /// let login = LoginManager::from_secret("thirty-two bytes that nobody else knows")
    ///     .user_loader(async |name: String| Ok::<_, String>(Some(name)))
    ///     .build()
    ///     .unwrap();
    /// let app = Router::new().route("/", get(hello)).with_state(login.clone());
    ///
    /// let ada = TestClient::of(app, "https://app.example").with_login(&login, NewToken::of("ada").scopes(["read"]));
    /// ada.get("/").await.assert_status(200).assert_text("Hello, ada!");
    /// # }
    /// ```
    ///
    /// # Panics
    /// Where the manager makes no token.
    #[must_use]
    pub fn with_login<U>(self, login: &LoginManager<U>, token: impl Into<NewToken>) -> Self {
        let token = login.create_access_token(token).expect("a token");
        let mut headers = HeaderMap::new();
        if login.set_cookie(&mut headers, &token).is_err() {
            return self.with_bearer(token.expose());
        }
        for cookie in SetCookie::all(&headers) {
            self.plant_cookie(&cookie.name, &cookie.value);
        }
        self
    }

    /// A program of the same person: no cookies, and the access token of the cookie in the `Authorization` header.
    ///
    /// # Panics
    /// Where there is no cookie `access_token`.
    #[must_use]
    pub fn bearer(&self) -> Self {
        let token = self.cookie("access_token").expect("somebody who is logged in by cookie");
        Self { jar: Arc::default(), ..self.clone() }.with_bearer(&token)
    }

    /// The value of a cookie in the jar, by its name without the `__Host-` prefix.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        let jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner);
        jar.get(name).or_else(|| jar.get(&format!("__Host-{name}"))).cloned()
    }

    /// Puts a cookie into the jar, under its full name.
    pub fn plant_cookie(&self, name: &str, value: &str) {
        let mut jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner);
        jar.insert(name.to_owned(), value.to_owned());
    }

    /// Takes a cookie out of the jar, by its full name.
    pub fn drop_cookie(&self, name: &str) {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// Another browser on the same machine that has the same cookies now.
    #[must_use]
    pub fn copy(&self) -> Self {
        let jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self { jar: Arc::new(Mutex::new(jar)), ..self.clone() }
    }

    /// Begins a request.
    pub fn request(&self, method: Method, path: &str) -> TestRequest {
        TestRequest::new(self.clone(), method, path)
    }

    /// Begins a `GET`.
    pub fn get(&self, path: &str) -> TestRequest {
        self.request(Method::GET, path)
    }

    /// Begins a `POST`.
    pub fn post(&self, path: &str) -> TestRequest {
        self.request(Method::POST, path)
    }

    /// Begins a `PUT`.
    pub fn put(&self, path: &str) -> TestRequest {
        self.request(Method::PUT, path)
    }

    /// Begins a `PATCH`.
    pub fn patch(&self, path: &str) -> TestRequest {
        self.request(Method::PATCH, path)
    }

    /// Begins a `DELETE`.
    pub fn delete(&self, path: &str) -> TestRequest {
        self.request(Method::DELETE, path)
    }

    /// Who the engine takes it for.
    #[cfg(feature = "accounts")]
    pub(crate) fn caller(&self) -> vestibule::core::values::client::Client {
        vestibule::core::values::client::Client::new(self.address, &self.user_agent)
    }

    /// What to ask for, of a path or of a whole link to this application, as letters have them.
    pub(crate) fn path_of<'a>(&self, link: &'a str) -> &'a str {
        link.strip_prefix(&self.origin).filter(|path| path.starts_with('/')).unwrap_or(link)
    }

    /// The headers that the client sends of itself.
    pub(crate) fn dress(&self, method: &Method, headers: &mut HeaderMap) {
        let mut add = |name, value: String| {
            headers.insert(name, HeaderValue::try_from(value).expect("a header value"));
        };
        add(header::USER_AGENT, self.user_agent.clone());
        if let Some((_, host)) = self.origin.split_once("://") {
            add(header::HOST, host.to_owned());
        }
        if !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
            add(header::ORIGIN, self.origin.clone());
        }
        if let Some(token) = &self.bearer {
            add(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner);
        if !jar.is_empty() {
            let pairs: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            add(header::COOKIE, pairs.join("; "));
        }
    }

    /// Sends a request as it is, apart from the caller's address, and leaves the body of the answer to be read.
    pub async fn send_unread(&self, mut request: Request<Body>) -> Response {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(self.address, 40_000)));
        match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// Sends a request as it is, apart from the caller's address; keeps the cookies of the answer.
    pub async fn send(&self, request: Request<Body>) -> TestAnswer {
        let asked = format!("{} {}", request.method(), request.uri());
        let answer = TestAnswer::read(asked, self.send_unread(request).await).await;
        let mut jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner);
        for cookie in answer.cookies() {
            if cookie.is_deleted() {
                jar.remove(&cookie.name);
            } else {
                jar.insert(cookie.name, cookie.value);
            }
        }
        drop(jar);
        answer
    }
}
