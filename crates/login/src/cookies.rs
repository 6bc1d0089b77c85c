//! Cookies: how they are set, deleted and read.
//!
//! With `Secure` their names carry the `__Host-` prefix (RFC 6265bis §4.1.3.2), which keeps sibling subdomains from
//! planting one; a cookie of the plain name is then nobody's.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// What no cookie may exceed, name and attributes included: browsers drop longer ones without a word.
const MAX_COOKIE_BYTES: usize = 4096;

/// Why a cookie is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnfitCookie {
    /// It would be longer than what browsers keep.
    #[error(
        "the cookie is longer than 4096 bytes, which browsers drop without a word; put less into the token"
    )]
    TooLong,
    /// Its name or value is empty or has characters that cookies cannot carry.
    #[error(
        "the cookie's name or value is empty or has characters that cookies cannot carry (RFC 6265 §4.1.1)"
    )]
    Characters,
    /// The manager looks for tokens in no cookie, so it would never find this one.
    #[error("tokens are not looked for in cookies; name one with `LoginManagerBuilder::locations`")]
    NoCookieLocation,
}

/// The `Set-Cookie` that sets a cookie, for whole seconds of `lifetime`; `name` carries its prefix.
///
/// # Errors
/// [`UnfitCookie::TooLong`] for more than 4096 bytes, [`UnfitCookie::Characters`] for what no cookie can carry.
pub fn set_cookie(
    name: &str,
    value: &str,
    lifetime: Duration,
    is_secure: bool,
) -> Result<HeaderValue, UnfitCookie> {
    if value.is_empty() || !value.bytes().all(is_cookie_octet) {
        return Err(UnfitCookie::Characters);
    }
    render(name, value, lifetime.as_secs(), ("; HttpOnly", is_secure))
}

/// The `Set-Cookie` that sets a cookie which the scripts of our own pages can read: for what is no secret to them.
///
/// # Errors
/// As [`set_cookie`].
pub fn set_readable_cookie(
    name: &str,
    value: &str,
    lifetime: Duration,
    is_secure: bool,
) -> Result<HeaderValue, UnfitCookie> {
    if value.is_empty() || !value.bytes().all(is_cookie_octet) {
        return Err(UnfitCookie::Characters);
    }
    render(name, value, lifetime.as_secs(), ("", is_secure))
}

/// The `Set-Cookie` that deletes a readable cookie.
///
/// # Errors
/// [`UnfitCookie`] for a name that no cookie can have.
pub fn delete_readable_cookie(name: &str, is_secure: bool) -> Result<HeaderValue, UnfitCookie> {
    render(name, "", 0, ("", is_secure))
}

/// The `Set-Cookie` that deletes a cookie, with the attributes it was set with.
///
/// # Errors
/// [`UnfitCookie`] for a name that no cookie can have.
pub fn delete_cookie(name: &str, is_secure: bool) -> Result<HeaderValue, UnfitCookie> {
    render(name, "", 0, ("; HttpOnly", is_secure))
}

fn render(
    name: &str,
    value: &str,
    max_age: u64,
    (http_only, is_secure): (&str, bool),
) -> Result<HeaderValue, UnfitCookie> {
    let secure = if is_secure { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; Max-Age={max_age}{http_only}; SameSite=Lax{secure}");
    if !is_cookie_name(name) {
        return Err(UnfitCookie::Characters);
    }
    if cookie.len() > MAX_COOKIE_BYTES {
        return Err(UnfitCookie::TooLong);
    }
    let mut cookie = HeaderValue::try_from(cookie).map_err(|_| UnfitCookie::Characters)?;
    cookie.set_sensitive(true);
    Ok(cookie)
}

/// Whether an answer sets or deletes a cookie: this one, or all of them (`Clear-Site-Data`).
#[must_use]
pub fn decides_over_cookie(headers: &HeaderMap, name: &str) -> bool {
    let is_named = |value: &HeaderValue| {
        let pair = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        let found = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        found.trim_ascii() == name.as_bytes()
    };
    headers.contains_key("clear-site-data") || headers.get_all(header::SET_COOKIE).iter().any(is_named)
}

/// Keeps an answer with somebody's token out of every cache, whatever the handler said of its page.
///
/// Headers for shared caches alone go: they would outrank `Cache-Control` (RFC 9213 §2.1).
pub fn forbid_caching(headers: &mut HeaderMap) {
    let is_for_caches =
        |name: &HeaderName| name.as_str().ends_with("-cache-control") || name.as_str() == "surrogate-control";
    let targeted: Vec<_> = headers.keys().filter(|name| is_for_caches(name)).cloned().collect();
    for name in targeted {
        headers.remove(name);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// RFC 6265 §4.1.1: a cookie's name is an RFC 9110 `token`.
pub(crate) fn is_cookie_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// A cookie of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cookie<'a> {
    /// The request has none of this name.
    Absent,
    /// Its value.
    Present(&'a str),
    /// It is there, but twice, empty or with characters that no cookie has. It denies; it never counts as absent.
    Malformed,
}

impl std::fmt::Debug for Cookie<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Present(_) => "Present(…)",
            Self::Malformed => "Malformed",
        })
    }
}

/// Reads the cookie of a name from all `Cookie` headers.
#[must_use]
pub fn read_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Cookie<'a> {
    let pairs =
        headers.get_all(header::COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    let mut values = pairs.filter_map(|pair| value_of(pair.trim_ascii(), name));
    match (values.next(), values.next()) {
        (None, _) => Cookie::Absent,
        (Some(value), None) if !value.is_empty() && value.iter().copied().all(is_cookie_octet) => {
            std::str::from_utf8(value).map_or(Cookie::Malformed, Cookie::Present)
        }
        _ => Cookie::Malformed,
    }
}

/// The value of a pair if it has this name; a name without `=` has an empty one.
fn value_of<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let rest = pair.strip_prefix(name.as_bytes())?.trim_ascii_start();
    match rest.split_first() {
        None => Some(rest),
        Some((b'=', value)) => Some(value.trim_ascii_start()),
        Some(_) => None,
    }
}

/// RFC 6265 §4.1.1, `cookie-octet`.
const fn is_cookie_octet(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}
