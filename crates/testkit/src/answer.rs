//! What came back.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    pub(crate) async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the body can be read").to_bytes();
        Self { status: parts.status, headers: parts.headers, body }
    }

    /// Passes the answer on if it has this status.
    ///
    /// # Panics
    /// Otherwise, with the body.
    #[track_caller]
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    /// Passes the answer on if it is a problem (RFC 9457) of this status and code.
    ///
    /// # Panics
    /// Otherwise, with the body.
    #[track_caller]
    #[must_use]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", answer.text());
        assert_eq!(answer.code(), code, "{}", answer.text());
        answer
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
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
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
        let values = self.headers.get_all(header::SET_COOKIE).iter();
        values.filter_map(|value| SetCookie::parse(value.to_str().ok()?)).collect()
    }

    /// The cookie of a name, without regard to the `__Host-` prefix, if the answer sets or deletes it.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<SetCookie> {
        let plain = |cookie: &SetCookie| cookie.name.strip_prefix("__Host-").unwrap_or(&cookie.name) == name;
        self.cookies().into_iter().find(plain)
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
