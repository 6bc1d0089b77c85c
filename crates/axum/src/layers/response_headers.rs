//! The headers on every answer.

use axum::extract::Request;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::{correlation::X_CORRELATION_ID, policy::HttpPolicy, same_origin::OriginPolicy};

/// Room for all of them at once, so that the map grows once.
const EXPECTED: usize = 16;

const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

/// An origin whose scripts may read the answer, without cookies.
pub(super) struct CorsGrant {
    origin: HeaderValue,
    is_preflight: bool,
}

impl CorsGrant {
    pub(super) fn of(policy: &OriginPolicy, request: &Request) -> Option<Self> {
        let origin = policy.cors_origin(request.headers())?.clone();
        let is_preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        Some(Self { origin, is_preflight })
    }
}

pub(super) fn set_headers(
    headers: &mut HeaderMap,
    policy: &HttpPolicy,
    correlation_id: &HeaderValue,
    cors: Option<&CorsGrant>,
) {
    headers.reserve(EXPECTED);
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.entry("cross-origin-resource-policy").or_insert(HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if policy.has_hsts {
        let one_year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, one_year);
    }
    headers.insert(X_CORRELATION_ID, correlation_id.clone());
    if policy.origins.has_cors() {
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    if let Some(grant) = cors {
        grant_cors(headers, grant);
    }
}

/// Never `Access-Control-Allow-Credentials`: other origins come with a bearer token or not at all.
fn grant_cors(headers: &mut HeaderMap, grant: &CorsGrant) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, grant.origin.clone());
    let exposed = "x-correlation-id, retry-after, www-authenticate";
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    if grant.is_preflight {
        let methods = "GET, HEAD, POST, PUT, PATCH, DELETE";
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
        let allowed = "authorization, content-type, x-correlation-id, x-request-id";
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
}
