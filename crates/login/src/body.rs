//! A token in a JSON body: read by the layer, within a limit, and put back for whoever reads the body next.

use std::error::Error;

use axum::body::Body;
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use vestibule_token::{bearer::is_token, strict_json::parse_object};

use crate::{authenticator::BadToken, refusal::Refusal};

/// The longest body that is looked through, in bytes.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// What a JSON body holds for us, as a request extension.
#[derive(Clone)]
pub(crate) enum BodyToken {
    Absent,
    Present(String),
    Malformed,
}

/// Looks for the token in a field of the body, and leaves the body as it was.
pub(crate) async fn read_body(request: Request<Body>, field: &str) -> Result<Request<Body>, Refusal> {
    if !is_json(request.headers()) {
        return Ok(with(request, BodyToken::Absent));
    }
    let (parts, body) = request.into_parts();
    let bytes = match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if is_too_long(&*error) => return Err(Refusal::PayloadTooLarge),
        // Whoever sends it has gone away, or breaks its framing.
        Err(_) => return Err(Refusal::InvalidToken(BadToken::Unreadable)),
    };
    let found = token_in(&bytes, field);
    Ok(with(Request::from_parts(parts, Body::from(bytes)), found))
}

/// Whether a limit stopped it, this one or one of the application's own further out.
fn is_too_long(error: &(dyn Error + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(is_too_long)
}

fn with(mut request: Request<Body>, found: BodyToken) -> Request<Body> {
    request.extensions_mut().insert(found);
    request
}

/// Unparsable JSON may hold a token that another reader sees: it is not absent.
fn token_in(bytes: &[u8], field: &str) -> BodyToken {
    let Some(object) = parse_object(bytes) else {
        let is_other_json = serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok();
        let is_object = bytes.trim_ascii_start().starts_with(b"{");
        let is_harmless = bytes.is_empty() || (is_other_json && !is_object);
        return if is_harmless { BodyToken::Absent } else { BodyToken::Malformed };
    };
    match object.get(field).map(serde_json::Value::as_str) {
        None => BodyToken::Absent,
        Some(Some(token)) if is_token(token) => BodyToken::Present(token.to_owned()),
        Some(_) => BodyToken::Malformed,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
        || kind.len() > 5 && kind.get(kind.len() - 5..).is_some_and(|end| end.eq_ignore_ascii_case("+json"))
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };

    use axum::body::HttpBody;
    use http_body::Frame;

    use super::*;

    #[test]
    fn t07_t14_an_unparsable_body_is_not_an_absent_token() {
        for body in
            ["", "{}", "{\"x\":1}", "[1]", "1", "\"access_token\"", "{\"x\":{\"access_token\":\"a\"}}"]
        {
            assert!(matches!(token_in(body.as_bytes(), "access_token"), BodyToken::Absent), "{body}");
        }
        let found = token_in(br#" {"access_token":"a.b","x":1}"#, "access_token");
        assert!(matches!(found, BodyToken::Present(token) if token == "a.b"));
        for body in [
            "{",
            "nonsense",
            r#"{"access_token":null}"#,
            r#"{"access_token":1}"#,
            r#"{"access_token":""}"#,
            r#"{"access_token":"a b"}"#,
            r#"{"access_token":["a"]}"#,
            r#"{"access_token":"a","access_token":"a"}"#,
            r#"{"access_token":"a"} x"#,
            "{\"access_token\":\"\\ud800\"}",
        ] {
            assert!(matches!(token_in(body.as_bytes(), "access_token"), BodyToken::Malformed), "{body}");
        }
    }

    async fn refusal_of(body: Body) -> Refusal {
        let request = Request::post("/").header(header::CONTENT_TYPE, "application/json");
        read_body(request.body(body).unwrap(), "access_token").await.err().unwrap()
    }

    /// A body whose sender goes away.
    struct Broken;

    impl HttpBody for Broken {
        type Data = axum::body::Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
            Poll::Ready(Some(Err(std::io::Error::other("gone"))))
        }
    }

    #[tokio::test]
    async fn a_body_that_ends_early_is_the_callers_fault() {
        let refusal = refusal_of(Body::new(Broken)).await;
        assert!(matches!(refusal, Refusal::InvalidToken(BadToken::Unreadable)), "{refusal:?}");
        // A limit of the application's own, around ours.
        let limited = Body::new(Limited::new(Body::from(vec![b' '; 100]), 10));
        assert!(matches!(refusal_of(limited).await, Refusal::PayloadTooLarge));
        assert!(matches!(refusal_of(Body::from(vec![b' '; MAX_BODY + 1])).await, Refusal::PayloadTooLarge));
    }

    #[test]
    fn only_json_is_looked_through() {
        for (kind, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/vnd.api+json", true),
            ("application/x-www-form-urlencoded", false),
            ("text/plain", false),
            ("+json", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
            assert_eq!(is_json(&headers), expected, "{kind}");
        }
    }
}
