//! Sessions by cookie that go on without a script: for applications whose pages are made on the server.
//!
//! A request whose access cookie has run out, or soon will, is refreshed as `POST /token/refresh` would do it, and its
//! answer sets both cookies. Stores what a refresh stores. Steered by `tokens.access_ttl`, `tokens.refresh_ttl`,
//! `tokens.refresh_max` and `tokens.refresh_grace`, and by the window before the expiry, a third of `tokens.access_ttl`.
//!
//! Where the access cookie has run out, the request is refreshed first and its handler finds the new token. Where it
//! still counts, the answer is waited for: what ends the session meanwhile is not undone, and what fails costs nothing.
//!
//! Defends against
//! - sessions lost to their own refresh: the requests of one page get the same child, since none presents a token that
//!   another may have used up longer ago than the grace; and once a token has been used up, its child is sent whatever the
//!   handler answers, unless the handler decides over the cookies itself;
//! - foreign pages that use tokens up: an unsafe request must prove that it comes from our own pages before anything is
//!   refreshed, as everywhere;
//! - planted refresh cookies: next to an access cookie that counts, only one of the same session is taken;
//! - caches that hand one person's tokens to the next.

mod request;
mod service;

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, request::Parts};
use vestibule_core::{
    ports::Timestamp,
    refresh::RefreshError,
    token::{Rejected, TokenError, TokenPair, claims::BadClaims, jws::Refused},
    values::{client::Client, session::SessionId},
};
use vestibule_login::cookies::{decides_over_cookie, forbid_caching};

use crate::{
    answers::set_cookies,
    client::client,
    cookies::{Cookie, CookieKind},
    error::ApiError,
    extract::Proof,
    state::AuthState,
};

/// The part of its lifetime in which an access token is refreshed.
const USUAL_PART: u32 = 3;

/// A layer that refreshes sessions on the way, for applications whose pages are made on the server.
///
/// Put it around everything else, [`with_policy`](crate::layers::with_policy) included: then a handler that panics or takes
/// too long cannot keep the next refresh token from its owner.
///
/// ```
/// use std::sync::Arc;
///
/// use axum::Router;
/// use vestibule_axum::{implicit_refresh::ImplicitRefresh, layers::with_policy, state::AuthState};
///
/// fn app(state: &AuthState, pages: Router) -> Router {
///     with_policy(pages, Arc::clone(state.http())).layer(ImplicitRefresh::new(state))
/// }
/// ```
///
/// Only cookies are refreshed: a request with a token in its `Authorization` header is left alone, and so are `OPTIONS`,
/// `TRACE`, upgrades to a `WebSocket`, and the route that refreshes. A refresh token that does not count changes nothing:
/// the handler answers as it would have. While the store is away, a request that needs a refresh is 503.
///
/// # Security
/// A page must begin its answer within `tokens.refresh_grace` (10 s) where its access cookie has run out: its owner has
/// the old refresh token until then, and presents it once more with the next click. With a grace of zero the layer does
/// nothing, since two requests of one page would end their session.
#[derive(Clone, Debug)]
pub struct ImplicitRefresh {
    state: AuthState,
    within: Duration,
}

impl ImplicitRefresh {
    /// Refreshes what runs out within a third of `tokens.access_ttl`.
    #[must_use]
    pub fn new(state: &AuthState) -> Self {
        let within = state.auth().token_policy().access_ttl / USUAL_PART;
        Self { state: state.clone(), within }
    }

    /// Refreshes what runs out within this time; at most half of `tokens.access_ttl`, so that no child is used up while
    /// its parent is still on its way.
    #[must_use]
    pub fn within(mut self, window: Duration) -> Self {
        self.within = window.min(self.state.auth().token_policy().access_ttl / 2);
        self
    }

