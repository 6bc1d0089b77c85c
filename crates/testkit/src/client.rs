//! A browser, or a program with a bearer token, in front of the application.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Router, body::Body, response::Response};
use http::{HeaderMap, HeaderValue, Method, Request, header};
use serde_json::json;
use tower::ServiceExt;
use vestibule::http::client::PeerAddress;

use crate::{answer::Answer, request::RequestBuilder};

/// The password of everybody who is registered by [`Client::registered`].
pub const PASSWORD: &str = "correct horse battery staple";

/// A client with a cookie jar of its own and, where it was given one, a bearer token.
///
/// It does what a browser does: cookies that an answer sets come along with the next request, and unsafe requests
/// carry the `Origin` of the application's own pages. Clones share the jar, like the tabs of one browser.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use vestibule_testkit::TestApp;
///
/// let app = TestApp::start().await;
/// let ada = app.client().registered("ada").await;
/// assert_eq!(ada.get("/api/v1/users/me").await.json()["username"], "ada");
///
/// ada.post("/api/users/logout").await.expect(200);
/// ada.get("/api/v1/users/me").await.expect_problem(401, "not_authenticated");
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    router: Router,
    origin: String,
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

impl Client {
    /// A client of any application, which is seen at `origin`.
    #[must_use]
    pub fn of(router: Router, origin: impl Into<String>) -> Self {
        Self {
            router,
            origin: origin.into(),
            prefix: String::new(),
            address: IpAddr::from([192, 0, 2, 1]),
            user_agent: "testkit".into(),
            jar: Arc::default(),
            bearer: None,
        }
    }

    /// Registers and logs in under a prefix, where Vestibule is mounted at one.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
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

    /// Registers `name`, with [`PASSWORD`] and the address `name@example.com`, and is logged in by cookie.
    ///
    /// # Panics
    /// Where the application refuses.
    pub async fn registered(self, name: &str) -> Self {
        let email = format!("{name}@example.com");
        let body = json!({"email": email, "username": name, "password1": PASSWORD, "password2": PASSWORD});
        let _ = self.post(&self.place("/api/users/register")).json(&body).await.expect(200);
        self
    }

    /// Logs `name` in by cookie.
    ///
    /// # Panics
    /// Where the application refuses.
    pub async fn logged_in(self, name: &str) -> Self {
        let _ = self.log_in(name, PASSWORD).await.expect(200);
        self
    }

    /// Tries to log in by cookie.
    pub async fn log_in(&self, name: &str, password: &str) -> Answer {
        self.post(&self.place("/api/users/login")).json(&json!({"login": name, "password": password})).await
    }

    /// Logs `name` in at the token endpoint.
    ///
    /// # Panics
    /// Where the application refuses.
    pub async fn tokens(&self, name: &str) -> Tokens {
        let form = [("username", name), ("password", PASSWORD)];
        let answer = self.post(&self.place("/api/v1/token")).form(&form).await.expect(200);
        Tokens { access: answer.member("access_token"), refresh: answer.member("refresh_token") }
    }

    fn place(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
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
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        RequestBuilder::new(self.clone(), method, path)
    }

    /// Begins a `GET`.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// Begins a `POST`.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    /// Begins a `PUT`.
    pub fn put(&self, path: &str) -> RequestBuilder {
        self.request(Method::PUT, path)
    }

    /// Begins a `PATCH`.
    pub fn patch(&self, path: &str) -> RequestBuilder {
        self.request(Method::PATCH, path)
    }

    /// Begins a `DELETE`.
    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path)
    }

    /// The headers that the client sends of itself.
    pub(crate) fn dress(&self, method: &Method, headers: &mut HeaderMap) {
        let mut add = |name, value: String| {
            headers.insert(name, HeaderValue::try_from(value).expect("a header value"));
        };
        add(header::USER_AGENT, self.user_agent.clone());
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
        request.extensions_mut().insert(PeerAddress(SocketAddr::new(self.address, 40_000)));
        match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// Sends a request as it is, apart from the caller's address; keeps the cookies of the answer.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let answer = Answer::read(self.send_unread(request).await).await;
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
