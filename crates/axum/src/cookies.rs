//! The cookies of the two tokens, and the one by which a device is known: how they are named, set, deleted and read.
//!
//! With `Secure` their names carry the `__Host-` prefix (RFC 6265bis §4.1.3.2), which keeps sibling subdomains from
//! planting one; a cookie of the plain name is then nobody's.

use std::{borrow::Cow, time::Duration};

use http::{HeaderMap, HeaderValue};
pub use vestibule_login::cookies::{Cookie, UnfitCookie, read_cookie};
use vestibule_login::cookies::{delete_cookie, set_cookie};

/// What binds a cookie to one host.
const HOST_PREFIX: &str = "__Host-";

/// Which cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CookieKind {
    /// The access token's.
    Access,
    /// The refresh token's.
    Refresh,
    /// The device's, which outlives logins.
    Device,
}

/// How cookies are named and protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CookiePolicy {
    /// Whether browsers send them over TLS only; false only for plain http on loopback.
    pub secure: bool,
    /// What their names begin with, after the prefix: for a second engine in one origin, whose cookies would otherwise
    /// take the place of the first one's. Of ASCII letters, digits and `_`.
    pub label: Option<&'static str>,
}

impl CookiePolicy {
    /// Cookies of the usual names, for TLS only where `secure`.
    #[must_use]
    pub const fn new(secure: bool) -> Self {
        Self { secure, label: None }
    }

    /// The cookie's full name.
    #[must_use]
    pub fn name(self, kind: CookieKind) -> Cow<'static, str> {
        let name = match (kind, self.secure) {
            (CookieKind::Access, true) => "__Host-access_token",
            (CookieKind::Access, false) => "access_token",
            (CookieKind::Refresh, true) => "__Host-refresh_token",
            (CookieKind::Refresh, false) => "refresh_token",
            (CookieKind::Device, true) => "__Host-device",
            (CookieKind::Device, false) => "device",
        };
        let Some(label) = self.label else { return Cow::Borrowed(name) };
        let (prefix, plain) = name.split_at(if self.secure { HOST_PREFIX.len() } else { 0 });
        Cow::Owned(format!("{prefix}{label}_{plain}"))
    }

    /// The `Set-Cookie` that sets it, for whole seconds of `lifetime`.
    ///
    /// # Errors
    /// [`UnfitCookie::TooLong`] for more than 4096 bytes, [`UnfitCookie::Characters`] for what no cookie can carry.
    pub fn set(self, kind: CookieKind, value: &str, lifetime: Duration) -> Result<HeaderValue, UnfitCookie> {
        set_cookie(&self.name(kind), value, lifetime, self.secure)
    }

    /// The `Set-Cookie` that deletes it, with the attributes it was set with.
    #[must_use]
    pub fn delete(self, kind: CookieKind) -> HeaderValue {
        // A label that no header can carry could not have named the cookie that is deleted.
        delete_cookie(&self.name(kind), self.secure).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// Reads it from a request.
    #[must_use]
    pub fn read(self, headers: &HeaderMap, kind: CookieKind) -> Cookie<'_> {
        read_cookie(headers, &self.name(kind))
    }
}

#[cfg(test)]
mod tests {
    use http::header;
    use proptest::prelude::*;

    use super::*;

    const SECURE: CookiePolicy = CookiePolicy::new(true);
    const PLAIN: CookiePolicy = CookiePolicy::new(false);

    fn headers(values: &[&[u8]]) -> HeaderMap {
        values.iter().map(|value| (header::COOKIE, HeaderValue::from_bytes(value).unwrap())).collect()
    }

    #[test]
    fn a_cookie_is_set_and_deleted_with_the_same_attributes() {
        for (policy, kind, expected) in [
            (
                SECURE,
                CookieKind::Access,
                "__Host-access_token=v; Path=/; Max-Age=900; HttpOnly; SameSite=Lax; Secure",
            ),
            (
                SECURE,
                CookieKind::Refresh,
                "__Host-refresh_token=v; Path=/; Max-Age=900; HttpOnly; SameSite=Lax; Secure",
            ),
            (PLAIN, CookieKind::Access, "access_token=v; Path=/; Max-Age=900; HttpOnly; SameSite=Lax"),
            (PLAIN, CookieKind::Refresh, "refresh_token=v; Path=/; Max-Age=900; HttpOnly; SameSite=Lax"),
            (
                SECURE,
                CookieKind::Device,
                "__Host-device=v; Path=/; Max-Age=900; HttpOnly; SameSite=Lax; Secure",
            ),
            (PLAIN, CookieKind::Device, "device=v; Path=/; Max-Age=900; HttpOnly; SameSite=Lax"),
        ] {
            let set = policy.set(kind, "v", Duration::from_millis(900_999)).unwrap();
            assert_eq!(set, expected);
            let deleted = expected.replace("=v;", "=;").replace("=900;", "=0;");
            assert_eq!(policy.delete(kind), deleted.as_str());
        }
    }

