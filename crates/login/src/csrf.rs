//! How a request that a cookie authenticates shows that it comes from our own pages: by its origin, or by a value that only
//! they can read (double submit).
//!
//! Stores nothing: the value is in the token, under its signature, and beside it in a cookie that scripts can read.
//! Steered by [`Csrf`] alone.
//!
//! Defends against foreign pages that make a visitor's browser send something in the visitor's name. A value that is only
//! compared with a cookie can be planted with that cookie, by a sibling subdomain for example; ours is compared with what
//! the token says, in constant time, so that nobody's value fits anybody else's token.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::{HeaderMap, HeaderName};
use vestibule_token::random::random_bytes;

use crate::{
    cookies::{UnfitCookie, delete_readable_cookie, is_cookie_name, set_readable_cookie},
    refusal::Refusal,
};

/// The header that scripts repeat the value in.
const HEADER: HeaderName = HeaderName::from_static("x-csrf-token");
/// What the name of the readable cookie begins with; the name of the token's cookie follows.
const COOKIE_PREFIX: &str = "csrf_";
/// What binds a cookie to one host.
const HOST_PREFIX: &str = "__Host-";

/// How a request that a cookie authenticates, and that may change something, shows that it comes from our own pages.
///
/// A WebSocket always shows it by its origin: browsers send that, and no header of the page's choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Csrf {
    /// By `Origin` or `Sec-Fetch-Site`, which browsers set and pages cannot: nothing to do for the pages.
    #[default]
    SameOrigin,
    /// By a value of the session that its pages read in a cookie and repeat in a header.
    DoubleSubmit(DoubleSubmit),
}

/// The names of a double submit, `X-CSRF-TOKEN` and `csrf_access_token` unless somebody says otherwise.
///
/// ```
/// use http::HeaderName;
/// use vestibule_login::{DoubleSubmit, LoginManager};
///
/// # let secret = "thirty-two bytes that nobody else knows";
/// // The names that Angular's and axios's clients know.
/// let csrf = DoubleSubmit::new().cookie("XSRF-TOKEN").header(HeaderName::from_static("x-xsrf-token"));
/// let login = LoginManager::from_secret(secret)
///     .csrf(csrf)
///     .user_loader(async |name: String| Ok::<_, String>(Some(name)))
///     .build()?;
/// # Ok::<_, vestibule_login::LoginConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoubleSubmit {
    header: HeaderName,
    cookie: Option<String>,
}

impl Csrf {
    /// Double submit under the usual names.
    #[must_use]
    pub const fn double_submit() -> Self {
        Self::DoubleSubmit(DoubleSubmit::new())
    }

    /// The double submit, where it is one.
    #[must_use]
    pub const fn as_double_submit(&self) -> Option<&DoubleSubmit> {
        match self {
            Self::SameOrigin => None,
            Self::DoubleSubmit(names) => Some(names),
        }
    }
}

impl From<DoubleSubmit> for Csrf {
    fn from(names: DoubleSubmit) -> Self {
        Self::DoubleSubmit(names)
    }
}

impl DoubleSubmit {
    /// The usual names.
    #[must_use]
    pub const fn new() -> Self {
        Self { header: HEADER, cookie: None }
    }

    /// Another header.
    #[must_use]
    pub fn header(mut self, name: HeaderName) -> Self {
        self.header = name;
        self
    }

    /// Another cookie; where cookies are `Secure`, its name gets the prefix `__Host-`.
    #[must_use]
    pub fn cookie(mut self, name: impl Into<String>) -> Self {
        self.cookie = Some(name.into());
        self
    }

    /// Whether the cookie's name can be one.
    pub(crate) fn bad_name(&self) -> Option<&str> {
        self.cookie.as_deref().filter(|name| !is_cookie_name(name))
    }

    /// The full name of the readable cookie beside a token's.
    #[must_use]
    pub fn cookie_name(&self, token_cookie: &str, is_secure: bool) -> String {
        let base = token_cookie.strip_prefix(HOST_PREFIX).unwrap_or(token_cookie);
        let name = self.cookie.clone().unwrap_or_else(|| format!("{COOKIE_PREFIX}{base}"));
        let name = name.strip_prefix(HOST_PREFIX).unwrap_or(&name);
        if is_secure { format!("{HOST_PREFIX}{name}") } else { name.to_owned() }
    }

    /// The value that a request repeats in its header; `None` where it repeats none, or several.
    #[must_use]
    pub fn submitted<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let mut values = headers.get_all(&self.header).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok().filter(|value| !value.is_empty()),
            _ => None,
        }
    }

    /// The `Set-Cookie` of the readable cookie beside a token's.
    ///
    /// # Errors
    /// [`UnfitCookie`] for a name or a value that no cookie can have.
    pub fn set(
        &self,
        token_cookie: (&str, bool),
        value: &CsrfToken,
        lifetime: std::time::Duration,
    ) -> Result<http::HeaderValue, UnfitCookie> {
        let (token_cookie, is_secure) = token_cookie;
        set_readable_cookie(&self.cookie_name(token_cookie, is_secure), value.expose(), lifetime, is_secure)
    }

    /// The `Set-Cookie` that deletes it.
    ///
    /// # Errors
    /// [`UnfitCookie`] for a name that no cookie can have.
    pub fn delete(&self, token_cookie: (&str, bool)) -> Result<http::HeaderValue, UnfitCookie> {
        let (token_cookie, is_secure) = token_cookie;
        delete_readable_cookie(&self.cookie_name(token_cookie, is_secure), is_secure)
    }
}

impl Default for DoubleSubmit {
    fn default() -> Self {
        Self::new()
    }
}

/// The value that the pages of one session repeat. It does not print, and is compared in constant time.
#[derive(Clone)]
pub struct CsrfToken(String);

impl CsrfToken {
    /// A new one, of 128 random bits.
    pub(crate) fn random() -> Self {
        let bytes: [u8; 16] = random_bytes();
        Self(format!("{:032x}", u128::from_be_bytes(bytes)))
    }

    /// One that was made elsewhere, such as a MAC of the session.
    #[must_use]
    pub const fn of(value: String) -> Self {
        Self(value)
    }

    /// The value, for the cookie or the page that shows it to its scripts.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this is what was submitted.
    #[must_use]
    pub fn is(&self, submitted: &str) -> bool {
        !self.0.is_empty() && verify_slices_are_equal(self.0.as_bytes(), submitted.as_bytes()).is_ok()
    }
}

impl PartialEq for CsrfToken {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }
}

impl Eq for CsrfToken {}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken(…)")
    }
}

/// What a request has shown so far.
#[derive(Clone)]
pub(crate) enum Proof {
    /// All that is asked for.
    Given,
    /// A value that its token has to confirm.
    Submitted(String),
}

impl Proof {
    /// Whether the token of the request confirms it.
    pub(crate) fn check(&self, confirms: impl FnOnce(&str) -> bool) -> Result<(), Refusal> {
        match self {
            Self::Given => Ok(()),
            Self::Submitted(value) if confirms(value) => Ok(()),
            Self::Submitted(_) => Err(Refusal::CrossSite),
        }
    }
}
