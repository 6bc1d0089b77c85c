//! What an operator decides about HTTP.

use std::{sync::Arc, time::Duration};

use vestibule_login::Csrf;

use crate::{
    body::DEFAULT_BODY_LIMIT,
    client::TrustedProxies,
    cookies::CookiePolicy,
    correlation::CorrelationId,
    openapi::ProfileSchema,
    same_origin::{Origin, OriginPolicy},
};

/// The rules every request and every answer pass.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpPolicy {
    /// How cookies are named and protected.
    pub cookies: CookiePolicy,
    /// Which origins are ours, trusted, or may read answers.
    pub origins: OriginPolicy,
    /// How requests that our cookies authenticate show that they come from our own pages; by their origin by default.
    pub csrf: Csrf,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// The longest body, in bytes; 64 KiB by default.
    pub body_limit_bytes: usize,
    /// How long a request may take, its body included; 30 s by default.
    pub request_timeout: Duration,
    /// Whether answers tell browsers to use TLS from now on (RFC 6797).
    pub has_hsts: bool,
    /// The page where passwords are changed, for password managers that ask `/.well-known/change-password`; the
    /// documentation of the account where it is `None`.
    pub change_password_url: Option<String>,
    /// How the description shows the profiles that the application keeps; as any object where it is `None`.
    pub profile_schema: Option<ProfileSchema>,
}

impl HttpPolicy {
    /// The policy of a public URL's origin: secure cookies and HSTS, unless it is plain http on loopback.
    #[must_use]
    pub fn new(public_origin: Origin) -> Self {
        let is_secure = !public_origin.is_plain_loopback();
        Self {
            cookies: CookiePolicy::new(is_secure),
            change_password_url: None,
            profile_schema: None,
            has_hsts: public_origin.is_https(),
            origins: OriginPolicy::new(public_origin),
            csrf: Csrf::SameOrigin,
            trusted_proxies: TrustedProxies::default(),
            body_limit_bytes: DEFAULT_BODY_LIMIT,
            request_timeout: Duration::from_secs(30),
        }
    }

    /// The policy for trying things out on the machine itself, at plain http: `new` with the loopback aliases.
    #[must_use]
    pub fn development(public_origin: Origin) -> Self {
        let mut policy = Self::new(public_origin);
        policy.origins = policy.origins.with_loopback_aliases();
        policy
    }
}

/// What the outer layer knows of a request, as a request extension.
#[derive(Clone, Debug)]
pub struct RequestContext {
    pub(crate) correlation_id: CorrelationId,
    pub(crate) policy: Arc<HttpPolicy>,
}

impl RequestContext {
    /// The request's correlation id.
    #[must_use]
    pub const fn correlation_id(&self) -> &CorrelationId {
        &self.correlation_id
    }

    pub(crate) fn body_limit(&self) -> usize {
        self.policy.body_limit_bytes
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn t30_only_plain_http_on_loopback_has_plain_cookies() {
        for (origin, is_secure, has_hsts) in [
            ("http://127.0.0.1:8000", false, false),
            ("http://localhost", false, false),
            ("http://[::1]:8000", false, false),
            ("https://localhost", true, true),
            ("https://id.example.org", true, true),
            ("http://id.example.org", true, false),
            ("http://localhost.example.org", true, false),
        ] {
            let policy = HttpPolicy::new(origin.parse().unwrap());
            assert_eq!((policy.cookies.secure, policy.has_hsts), (is_secure, has_hsts), "{origin}");
        }
    }

    #[test]
    fn development_knows_the_other_names_of_loopback() {
        let policy = HttpPolicy::development("http://127.0.0.1:8000".parse().unwrap());
        let mut headers = HeaderMap::new();
        headers.insert("origin", http::HeaderValue::from_static("http://localhost:8000"));
        assert!(policy.origins.prove_same_origin(&headers));
    }
}
