//! Form bodies: `application/x-www-form-urlencoded` and the text fields of `multipart/form-data`.

use std::borrow::Cow;

use axum::extract::{FromRequest, Multipart, Request};
use bytes::Bytes;
use http::HeaderMap;
use percent_encoding::percent_decode;

use crate::{
    body::{Fields, media_type, read_body, request_of},
    error::{ApiError, Code},
};

/// Extracts a form.
///
/// Another media type is 415, a longer body than the policy allows 413; a field that stands twice (RFC 6749 §3.2), a
/// file, or text that is not UTF-8 is 400.
pub struct FormFields(Fields);

impl FormFields {
    /// The fields, to be taken one by one.
    pub fn fields(self) -> Fields {
        self.0
    }
}

impl<S: Send + Sync> FromRequest<S> for FormFields {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let fields = match media_type(request.headers()).as_deref() {
            Some("application/x-www-form-urlencoded") => parse_urlencoded(&read_body(request).await?),
            Some("multipart/form-data") => {
                let headers = request.headers().clone();
                parse_multipart(read_body(request).await?, headers).await
            }
            _ => return Err(Code::UnsupportedMediaType.into()),
        };
        fields.map(Self)
    }
}

pub(crate) fn parse_urlencoded(body: &[u8]) -> Result<Fields, ApiError> {
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let name = decode(parts.next().unwrap_or_default())?;
        let text = decode(parts.next().unwrap_or_default())?;
        Ok((name, text))
    });
    Fields::from_form(pairs)
}

fn decode(encoded: &[u8]) -> Result<String, ApiError> {
    let spaced: Vec<u8> = encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).decode_utf8().map(Cow::into_owned).map_err(|_| Code::MalformedBody.into())
}

async fn parse_multipart(body: Bytes, headers: HeaderMap) -> Result<Fields, ApiError> {
    let malformed = |error| ApiError::new(Code::MalformedBody).cause(error);
    let mut multipart = Multipart::from_request(request_of(body, headers), &())
        .await
        .map_err(|error| ApiError::new(Code::MalformedBody).cause(error))?;
    let mut pairs = Vec::new();
    while let Some(field) = multipart.next_field().await.map_err(malformed)? {
        let name = match field.name() {
            Some(name) if field.file_name().is_none() => name.to_owned(),
            _ => return Err(Code::MalformedBody.into()),
        };
        let bytes = field.bytes().await.map_err(malformed)?;
        // Strict, unlike `Field::text`, which replaces what it cannot read: a password must not change on its way.
        let text = String::from_utf8(bytes.into()).map_err(|_| ApiError::new(Code::MalformedBody))?;
        pairs.push(Ok((name, text)));
    }
    Fields::from_form(pairs)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use proptest::prelude::*;

    use super::*;

    const URLENCODED: &str = "application/x-www-form-urlencoded";
    const MULTIPART: &str = "multipart/form-data; boundary=XX";

    async fn extract(content_type: &str, body: impl Into<Body>) -> Result<Fields, &'static str> {
        let request =
            http::Request::builder().header("content-type", content_type).body(body.into()).unwrap();
        FormFields::from_request(request, &()).await.map(FormFields::fields).map_err(|error| error.code())
    }

    fn part(head: &str, content: &str) -> String {
        format!("--XX\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    }

    #[tokio::test]
    async fn fields_are_decoded() {
        let multipart =
            part("name=\"username\"", "a da é") + &part("name=\"password\"", " %41+ ") + "--XX--\r\n";
        for (content_type, body) in [
            (URLENCODED, "username=a+da%20%C3%A9&password=%20%2541%2B+&&&flag&=".to_owned()),
            (
                "Application/X-WWW-Form-Urlencoded; charset=utf-8",
                "username=a%20da+é&password=+%2541%2b+".into(),
            ),
            (MULTIPART, multipart),
        ] {
            let mut fields = extract(content_type, body).await.ok().unwrap();
            assert_eq!(fields.required_string("username"), "a da é", "{content_type}");
            assert_eq!(fields.required_string("password"), " %41+ ", "{content_type}");
            assert!(fields.finish().is_ok());
        }
    }

    #[tokio::test]
    async fn forms_that_cannot_be_read() {
        let file = part("name=\"username\"; filename=\"a\"", "x") + "--XX--\r\n";
        let twice = part("name=\"a\"", "1") + &part("name=\"a\"", "2") + "--XX--\r\n";
        let nameless = part("x=y", "1") + "--XX--\r\n";
        let unfinished = part("name=\"a\"", "1");
        for (content_type, body) in [
            (URLENCODED, "a=1&a=2".to_owned()),
            (URLENCODED, "a=1&%61=2".into()),
            (URLENCODED, "a=%ff".into()),
            (URLENCODED, "%ff=a".into()),
            (MULTIPART, file),
            (MULTIPART, twice),
            (MULTIPART, nameless),
            (MULTIPART, unfinished),
            (MULTIPART, "garbage".into()),
            (MULTIPART, String::new()),
            ("multipart/form-data", "--XX--".into()),
        ] {
            let found = extract(content_type, body.clone()).await.err();
            assert_eq!(found, Some("malformed_body"), "{content_type} {body}");
        }
        for content_type in ["application/json", "text/plain", "", "multipart/mixed; boundary=XX"] {
            assert_eq!(extract(content_type, "a=1").await.err(), Some("unsupported_media_type"));
        }
    }

    #[tokio::test]
    async fn t35_too_long_a_form_is_413() {
        for content_type in [URLENCODED, MULTIPART] {
            let found = extract(content_type, crate::testing::endless_body()).await.err();
            assert_eq!(found, Some("payload_too_large"));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, text in "[a&=%+0-9f]{0,40}") {
            let _ = parse_urlencoded(&bytes);
            let _ = parse_urlencoded(text.as_bytes());
        }
    }
}
