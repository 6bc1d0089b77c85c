//! What came back.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(
    clippy::return_self_not_must_use,
    reason = "an assertion is often the last thing that is done with an answer"
)]

use std::fmt;

use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;

/// An answer, read to its end. What asserts passes it on, so that assertions can be chained.
#[derive(Clone, Debug)]
pub struct TestAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// What was asked: method and path.
    asked: String,
}

impl TestAnswer {
    pub(crate) async fn read(asked: String, response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the body can be read").to_bytes();
        Self { status: parts.status, headers: parts.headers, body, asked }
    }

    /// Passes the answer on if it has this status.
    ///
    /// # Panics
    /// Otherwise, with all there is to know.
    #[track_caller]
    pub fn assert_status(self, status: u16) -> Self {
        assert!(self.status.as_u16() == status, "{self} — and not {status}");
        self
    }

    /// Passes the answer on if this is its body.
    ///
    /// # Panics
    /// Otherwise, with all there is to know.
    #[track_caller]
    pub fn assert_text(self, text: &str) -> Self {
        assert!(self.text() == text, "{self} — and not {text:?}");
        self
    }

    /// Passes the answer on if its body contains this.
    ///
    /// # Panics
    /// Otherwise, with all there is to know.
    #[track_caller]
    pub fn assert_contains(self, text: &str) -> Self {
        assert!(self.text().contains(text), "{self} — without {text:?}");
        self
    }

    /// Passes the answer on if its body is this JSON.
    ///
    /// # Panics
    /// Otherwise, with all there is to know.
    #[track_caller]
    pub fn assert_json(self, json: &Value) -> Self {
        assert!(self.json() == *json, "{self} — and not {json}");
        self
    }

    /// Passes the answer on if a header has this value.
    ///
    /// # Panics
    /// Otherwise, with all there is to know.
    #[track_caller]
    pub fn assert_header(self, name: &str, value: &str) -> Self {
        assert!(
            self.header(name) == Some(value),
            "{self} — {name}: {:?} and not {value:?}",
            self.header(name)
        );
        self
    }

    /// Passes the answer on if it leads to another page (a status of 301 to 308 with this `Location`).
    ///
    /// # Panics
    /// Otherwise, with all there is to know.
    #[track_caller]
    pub fn assert_redirect(self, location: &str) -> Self {
        assert!(self.status.is_redirection(), "{self} — which leads nowhere");
        self.assert_header("location", location)
    }

    /// Passes the answer on if it is a problem (RFC 9457) of this status and code.
    ///
    /// # Panics
    /// Otherwise, with all there is to know.
    #[track_caller]
    pub fn assert_problem(self, status: u16, code: &str) -> Self {
        let answer = self.assert_status(status).assert_header("content-type", "application/problem+json");
        assert!(answer.code() == code, "{answer} — and not {code}");
        answer
    }

    /// [`assert_status`](Self::assert_status), as Vestibule's own tests call it.
    #[doc(hidden)]
    #[track_caller]
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        self.assert_status(status)
    }

    /// [`assert_problem`](Self::assert_problem), as Vestibule's own tests call it.
    #[doc(hidden)]
    #[track_caller]
    #[must_use]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        self.assert_problem(status, code)
    }

    /// The body as text; what is no UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// Where it is none.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{self} — no JSON: {error}"))
    }

    /// A text in a JSON body, by its member's name; empty where there is none.
    #[must_use]
    pub fn member(&self, name: &str) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The `code` of a problem; empty where the answer is none.
    #[must_use]
    pub fn code(&self) -> String {
        self.member("code")
    }

    /// A header's value, the first of several.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The cookies it sets or deletes.
    #[must_use]
    pub fn cookies(&self) -> Vec<SetCookie> {
        SetCookie::all(&self.headers)
    }

    /// The cookie of a name, without regard to the `__Host-` prefix, if the answer sets or deletes it.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<SetCookie> {
        let plain = |cookie: &SetCookie| cookie.name.strip_prefix("__Host-").unwrap_or(&cookie.name) == name;
        self.cookies().into_iter().find(plain)
    }
}

/// Method, path, status and body: what a failed test shows.
impl fmt::Display for TestAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = self.header("location").map(|to| format!(" to {to}")).unwrap_or_default();
        write!(f, "{} answered {}{location}: {}", self.asked, self.status.as_u16(), self.text())
    }
}

/// A `Set-Cookie` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetCookie {
    /// The name.
    pub name: String,
    /// The value; empty where the cookie is deleted.
    pub value: String,
    /// The attributes in the order they stand in, for example `Path=/`.
    pub attributes: Vec<String>,
}

impl SetCookie {
    pub(crate) fn all(headers: &HeaderMap) -> Vec<Self> {
        let values = headers.get_all(header::SET_COOKIE).iter();
        values.filter_map(|value| Self::parse(value.to_str().ok()?)).collect()
    }

    fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split("; ");
        let (name, value) = parts.next()?.split_once('=')?;
        let attributes = parts.map(str::to_owned).collect();
        Some(Self { name: name.to_owned(), value: value.to_owned(), attributes })
    }

    /// Whether browsers forget the cookie.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.attributes.iter().any(|attribute| attribute == "Max-Age=0")
    }
}