    /// What is done for a request.
    async fn plan(&self, parts: &Parts) -> Plan {
        let cookies = self.state.http().cookies;
        let proof = request::proof_of(&self.state, parts).filter(|_| !self.grace().is_zero());
        let Some(proof) = proof else { return Plan::Nothing };
        let Cookie::Present(refresh) = cookies.read(&parts.headers, CookieKind::Refresh) else {
            return Plan::Nothing;
        };
        if !self.is_proven(&proof, refresh).await {
            return Plan::Nothing;
        }
        let access = match cookies.read(&parts.headers, CookieKind::Access) {
            Cookie::Present(access) => access,
            Cookie::Absent => return Plan::Before(self.offer(refresh, parts)),
            Cookie::Malformed => return Plan::Nothing,
        };
        match self.state.auth().verify_access_token(access).await {
            Ok(claims) if claims.expires_at.since(self.now()) <= self.within => {
                Plan::After(self.offer(refresh, parts), claims.session_id)
            }
            // A key that was withdrawn takes its tokens with it, and no session.
            Err(TokenError::Rejected(
                Rejected::Claims(BadClaims::Expired) | Rejected::Refused(Refused::UnknownKey),
            )) => Plan::Before(self.offer(refresh, parts)),
            _ => Plan::Nothing,
        }
    }

    async fn is_proven(&self, proof: &Proof<'_>, refresh: &str) -> bool {
        let named = self.state.auth().find_named_session(None, Some(refresh)).await;
        matches!(proof, Proof::Given) || named.is_some_and(|id| proof.check(&self.state, id).is_ok())
    }

    fn offer(&self, refresh: &str, parts: &Parts) -> Offer {
        let client = client(parts, &self.state.http().trusted_proxies);
        Offer { refresh: refresh.to_owned(), client, at: self.now() }
    }

    /// Refreshes before the handler; the request has the new cookies then.
    async fn refresh_before(&self, offer: &Offer, parts: &mut Parts) -> Result<Option<TokenPair>, ApiError> {
        match self.state.auth().refresh(&offer.refresh, &offer.client).await {
            Ok(refreshed) => {
                request::replace_cookies(self.state.http().cookies, &refreshed.tokens, &mut parts.headers);
                Ok(Some(refreshed.tokens))
            }
            Err(RefreshError::Invalid | RefreshError::Reused) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends what was refreshed before, whatever the answer is, unless the session has ended since.
    async fn send(&self, tokens: &TokenPair, response: Response) -> Response {
        let verified = self.state.auth().verify_access_token(tokens.access.expose()).await;
        if self.is_decided(response.headers()) || matches!(verified, Err(TokenError::Revoked)) {
            return response;
        }
        self.with_cookies(tokens, response)
    }

    /// Refreshes after the handler, where that is still safe.
    async fn refresh_after(&self, offer: &Offer, session_id: SessionId, response: Response) -> Response {
        let status = response.status();
        let is_fit =
            !status.is_server_error() && !status.is_informational() && status != StatusCode::NOT_MODIFIED;
        // Another request of this page may have used the token up since this one came.
        let is_early = self.now().since(offer.at) <= self.grace() / 2;
        if !is_fit || !is_early || self.is_decided(response.headers()) {
            return response;
        }
        let auth = self.state.auth();
        if auth.find_named_session(None, Some(&offer.refresh)).await != Some(session_id) {
            return response;
        }
        match auth.refresh(&offer.refresh, &offer.client).await {
            Ok(refreshed) => self.with_cookies(&refreshed.tokens, response),
            Err(RefreshError::Invalid | RefreshError::Reused) => response,
            Err(error) => {
                // Nobody is harmed: the access token still counts, and the next request tries again.
                tracing::warn!(cause = %error, "a session was not refreshed");
                response
            }
        }
    }

    fn with_cookies(&self, tokens: &TokenPair, mut response: Response) -> Response {
        match set_cookies(&self.state, tokens, response.headers_mut()) {
            Ok(()) => {
                forbid_caching(response.headers_mut());
                response
            }
            Err(error) => error.into_response(),
        }
    }

    /// Whether the handler has set or deleted one of the cookies, as logins and logouts do.
    fn is_decided(&self, headers: &HeaderMap) -> bool {
        let cookies = self.state.http().cookies;
        let is_own = |kind| decides_over_cookie(headers, &cookies.name(kind));
        [CookieKind::Access, CookieKind::Refresh].into_iter().any(is_own)
    }

    fn grace(&self) -> Duration {
        self.state.auth().token_policy().refresh_grace
    }

    fn now(&self) -> Timestamp {
        self.state.auth().clock().now()
    }
}

/// What is done for a request.
enum Plan {
    Nothing,
    /// The access cookie does not count any more.
    Before(Offer),
    /// It counts, for this session, and not for long.
    After(Offer, SessionId),
}

/// A refresh token that a request brought, with whoever sent it and when.
struct Offer {
    refresh: String,
    client: Client,
    at: Timestamp,
}
