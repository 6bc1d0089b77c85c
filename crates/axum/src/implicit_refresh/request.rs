//! Which requests are refreshed, and how their cookies are replaced.

use axum::extract::MatchedPath;
use http::{HeaderMap, HeaderValue, Method, header, request::Parts};
use vestibule_core::token::{TokenPair, bearer::Bearer};
use vestibule_login::same_origin::is_web_socket;

use crate::{
    cookies::{CookieKind, CookiePolicy},
    extract::{Proof, bearer},
    routes::refresh,
    state::AuthState,
};

/// What a request shows that may use up a refresh token on the way; `None` for one that may not.
pub(super) fn proof_of<'a>(state: &AuthState, parts: &'a Parts) -> Option<Proof<'a>> {
    // Not every client keeps the cookies of an upgrade's answer; without them the session would be lost.
    let is_page = !matches!(parts.method, Method::OPTIONS | Method::TRACE | Method::CONNECT)
        && !is_web_socket(&parts.headers);
    let is_fit = is_page && bearer(&parts.headers) == Bearer::Absent && !refreshes_itself(parts);
    Proof::where_needed(state, parts).ok().filter(|_| is_fit)
}

/// The route that refreshes would use the child up at once, and the other requests of its page with it.
fn refreshes_itself(parts: &Parts) -> bool {
    parts.extensions.get::<MatchedPath>().is_some_and(|route| route.as_str().ends_with(refresh::PATH))
}

/// Puts the new tokens in the place of the old ones, so that the handler reads what its answer sets.
pub(super) fn replace_cookies(policy: CookiePolicy, tokens: &TokenPair, headers: &mut HeaderMap) {
    let own = [
        (policy.name(CookieKind::Access), tokens.access.expose()),
        (policy.name(CookieKind::Refresh), tokens.refresh.expose()),
    ];
    let name_of = |pair: &[u8]| -> Vec<u8> {
        pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii().to_vec()
    };
    let pairs = headers.get_all(header::COOKIE).iter().flat_map(|line| line.as_bytes().split(|b| *b == b';'));
    let mut kept: Vec<Vec<u8>> = pairs
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty() && !own.iter().any(|(name, _)| name_of(pair) == name.as_bytes()))
        .map(<[u8]>::to_vec)
        .collect();
    kept.extend(own.iter().map(|(name, value)| format!("{name}={value}").into_bytes()));
    if let Ok(mut line) = HeaderValue::from_bytes(&kept.join(b"; ".as_slice())) {
        line.set_sensitive(true);
        headers.insert(header::COOKIE, line);
    }
    // An answer with cookies must not be a 304: its headers become those of a page that caches already have.
    headers.remove(header::IF_NONE_MATCH);
    headers.remove(header::IF_MODIFIED_SINCE);
}
