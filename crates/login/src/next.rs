//! Where to go after the login: only ever a place of this application.
//!
//! `next` is written by whoever makes a link, so an attacker may have chosen it. What a browser, a proxy or a careless
//! decoder could read as another host is no place.

use std::{convert::Infallible, fmt};

use axum::extract::FromRequestParts;
use http::{Uri, request::Parts};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The longest place that is remembered, in bytes.
const MAX_LENGTH: usize = 2048;
/// The usual parameter's name.
pub(crate) const PARAMETER: &str = "next";
/// What may stand in a query's value as it is.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A place in this application: a path, with its query where there is one. Nothing else can be in here.
///
/// As an extractor it reads the parameter `next` of the query; what is absent, doubled or no such place is `/`.
///
/// ```
/// use vestibule_login::Next;
///
/// assert_eq!(Next::read("/posts?page=2").unwrap().as_str(), "/posts?page=2");
/// assert!(Next::read("//evil.example").is_none());
/// assert!(Next::read("https://evil.example").is_none());
///
/// // A login route sends its visitor on:
/// async fn log_in(next: Next) -> axum::response::Redirect {
///     axum::response::Redirect::to(next.as_str())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next(String);

impl Next {
    /// Takes a place if it is one.
    #[must_use]
    pub fn read(place: &str) -> Option<Self> {
        is_local(place).then(|| Self(place.to_owned()))
    }

    /// The way in: `/`.
    #[must_use]
    pub fn home() -> Self {
        Self("/".to_owned())
    }

    /// The place, for a redirect.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The place that a request asks for, if one can come back to it, without the parameters of these names: tokens stay
    /// out of the login page's address, and one that was refused is not refused again on the way back.
    pub(crate) fn of_request(uri: &Uri, hidden: &[String]) -> Option<Self> {
        let is_hidden = |pair: &&str| hidden.iter().any(|name| is_named(pair, name));
        let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !is_hidden(pair));
        let query = pairs.collect::<Vec<_>>().join("&");
        let joint = if query.is_empty() { "" } else { "?" };
        Self::read(&format!("{}{joint}{query}", uri.path()))
    }

    /// A page's address with this place in its query.
    pub(crate) fn append_to(&self, page: &str) -> String {
        let joint = if page.contains('?') { '&' } else { '?' };
        format!("{page}{joint}{PARAMETER}={}", utf8_percent_encode(&self.0, VALUE))
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Next {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(from_query(parts.uri.query().unwrap_or_default()).unwrap_or_else(Self::home))
    }
}

/// Whether a pair of a query has this name, as whoever decodes it reads it.
fn is_named(pair: &str, name: &str) -> bool {
    percent_decode_str(pair.split('=').next().unwrap_or_default()).eq(name.bytes())
}

fn from_query(query: &str) -> Option<Next> {
    let mut values = query.split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        percent_decode_str(name).eq(PARAMETER.bytes()).then_some(value)
    });
    let (value, None) = (values.next()?, values.next()) else { return None };
    Next::read(&percent_decode_str(&value.replace('+', " ")).decode_utf8().ok()?)
}