    #[test]
    fn a_label_keeps_two_engines_apart_and_the_prefix_first() {
        for (policy, name) in [(SECURE, "__Host-staff_access_token"), (PLAIN, "staff_access_token")] {
            let labelled = CookiePolicy { label: Some("staff"), ..policy };
            assert_eq!(labelled.name(CookieKind::Access), name);
            let headers =
                headers(&[format!("{}=theirs; {name}=ours", policy.name(CookieKind::Access)).as_bytes()]);
            assert_eq!(labelled.read(&headers, CookieKind::Access), Cookie::Present("ours"));
            assert_eq!(policy.read(&headers, CookieKind::Access), Cookie::Present("theirs"));
            let deleted = labelled.delete(CookieKind::Access);
            assert!(deleted.to_str().unwrap().starts_with(&format!("{name}=; Path=/; Max-Age=0;")));
        }
    }

    #[test]
    fn what_no_cookie_can_carry_is_refused() {
        let long = "x".repeat(4096);
        for value in ["", "a b", "a;b", "a,b", "a\"b", "a\\b", "é", "a\r\nb"] {
            let refusal = PLAIN.set(CookieKind::Access, value, Duration::ZERO);
            assert_eq!(refusal, Err(UnfitCookie::Characters), "{value}");
        }
        assert_eq!(PLAIN.set(CookieKind::Access, &long, Duration::ZERO), Err(UnfitCookie::TooLong));
        assert!(PLAIN.set(CookieKind::Access, &"x".repeat(4000), Duration::ZERO).is_ok());
    }

    #[test]
    fn t14_a_malformed_cookie_is_not_an_absent_one() {
        for (values, expected) in [
            (&[b"access_token=a.b-c_d".as_slice()][..], Cookie::Present("a.b-c_d")),
            (&[b"x=1;access_token=v; y=2"], Cookie::Present("v")),
            (&[b"x=1", b"access_token=v"], Cookie::Present("v")),
            (&[b"x=1; Access_Token=v; access_token2=v; xaccess_token=v"], Cookie::Absent),
            (&[], Cookie::Absent),
            (&[b"\xff\xfe; x=1"], Cookie::Absent),
            (&[b"access_token=a; access_token=a"], Cookie::Malformed),
            (&[b"access_token=a", b"access_token=b"], Cookie::Malformed),
            (&[b"access_token="], Cookie::Malformed),
            (&[b"access_token"], Cookie::Malformed),
            (&[b"access_token=\"v\""], Cookie::Malformed),
            (&[b"access_token=a b"], Cookie::Malformed),
            (&[b"access_token=\xff"], Cookie::Malformed),
            (&[b"\xff; access_token=v"], Cookie::Present("v")),
        ] {
            assert_eq!(PLAIN.read(&headers(values), CookieKind::Access), expected, "{values:?}");
        }
    }

    #[test]
    fn t03_a_sibling_subdomain_cannot_plant_a_cookie() {
        let planted = headers(&[b"access_token=planted; refresh_token=planted; device=planted"]);
        assert_eq!(SECURE.read(&planted, CookieKind::Access), Cookie::Absent);
        assert_eq!(SECURE.read(&planted, CookieKind::Refresh), Cookie::Absent);
        assert_eq!(SECURE.read(&planted, CookieKind::Device), Cookie::Absent);
        let both = headers(&[b"access_token=planted; __Host-access_token=ours"]);
        assert_eq!(SECURE.read(&both, CookieKind::Access), Cookie::Present("ours"));
    }

    proptest! {
        #[test]
        fn t08_no_header_panics_or_hides_a_cookie(before: Vec<u8>, after: Vec<u8>) {
            let clean = |bytes: Vec<u8>| -> Vec<u8> {
                bytes.into_iter().filter(|byte| *byte >= 0x20 && *byte != 0x7f).collect()
            };
            let value = [&clean(before), b";access_token=v;".as_slice(), &clean(after)].concat();
            let headers = headers(&[&value]);
            prop_assert_ne!(PLAIN.read(&headers, CookieKind::Access), Cookie::Absent);
        }
    }
}
