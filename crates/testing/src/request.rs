//! A request being put together.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{future::IntoFuture, pin::Pin};

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::{answer::TestAnswer, client::TestClient};

/// A request being put together; awaiting it sends it.
#[must_use = "await it to send it"]
#[derive(Debug)]
pub struct TestRequest {
    client: TestClient,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Body,
}

impl TestRequest {
    pub(crate) fn new(client: TestClient, method: Method, path: &str) -> Self {
        let mut headers = HeaderMap::new();
        client.dress(&method, &mut headers);
        let path = client.path_of(path).to_owned();
        Self { client, method, path, headers, body: Body::empty() }
    }

    /// Sets a header, replacing what the client would send. The value may be any bytes that HTTP allows.
    ///
    /// # Panics
    /// Where HTTP does not allow them.
    pub fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header value");
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// Adds a header beside those of the same name.
    ///
    /// # Panics
    /// Where HTTP does not allow the value.
    pub fn another_header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header value");
        self.headers.append(HeaderName::from_static(name), value);
        self
    }

    /// Leaves a header out that the client would send.
    pub fn without(mut self, name: &'static str) -> Self {
        self.headers.remove(HeaderName::from_static(name));
        self
    }

    /// Sends a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Sends a form body, `application/x-www-form-urlencoded`.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs: Vec<_> =
            fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        self.header("content-type", "application/x-www-form-urlencoded").body(pairs.join("&"))
    }

    /// Sends this body, whatever `Content-Type` says.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the request.
    ///
    /// # Panics
    /// Where the path is none.
    pub async fn send(self) -> TestAnswer {
        let mut request = Request::builder().method(self.method).uri(self.path);
        if let Some(headers) = request.headers_mut() {
            *headers = self.headers;
        }
        let request = request.body(self.body).expect("a path");
        self.client.send(request).await
    }
}

impl IntoFuture for TestRequest {
    type Output = TestAnswer;
    type IntoFuture = Pin<Box<dyn Future<Output = TestAnswer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