/// Whether a text, and what it becomes when it is decoded once or twice more, is a path of this host.
fn is_local(place: &str) -> bool {
    let path = place.split(['?', '#']).next().unwrap_or_default();
    let once = percent_decode_str(path).collect::<Vec<_>>();
    let twice = percent_decode_str(&String::from_utf8_lossy(&once)).collect::<Vec<_>>();
    // Printable ASCII without what URL parsers strip, turn around or stop at (RFC 3986 §2).
    let is_plain =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`');
    let is_uri = place.bytes().all(is_plain) && !place.contains('#');
    place.len() <= MAX_LENGTH && is_uri && [path.as_bytes(), &once, &twice].iter().all(|path| is_path(path))
}

/// A path that begins with one slash, and has nothing in it that another reader could turn into two.
fn is_path(path: &[u8]) -> bool {
    let has_dots = path.split(|byte| *byte == b'/').any(|segment| segment == b"." || segment == b"..");
    let has_odd = path.iter().any(|byte| *byte == b'\\' || byte.is_ascii_control());
    path.starts_with(b"/") && !path.windows(2).any(|pair| pair == b"//") && !has_dots && !has_odd
}

#[cfg(test)]
mod tests {
    use http::Request;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn places_of_this_application_are_taken_as_they_are() {
        for place in [
            "/",
            "/posts",
            "/posts/a-slug/",
            "/posts?page=2&tag=a%20b",
            "/search?q=https://elsewhere.example/",
            "/search?q=//",
            "/a%C3%A9",
            "/@ada",
            "/a:b",
            "/...",
        ] {
            assert_eq!(Next::read(place).map(|next| next.0), Some(place.to_owned()), "{place}");
        }
    }

    /// Duende CVE-2024-39694: an open redirect. The corpus of tricks.
    #[test]
    fn t56_t23_next_is_a_path_of_this_application_and_nothing_else() {
        for trick in [
            "",
            "posts",
            "evil.example",
            "//evil.example",
            "///evil.example",
            "////evil.example",
            "//evil.example/%2f..",
            "/\\evil.example",
            "\\\\evil.example",
            "\\/evil.example",
            "/\\/evil.example",
            "/%5cevil.example",
            "/%5C%5Cevil.example",
            "/%255cevil.example",
            "/%2fevil.example",
            "/%2Fevil.example",
            "/%252fevil.example",
            "%2f%2fevil.example",
            "/./evil.example",
            "/.//evil.example",
            "/..//evil.example",
            "/%2e%2e//evil.example",
            "/%2e/evil.example",
            "/a/../../evil.example",
            "/a//evil.example",
            "/\t/evil.example",
            "/%09/evil.example",
            "\t//evil.example",
            " //evil.example",
            " /posts",
            "/\n/evil.example",
            "/%0d%0aLocation:%20https://evil.example",
            "/\r\nSet-Cookie: x=y",
            "/posts\u{0}",
            "/%00/evil.example",
            "/\u{a0}/evil.example",
            "/\u{2215}evil.example",
            "/\u{ff0f}evil.example",
            "https://evil.example",
            "HTTPS://evil.example",
            "http:evil.example",
            "https:/evil.example",
            "https:\\\\evil.example",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "/javascript:alert(1)//",
            "data:text/html,x",
            "vbscript:x",
            "@evil.example",
            "user:pass@evil.example",
            "?next=/",
            "#fragment",
            "/posts#fragment",
            "/posts <script>",
            "/posts\"onload=x",
            "é",
        ] {
            assert_eq!(Next::read(trick), None, "{trick:?}");
        }
        assert_eq!(Next::read(&format!("/{}", "x".repeat(MAX_LENGTH))), None);
    }

    #[test]
    fn t56_a_query_names_its_next_once() {
        for (query, expected) in [
            ("next=%2Fposts%3Fpage%3D2", Some("/posts?page=2")),
            ("x=1&next=/posts", Some("/posts")),
            ("%6eext=/posts", Some("/posts")),
            ("", None),
            ("next", None),
            ("next=", None),
            ("next=/a&next=/b", None),
            ("next=/a&%6eext=//evil.example", None),
            ("next=%2F%2Fevil.example", None),
            ("next=%ff", None),
            ("Next=/posts", None),
        ] {
            assert_eq!(from_query(query).as_ref().map(Next::as_str), expected, "{query}");
        }
    }

    proptest! {
        /// A browser resolves what passes to our own host, whatever it is.
        #[test]
        fn t56_whatever_passes_stays_here(text in "[/\\\\.a-z%2fF5cC0-9:@?#\\t ]{0,24}") {
            if let Some(next) = Next::read(&text) {
                let uri: Uri = next.as_str().parse().unwrap();
                prop_assert!(uri.host().is_none() && uri.scheme().is_none() && uri.path().starts_with('/'));
                prop_assert!(!uri.path().starts_with("//"));
            }
        }

        #[test]
        fn what_is_appended_comes_back(path in "/[a-zA-Z0-9._~-]{1,20}", query in "[a-z=&%0-9]{0,20}") {
            let place = format!("{path}?{query}");
            if let Some(next) = Next::read(&place) {
                let page = next.append_to("/login?lang=de");
                let request = Request::get(&page).body(()).unwrap();
                prop_assert_eq!(from_query(request.uri().query().unwrap()), Some(next));
            }
        }
    }
}
