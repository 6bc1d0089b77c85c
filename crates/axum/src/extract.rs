//! Extractors: who is calling, and the proofs that must be given before anything is done.
//!
//! Credentials are looked for in the `Authorization` header, then in the cookie. The first that is present decides:
//! a bad one is 401 and never skipped.

mod admin;
mod live;
mod profile;
mod proof;

use std::{convert::Infallible, sync::Arc};

use axum::extract::{FromRef, FromRequestParts};
use http::{HeaderMap, HeaderValue, header, request::Parts};
use vestibule_core::{
    token::{bearer::Bearer, claims::AccessClaims},
    values::{account::Account, client::Client, language::Language},
};

pub use self::{
    admin::Admin,
    live::{LiveCaller, UntilEnded},
    profile::CurrentProfile,
};
pub(crate) use self::{
    admin::{AccountInPath, AccountOrMe},
    proof::Proof,
};
use crate::{
    client::client,
    cookies::{Cookie, CookieKind},
    error::{ApiError, Code},
    state::AuthState,
};

/// The caller's address and user agent, as far as trusted proxies tell.
#[derive(Clone, Debug)]
pub struct Caller(pub Client);

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    AuthState: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(client(parts, &AuthState::from_ref(state).http().trusted_proxies)))
    }
}

/// The language that the caller prefers of those there are; `None` where the request names none of them.
#[derive(Clone, Copy, Debug)]
pub struct Languages(pub Option<Language>);

impl<S: Send + Sync> FromRequestParts<S> for Languages {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let accepted = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Ok(Self(accepted.and_then(Language::negotiate)))
    }
}

/// A caller with a valid access token whose session lives; asks no database.
///
/// The claims are those of the token's issue: permissions may lag by its lifetime. Use [`CurrentUser`] for the
/// account as it is now.
///
/// # Security
/// An unsafe request that a cookie authenticates must prove that it comes from our own pages, or is answered with 403
/// `cross_site_request`.
///
/// ```
/// use vestibule_axum::extract::Authenticated;
///
/// async fn hello(user: Authenticated) -> String {
///     format!("Hello, {}", user.claims.username.as_deref().unwrap_or("stranger"))
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Authenticated {
    /// What the token says.
    pub claims: Arc<AccessClaims>,
    /// Where the token was.
    pub location: TokenLocation,
}

/// Where an access token was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenLocation {
    /// In the `Authorization` header.
    Header,
    /// In the `access_token` cookie.
    Cookie,
    /// In a subprotocol of a `WebSocket`; [`LiveCaller`] alone looks there.
    Subprotocol,
}

impl<S: Send + Sync> FromRequestParts<S> for Authenticated
where
    AuthState: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let state = AuthState::from_ref(state);
        let (token, location) = match bearer(&parts.headers) {
            Bearer::Present(token) => (token, TokenLocation::Header),
            Bearer::Malformed => return Err(Code::InvalidToken.into()),
            Bearer::Absent => match state.http().cookies.read(&parts.headers, CookieKind::Access) {
                Cookie::Present(token) => (token, TokenLocation::Cookie),
                Cookie::Malformed => return Err(Code::InvalidToken.into()),
                Cookie::Absent => return Err(Code::NotAuthenticated.into()),
            },
        };
        let proof = match location {
            TokenLocation::Cookie => Proof::where_needed(&state, parts)?,
            _ => Proof::Given,
        };
        let claims = state.auth().verify_access_token(token).await?;
        proof.check(&state, claims.session_id)?;
        Ok(Self { claims, location })
    }
}

/// The caller's account as it is now; asks the store once.
///
/// An account that is gone or disabled is 401.
///
/// ```
/// use vestibule_axum::extract::CurrentUser;
///
/// async fn hello(CurrentUser(account): CurrentUser) -> String {
///     format!("Hello, {}", account.email)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct CurrentUser(pub Account);

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser
where
    AuthState: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let user = Authenticated::from_request_parts(parts, state).await?;
        let state = AuthState::from_ref(state);
        Ok(Self(state.auth().find_current_account(&user.claims).await?))
    }
}

/// Proof that a request to a cookie-setting route does not come from a foreign site, cookies or not.
///
/// Without it a foreign page could log its visitor into somebody else's account.
#[derive(Clone, Copy, Debug)]
pub struct NotForeign(());

impl<S: Send + Sync> FromRequestParts<S> for NotForeign
where
    AuthState: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        if AuthState::from_ref(state).http().origins.is_foreign(&parts.headers) {
            return Err(Code::CrossSiteRequest.into());
        }
        Ok(Self(()))
    }
}

/// Our cookies on an unsafe request, readable only where the request proves that it comes from our own pages.
#[derive(Clone, Default)]
pub(crate) struct ProvenCookies {
    pub(crate) access: Option<String>,
    pub(crate) refresh: Option<String>,
    /// Whether one of them was there but unreadable.
    pub(crate) has_malformed: bool,
}

impl ProvenCookies {
    /// Reads both cookies; a request without any needs no proof. Tokens that name no session are nobody's where there is
    /// a double submit: no value could be theirs.
    pub(crate) async fn read(state: &AuthState, headers: &HeaderMap) -> Result<Self, ApiError> {
        let mut cookies = Self::default();
        for (kind, value) in
            [(CookieKind::Access, &mut cookies.access), (CookieKind::Refresh, &mut cookies.refresh)]
        {
            match state.http().cookies.read(headers, kind) {
                Cookie::Present(token) => *value = Some(token.to_owned()),
                Cookie::Malformed => cookies.has_malformed = true,
                Cookie::Absent => {}
            }
        }
        let has_any = cookies.access.is_some() || cookies.refresh.is_some() || cookies.has_malformed;
        if !has_any {
            return Ok(cookies);
        }
        let proof = Proof::demand(state, headers)?;
        if matches!(proof, Proof::Given) {
            return Ok(cookies);
        }
        let auth = state.auth();
        let named = [
            auth.find_named_session(cookies.access.as_deref(), None).await,
            auth.find_named_session(None, cookies.refresh.as_deref()).await,
        ];
        let named: Vec<_> = named.into_iter().flatten().collect();
        named.iter().try_for_each(|session_id| proof.check(state, *session_id))?;
        if named.is_empty() {
            return Ok(Self { has_malformed: cookies.has_malformed, ..Self::default() });
        }
        Ok(cookies)
    }
}

/// Our cookies, or why they may not be read, for a route that needs them only where the body names nothing.
pub(crate) struct SentCookies(pub(crate) Result<ProvenCookies, ApiError>);

impl<S: Send + Sync> FromRequestParts<S> for SentCookies
where
    AuthState: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(ProvenCookies::read(&AuthState::from_ref(state), &parts.headers).await))
    }
}

/// Reads the bearer token (RFC 6750 §2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Bearer<'_> {
    Bearer::read(headers.get_all(header::AUTHORIZATION).iter().map(HeaderValue::as_bytes))
}
