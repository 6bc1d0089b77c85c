//! Whether a request comes from our own pages: the defence against cross-site request forgery (SPEC §2).

mod origin;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

pub use self::origin::{NoOrigin, Origin};

/// Whether a request that a cookie authenticates must prove where it comes from: it may change something, or it opens a
/// WebSocket, which foreign pages may do and read.
#[must_use]
pub fn needs_proof(method: &Method, headers: &HeaderMap) -> bool {
    // RFC 9110 §9.2.1.
    let is_safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    !is_safe || is_web_socket(headers)
}

/// Whether a request asks for a WebSocket (RFC 6455 §4.1).
#[must_use]
pub fn is_web_socket(headers: &HeaderMap) -> bool {
    let is_named = |value: &HeaderValue| {
        value
            .to_str()
            .is_ok_and(|names| names.split(',').any(|name| name.trim().eq_ignore_ascii_case("websocket")))
    };
    headers.get_all(header::UPGRADE).iter().any(is_named)
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Which origins are ours, which are trusted like ours, and which may read answers.
#[derive(Clone, Debug)]
pub struct OriginPolicy {
    trusted: Vec<Origin>,
    cors: Vec<Origin>,
    /// Whether the origin of the host that was asked is trusted; for applications that do not know their own address.
    trusts_own_host: bool,
}

impl OriginPolicy {
    /// Trusts the origin of `public_url` and no other.
    #[must_use]
    pub fn new(public_origin: Origin) -> Self {
        Self { trusted: vec![public_origin], cors: Vec::new(), trusts_own_host: false }
    }

    /// Trusts the host that a request was sent to, whatever it is: browsers set `Host`, and foreign pages cannot.
    ///
    /// # Security
    /// It cannot tell http from https; name the public origin where you know it.
    #[must_use]
    pub const fn of_own_host() -> Self {
        Self { trusted: Vec::new(), cors: Vec::new(), trusts_own_host: true }
    }

    fn trusts(&self, origin: &Origin, headers: &HeaderMap) -> bool {
        self.trusted.contains(origin) || (self.trusts_own_host && is_own_host(origin, headers))
    }

    /// Trusts the other names of the loopback interface too, if the public origin is on it; for development.
    #[must_use]
    pub fn with_loopback_aliases(mut self) -> Self {
        let aliases: Vec<_> = self.trusted.iter().flat_map(Origin::loopback_aliases).collect();
        self.trusted.extend(aliases);
        self
    }

    /// Trusts further origins as if they were ours (`allowed_origins`).
    #[must_use]
    pub fn with_allowed(mut self, origins: impl IntoIterator<Item = Origin>) -> Self {
        self.trusted.extend(origins);
        self
    }

    /// Lets scripts of further origins read answers, without cookies (`cors_origins`).
    #[must_use]
    pub fn with_cors(mut self, origins: impl IntoIterator<Item = Origin>) -> Self {
        self.cors.extend(origins);
        self
    }

    /// Whether any origin may read answers.
    #[must_use]
    pub fn has_cors(&self) -> bool {
        !self.cors.is_empty()
    }

    /// The request's `Origin` if its scripts may read the answer.
    #[must_use]
    pub fn cors_origin<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        if self.cors.is_empty() {
            return None;
        }
        let value = headers.get(header::ORIGIN)?;
        match origin_of(headers) {
            Claim::Known(origin) if self.cors.contains(&origin) => Some(value),
            _ => None,
        }
    }

    /// Whether a request proves that it comes from our own pages or from ones we trust alike.
    ///
    /// # Security
    /// Ask this before an unsafe request that a cookie authenticates does anything.
    #[must_use]
    pub fn prove_same_origin(&self, headers: &HeaderMap) -> bool {
        match origin_of(headers) {
            Claim::Known(origin) if self.trusts(&origin, headers) => true,
            Claim::Malformed => false,
            // Forms of pages with `Referrer-Policy: no-referrer`, such as ours, send `Origin: null`.
            Claim::Known(_) | Claim::Opaque | Claim::Absent => is_fetched_from_same_origin(headers),
        }
    }

    /// Whether a request says that it comes from a foreign page; a client that is no browser says nothing.
    ///
    /// # Security
    /// Ask this on routes that set cookies: it keeps other sites from logging a visitor into the attacker's account.
    #[must_use]
    pub fn is_foreign(&self, headers: &HeaderMap) -> bool {
        match origin_of(headers) {
            // Behind a proxy the request names another host than the browser did, which then tells by itself; where the
            // origin is configured, nothing else is asked.
            Claim::Known(origin) => {
                let is_told = self.trusts_own_host && is_fetched_from_same_origin(headers);
                !is_told && !self.trusts(&origin, headers)
            }
            Claim::Malformed => true,
            Claim::Opaque => !is_fetched_from_same_origin(headers),
            Claim::Absent => is_fetched_from_elsewhere(headers),
        }
    }

    /// Whether a form of one of our pages is sent by a foreign one, as far as the browser tells: over plain http it says
    /// nothing but `Origin: null` of the forms of pages that hide their address.
    ///
    /// # Security
    /// Only for what a secret in the form's own address allows anyway.
    #[must_use]
    pub fn is_said_to_be_foreign(&self, headers: &HeaderMap) -> bool {
        match origin_of(headers) {
            Claim::Opaque => is_fetched_from_elsewhere(headers),
            _ => self.is_foreign(headers),
        }
    }
}

