//! Where tokens are looked for, in the application's order: the first place that holds something decides, and what is
//! bad there is never skipped.

use http::{HeaderName, HeaderValue, header, request::Parts};
use percent_encoding::percent_decode_str;
use vestibule_token::bearer::{Bearer, is_token};

use crate::{
    body::BodyToken,
    cookies::{Cookie, read_cookie},
    same_origin::is_web_socket,
};

/// The usual name of the cookie, the query parameter and the field.
const USUAL_NAME: &str = "access_token";

/// A place where a request may carry its token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A bearer token in the `Authorization` header (RFC 6750 §2.1). Another scheme counts as absent.
    Header,
    /// A header with another name, with or without `Bearer` before the token.
    HeaderNamed(HeaderName),
    /// A cookie; where cookies are `Secure`, its name gets the prefix `__Host-`.
    Cookie(String),
    /// A parameter of the query. It ends up in logs and histories: for links that live for minutes.
    Query(String),
    /// A parameter of the query, in requests for a WebSocket only: browsers cannot set headers there.
    WebSocketQuery(String),
    /// A field of a JSON body; it needs [`LoginManager::layer`](crate::LoginManager::layer), since extractors do not
    /// read bodies.
    Body(String),
}

impl Location {
    /// The cookie `access_token`.
    #[must_use]
    pub fn cookie() -> Self {
        Self::Cookie(USUAL_NAME.into())
    }

    /// The query parameter `access_token`.
    #[must_use]
    pub fn query() -> Self {
        Self::Query(USUAL_NAME.into())
    }

    /// The query parameter `access_token` of requests for a WebSocket.
    #[must_use]
    pub fn web_socket_query() -> Self {
        Self::WebSocketQuery(USUAL_NAME.into())
    }

    /// The field `access_token` of a JSON body.
    #[must_use]
    pub fn body() -> Self {
        Self::Body(USUAL_NAME.into())
    }

    /// The parameter of the query that it is.
    pub(crate) fn parameter(&self) -> Option<String> {
        match self {
            Self::Query(name) | Self::WebSocketQuery(name) => Some(name.clone()),
            _ => None,
        }
    }

    /// What a request has here; a cookie's name carries its prefix.
    pub(crate) fn read(&self, parts: &Parts) -> Found {
        match self {
            Self::Header => match read_bearer(parts) {
                Bearer::Absent => Found::Nothing,
                Bearer::Present(token) => Found::Token(token.to_owned()),
                Bearer::Malformed => Found::Garbage,
            },
            Self::HeaderNamed(name) if *name == header::AUTHORIZATION => Self::Header.read(parts),
            Self::HeaderNamed(name) => read_header(parts, name),
            Self::Cookie(name) => match read_cookie(&parts.headers, name) {
                Cookie::Absent => Found::Nothing,
                Cookie::Present(token) => Found::Token(token.to_owned()),
                Cookie::Malformed => Found::Garbage,
            },
            Self::Query(name) => read_query(parts, name),
            Self::WebSocketQuery(name) if is_web_socket(&parts.headers) => read_query(parts, name),
            Self::WebSocketQuery(_) => Found::Nothing,
            Self::Body(_) => match parts.extensions.get() {
                Some(BodyToken::Present(token)) => Found::Token(token.clone()),
                Some(BodyToken::Malformed) => Found::Garbage,
                Some(BodyToken::Absent) => Found::Nothing,
                None => Found::Unread,
            },
        }
    }
}

/// What a place holds.
#[derive(PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    Token(String),
    Garbage,
    /// It is the body's, which nobody has read.
    Unread,
}

fn read_bearer(parts: &Parts) -> Bearer<'_> {
    Bearer::read(parts.headers.get_all(header::AUTHORIZATION).iter().map(HeaderValue::as_bytes))
}

fn read_header(parts: &Parts, name: &HeaderName) -> Found {
    let mut values = parts.headers.get_all(name).iter();
    let Some(value) = values.next() else { return Found::Nothing };
    let (Ok(value), None) = (value.to_str(), values.next()) else { return Found::Garbage };
    let token = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_matches(' '),
        _ => value,
    };
    if is_token(token) { Found::Token(token.to_owned()) } else { Found::Garbage }
}

fn read_query(parts: &Parts, name: &str) -> Found {
    let pairs = parts.uri.query().unwrap_or_default().split('&');
    let mut values = pairs.filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        percent_decode_str(key).eq(name.bytes()).then_some(value)
    });
    let Some(value) = values.next() else { return Found::Nothing };
    let (Ok(token), None) = (percent_decode_str(value).decode_utf8(), values.next()) else {
        return Found::Garbage;
    };
    if is_token(&token) { Found::Token(token.into_owned()) } else { Found::Garbage }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use proptest::prelude::*;

    use super::*;

    fn query(uri: &str) -> Found {
        Location::query().read(&Request::get(uri).body(()).unwrap().into_parts().0)
    }

    #[test]
    fn t14_a_malformed_query_is_not_an_absent_one() {
        for uri in ["/", "/?", "/?x=1", "/?access_tokenx=a", "/?Access_Token=a", "/?x=access_token=a"] {
            assert!(query(uri) == Found::Nothing, "{uri}");
        }
        for uri in ["/?access_token=a.b", "/?x=1&access_token=a%2Eb", "/?%61ccess_token=a.b&&"] {
            assert!(query(uri) == Found::Token("a.b".into()), "{uri}");
        }
        for uri in [
            "/?access_token=",
            "/?access_token",
            "/?access_token=a&access_token=a",
            "/?access_token=a&%61ccess_token=b",
            "/?access_token=a%20b",
            "/?access_token=%ff",
            "/?access_token=a%",
            "/?access_token=%00",
        ] {
            assert!(query(uri) == Found::Garbage, "{uri}");
        }
    }

    #[test]
    fn a_header_of_another_name_holds_a_token_or_garbage() {
        let name = HeaderName::from_static("x-token");
        let read = |values: &[&str]| {
            let mut request = Request::get("/");
            for value in values {
                request = request.header("x-token", value.as_bytes());
            }
            Location::HeaderNamed(name.clone()).read(&request.body(()).unwrap().into_parts().0)
        };
        assert!(read(&[]) == Found::Nothing);
        for value in ["a.b", "Bearer a.b", "bearer  a.b "] {
            assert!(read(&[value]) == Found::Token("a.b".into()), "{value}");
        }
        for values in [&[""][..], &["Bearer "], &["Basic a"], &["é"], &["a", "a"], &["a b"]] {
            assert!(read(values) == Found::Garbage, "{values:?}");
        }
    }

    #[test]
    fn a_query_for_web_sockets_is_no_query_for_pages() {
        let read = |request: http::request::Builder| {
            Location::web_socket_query().read(&request.body(()).unwrap().into_parts().0)
        };
        assert!(read(Request::get("/?access_token=a")) == Found::Nothing);
        let upgrade = Request::get("/?access_token=a").header("upgrade", "websocket");
        assert!(read(upgrade) == Found::Token("a".into()));
    }

    proptest! {
        #[test]
        fn t28_no_query_panics(text in "[!-~]{0,80}") {
            if let Ok(request) = Request::get(format!("/?{text}")).body(()) {
                let _ = Location::query().read(&request.into_parts().0);
            }
        }
    }
}
