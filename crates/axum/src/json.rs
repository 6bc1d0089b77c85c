//! JSON bodies: an object without duplicate members, or an error that repeats nothing of it.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use serde_json::{Map, Value};
use vestibule_core::values::strict_json::parse_object;

use crate::{
    body::{Fields, media_type, read_body},
    error::{ApiError, Code},
};

/// Extracts a JSON object.
///
/// Another media type than `application/json` is 415, a longer body than the policy allows 413; broken JSON, a
/// duplicate member at any depth, anything but an object, more than 128 levels or text that is not Unicode is 400.
pub struct JsonObject(Map<String, Value>);

impl JsonObject {
    /// The members, to be taken one by one.
    pub fn fields(self) -> Fields {
        Fields::from_json(self.0)
    }

    /// The members, all at once.
    #[must_use]
    pub fn into_members(self) -> Map<String, Value> {
        self.0
    }

    fn parse(bytes: &Bytes) -> Result<Self, ApiError> {
        parse_object(bytes).map(Self).ok_or_else(|| Code::MalformedBody.into())
    }
}

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        if media_type(request.headers()).as_deref() != Some("application/json") {
            return Err(Code::UnsupportedMediaType.into());
        }
        Self::parse(&read_body(request).await?)
    }
}

/// Extracts a JSON object from a route whose body may be left out: no body is an empty object, whatever its type.
pub struct OptionalJsonObject(JsonObject);

impl OptionalJsonObject {
    /// The members, to be taken one by one.
    pub fn fields(self) -> Fields {
        self.0.fields()
    }
}

impl<S: Send + Sync> FromRequest<S> for OptionalJsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let is_json = media_type(request.headers()).as_deref() == Some("application/json");
        let bytes = read_body(request).await?;
        if bytes.is_empty() {
            return Ok(Self(JsonObject(Map::new())));
        }
        if !is_json {
            return Err(Code::UnsupportedMediaType.into());
        }
        JsonObject::parse(&bytes).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use proptest::prelude::*;

    use super::*;

    async fn code_of(content_type: Option<&str>, body: impl Into<Body>) -> &'static str {
        let mut request = http::Request::builder();
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let request = request.body(body.into()).unwrap();
        JsonObject::from_request(request, &()).await.err().map_or("ok", |error| error.code())
    }

    #[tokio::test]
    async fn media_types() {
        for content_type in [
            "application/json",
            "Application/JSON",
            "application/json; charset=latin1",
            "application/json ;x",
        ] {
            assert_eq!(code_of(Some(content_type), "{}").await, "ok", "{content_type}");
        }
        for content_type in ["text/plain", "application/problem+json", "", ";", "application/jsonx"] {
            assert_eq!(code_of(Some(content_type), "{}").await, "unsupported_media_type", "{content_type}");
        }
        assert_eq!(code_of(None, "{}").await, "unsupported_media_type");
    }

    #[tokio::test]
    async fn bodies_that_cannot_be_read() {
        let deep = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
        let deep_list = format!("{{\"a\":{}", "[".repeat(10_000));
        for body in [
            "",
            "null",
            "[]",
            "\"x\"",
            "1",
            "{",
            "{}{}",
            "{\"a\":1,\"a\":2}",
            "{\"a\":{\"b\":1,\"\\u0062\":2}}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\\udc00\\ud800\"}",
            "{'a':1}",
            "\u{feff}{}",
            &deep,
            &deep_list,
        ] {
            assert_eq!(
                code_of(Some("application/json"), body.to_owned()).await,
                "malformed_body",
                "{body:.40}"
            );
        }
        assert_eq!(code_of(Some("application/json"), b"{\"a\":\"\xff\"}".to_vec()).await, "malformed_body");
    }

    #[tokio::test]
    async fn t35_too_long_a_body_is_413_with_or_without_a_length() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(64 * 1024));
        assert_eq!(code_of(Some("application/json"), long).await, "payload_too_large");
        let endless = crate::testing::endless_body();
        assert_eq!(code_of(Some("application/json"), endless).await, "payload_too_large");
    }

    #[tokio::test]
    async fn an_optional_body_may_be_left_out_but_not_be_garbage() {
        for (content_type, body, expected) in [
            ("text/plain", "", "ok"),
            ("application/json", "", "ok"),
            ("application/json", "{\"scope\":\"all\"}", "ok"),
            ("application/json", "{", "malformed_body"),
            ("text/plain", "{}", "unsupported_media_type"),
        ] {
            let request = http::Request::builder().header("content-type", content_type);
            let request = request.body(Body::from(body)).unwrap();
            let found = OptionalJsonObject::from_request(request, &()).await;
            assert_eq!(found.err().map_or("ok", |error| error.code()), expected, "{content_type} {body}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, text in "[\\[\\]{}\",:\\\\ua0-9]{0,64}") {
            for body in [bytes, text.into_bytes()] {
                if let Ok(object) = JsonObject::parse(&Bytes::from(body)) {
                    let mut fields = object.fields();
                    fields.required_string("a");
                    let _ = fields.finish();
                }
            }
        }
    }
}