/// Whether an origin is the host that the request names, once.
fn is_own_host(origin: &Origin, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    ["http", "https"].iter().any(|scheme| format!("{scheme}://{host}").parse().as_ref() == Ok(origin))
}

/// What a request's `Origin` says.
enum Claim {
    Absent,
    Known(Origin),
    /// `null`: the browser does not tell.
    Opaque,
    /// Garbage, or several at once.
    Malformed,
}

fn origin_of(headers: &HeaderMap) -> Claim {
    let mut values = headers.get_all(header::ORIGIN).iter();
    match (values.next(), values.next()) {
        (None, _) => Claim::Absent,
        (Some(value), None) if value == "null" => Claim::Opaque,
        (Some(value), None) => {
            value.to_str().ok().and_then(|text| text.parse().ok()).map_or(Claim::Malformed, Claim::Known)
        }
        (Some(_), Some(_)) => Claim::Malformed,
    }
}

fn is_fetched_from_elsewhere(headers: &HeaderMap) -> bool {
    let is_own = |value: &HeaderValue| value == "same-origin" || value == "none";
    !headers.get_all(SEC_FETCH_SITE).iter().all(is_own)
}

/// Browsers set `Sec-Fetch-Site`, scripts cannot.
fn is_fetched_from_same_origin(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(SEC_FETCH_SITE).iter();
    values.next().is_some_and(|value| value == "same-origin") && values.next().is_none()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy() -> OriginPolicy {
        let origin = |text: &str| text.parse::<Origin>().unwrap();
        OriginPolicy::new(origin("https://id.example.org"))
            .with_allowed([origin("https://app.example.org")])
            .with_cors([origin("https://spa.example.net")])
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let header = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        pairs.iter().map(header).collect()
    }

    #[test]
    fn origins_are_normalised() {
        for (text, expected) in [
            ("HTTPS://ID.Example.org:443", "https://id.example.org"),
            ("http://localhost:80", "http://localhost"),
            ("http://[0:0::1]:8000", "http://[::1]:8000"),
            ("https://a:80", "https://a:80"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().as_str(), expected);
        }
        assert_eq!(Origin::of_url("https://a.example/b?c#d").unwrap().as_str(), "https://a.example");
        for text in [
            "",
            "null",
            "a.example",
            "ftp://a",
            "https://",
            "https://a/",
            "https://u@a",
            "https://a:",
            "https://a:x",
            "https://a:+1",
            "https://a:99999",
            "https://é.example",
            "https://[::1",
            "https://a b",
            "https://a, https://b",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn proofs_of_origin() {
        let own = "https://id.example.org";
        // (headers, proves, is foreign)
        for (pairs, proves, foreign) in [
            (&[][..], false, false),
            (&[("origin", own)], true, false),
            (&[("origin", "https://ID.example.org:443")], true, false),
            (&[("origin", "https://app.example.org")], true, false),
            (&[("origin", "https://app.example.org"), ("sec-fetch-site", "same-site")], true, false),
            (&[("sec-fetch-site", "same-origin")], true, false),
            (&[("sec-fetch-site", "none")], false, false),
            (&[("sec-fetch-site", "same-site")], false, true),
            (&[("sec-fetch-site", "cross-site")], false, true),
            (&[("sec-fetch-site", "garbage")], false, true),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], false, true),
            (&[("origin", "null")], false, true),
            (&[("origin", "null"), ("sec-fetch-site", "same-origin")], true, false),
            (&[("origin", "null"), ("sec-fetch-site", "cross-site")], false, true),
            (&[("origin", "http://id.example.org")], false, true),
            (&[("origin", "https://id.example.org.evil.example")], false, true),
            (&[("origin", "https://evil.example")], false, true),
            (&[("origin", "https://spa.example.net")], false, true),
            (&[("origin", "https://id.example.org/")], false, true),
            (&[("origin", "\u{e9}")], false, true),
            (&[("origin", own), ("origin", own)], false, true),
            (&[("origin", own), ("origin", own), ("sec-fetch-site", "same-origin")], false, true),
        ] {
            let headers = headers(pairs);
            assert_eq!(policy().prove_same_origin(&headers), proves, "{pairs:?}");
            assert_eq!(policy().is_foreign(&headers), foreign, "{pairs:?}");
            let only_says_null = pairs == [("origin", "null")];
            assert_eq!(policy().is_said_to_be_foreign(&headers), foreign && !only_says_null, "{pairs:?}");
        }
    }

    #[test]
    fn where_nobody_named_our_address_the_host_that_was_asked_is_ours() {
        let policy = OriginPolicy::of_own_host();
        for (pairs, proves) in [
            (&[("host", "app.example:8443"), ("origin", "https://app.example:8443")][..], true),
            (&[("host", "App.example"), ("origin", "https://app.example")], true),
            (&[("host", "app.example"), ("origin", "http://app.example")], true),
            (&[("host", "app.example"), ("origin", "https://evil.example")], false),
            (&[("host", "app.example"), ("origin", "https://app.example.evil.example")], false),
            (&[("host", "app.example"), ("origin", "null")], false),
            (&[("host", "app.example")], false),
            (&[("origin", "https://app.example")], false),
            (&[("host", "app.example"), ("host", "evil.example"), ("origin", "https://evil.example")], false),
            (&[("host", "evil.example/"), ("origin", "https://evil.example")], false),
        ] {
            assert_eq!(policy.prove_same_origin(&headers(pairs)), proves, "{pairs:?}");
        }
    }

    #[test]
    fn our_own_login_page_is_not_foreign_behind_a_proxy_that_names_another_host() {
        let own = [("origin", "https://app.example"), ("sec-fetch-site", "same-origin")];
        let foreign = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
        for host in [None, Some(("host", "127.0.0.1:3000"))] {
            let sent = |pairs: &[(&'static str, &'static str)]| {
                headers(&pairs.iter().copied().chain(host).collect::<Vec<_>>())
            };
            assert!(!OriginPolicy::of_own_host().is_foreign(&sent(&own)), "{host:?}");
            assert!(OriginPolicy::of_own_host().is_foreign(&sent(&foreign)), "{host:?}");
            assert!(OriginPolicy::of_own_host().is_foreign(&sent(&own[..1])), "{host:?}");
            // Where the origin is known, it decides alone.
            assert!(policy().is_foreign(&sent(&own)), "{host:?}");
        }
    }

    #[test]
    fn what_may_change_something_or_opens_a_web_socket_needs_proof() {
        let upgrade = headers(&[("upgrade", "h2c, WebSocket")]);
        assert!(needs_proof(&Method::GET, &upgrade) && !needs_proof(&Method::GET, &HeaderMap::new()));
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::CONNECT] {
            assert!(needs_proof(&method, &HeaderMap::new()), "{method}");
        }
        assert!(needs_proof(&Method::from_bytes(b"FROB").unwrap(), &HeaderMap::new()));
    }

    #[test]
    fn loopback_has_three_names_in_development() {
        let at = |text: &str| OriginPolicy::new(text.parse().unwrap()).with_loopback_aliases();
        for (origin, expected) in [
            ("http://localhost:8000", true),
            ("http://127.0.0.1:8000", true),
            ("http://[::1]:8000", true),
            ("http://localhost:8001", false),
            ("https://localhost:8000", false),
        ] {
            let headers = headers(&[("origin", origin)]);
            assert_eq!(at("http://127.0.0.1:8000").prove_same_origin(&headers), expected, "{origin}");
            assert!(!at("https://id.example.org").prove_same_origin(&headers));
        }
    }

    #[test]
    fn only_listed_origins_may_read_answers() {
        let allowed = |origin: &str| policy().cors_origin(&headers(&[("origin", origin)])).is_some();
        assert!(allowed("https://spa.example.net"));
        assert!(!allowed("https://app.example.org"));
        assert!(!allowed("null"));
    }

    proptest! {
        #[test]
        fn t08_no_garbage_proves_anything(origin: Vec<u8>, site: Vec<u8>) {
            let clean = |bytes: Vec<u8>| {
                let bytes: Vec<u8> = bytes.into_iter().filter(|byte| *byte >= 0x20 && *byte != 0x7f).collect();
                HeaderValue::from_bytes(&bytes).unwrap()
            };
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, clean(origin));
            headers.insert(SEC_FETCH_SITE, clean(site));
            prop_assert!(!policy().prove_same_origin(&headers));
            prop_assert!(policy().is_foreign(&headers));
        }
    }
}
