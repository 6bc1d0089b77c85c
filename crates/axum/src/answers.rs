//! The bodies of successful answers.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;
use vestibule_core::{
    login::LoggedIn,
    ports::Timestamp,
    profile::ShownProfile,
    token::TokenPair,
    values::{
        account::Account,
        device::{DeviceToken, KNOWN_FOR},
        profile::ProfileText,
        session::{Session, SessionId},
    },
};

use vestibule_login::CsrfToken;

use crate::{
    cookies::{CookieKind, UnfitCookie},
    error::ApiError,
    state::AuthState,
};

/// More than most token answers take, in bytes.
const USUAL_TOKENS: usize = 3072;

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub struct AccountBody {
    /// The account's id, a UUIDv7.
    pub id: Uuid,
    /// The e-mail address, as its owner typed it.
    #[schema(example = "ada@example.com")]
    pub email: String,
    /// The user name, as its owner typed it.
    #[schema(example = "ada", required)]
    pub username: Option<String>,
    /// The person's name.
    #[schema(example = "Ada Lovelace", required)]
    pub full_name: Option<String>,
    /// Whether the account may be used.
    pub active: bool,
    /// Whether the e-mail address has been proved.
    pub confirmed: bool,
    /// What the account may do.
    pub permissions: Vec<String>,
    /// When the account was made (RFC 3339, UTC).
    #[schema(format = DateTime, example = "2026-01-31T12:00:00Z")]
    pub created_at: String,
    /// When its owner last logged in (RFC 3339, UTC).
    #[schema(format = DateTime, example = "2026-01-31T12:00:00Z", required)]
    pub last_login_at: Option<String>,
    /// What the application keeps with it; absent where it keeps nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub profile: Option<Box<RawValue>>,
}

impl AccountBody {
    /// An account as whoever sees it is shown it.
    #[must_use]
    pub fn of(state: &AuthState, account: Account) -> Self {
        let profile = match state.auth().shown_profile(&account) {
            ShownProfile::NotKept => None,
            ShownProfile::None => Some(null_value()),
            ShownProfile::Some(text) => Some(raw(&text)),
        };
        Self {
            profile,
            id: *account.id.as_uuid(),
            email: account.email,
            username: account.username,
            full_name: account.full_name,
            active: account.active,
            confirmed: account.confirmed,
            permissions: account.permissions.iter().map(str::to_owned).collect(),
            created_at: account.created_at.to_rfc3339(),
            last_login_at: account.last_login_at.map(Timestamp::to_rfc3339),
        }
    }
}

/// A stored profile as it is; one that is no JSON, which only damage makes of it, as a text.
pub(crate) fn raw(text: &ProfileText) -> Box<RawValue> {
    let as_it_is = RawValue::from_string(text.as_str().to_owned());
    as_it_is.or_else(|_| serde_json::value::to_raw_value(text.as_str())).unwrap_or_else(|_| null_value())
}

/// `null`.
fn null_value() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

/// One of the caller's sessions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionBody {
    /// The session's id, a UUIDv7.
    pub id: Uuid,
    /// When it was opened (RFC 3339, UTC).
    #[schema(format = DateTime, example = "2026-01-31T12:00:00Z")]
    pub created_at: String,
    /// Its last refresh (RFC 3339, UTC).
    #[schema(format = DateTime, example = "2026-01-31T12:00:00Z")]
    pub last_seen_at: String,
    /// The address it was opened from.
    #[schema(example = "192.0.2.7")]
    pub address: String,
    /// The device's user agent, cut to 256 characters.
    pub user_agent: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

impl SessionBody {
    pub(crate) fn of(session: Session, current: SessionId) -> Self {
        Self {
            id: *session.id.as_uuid(),
            created_at: session.created_at.to_rfc3339(),
            last_seen_at: session.last_seen_at.to_rfc3339(),
            address: session.address,
            user_agent: session.user_agent,
            current: session.id == current,
        }
    }
}

/// The answer of an OAuth2 token endpoint (RFC 6749 §5.1).
#[derive(Serialize, ToSchema)]
#[schema(as = TokenPair)]
pub struct TokenPairBody {
    /// The access token, a JWT.
    pub access_token: String,
    /// Always `bearer`.
    #[schema(value_type = String, example = "bearer")]
    pub token_type: &'static str,
    /// How long the access token lives, in seconds.
    #[schema(example = 900)]
    pub expires_in: u64,
    /// The refresh token, opaque.
    pub refresh_token: String,
    /// The granted scope; possibly empty.
    #[schema(example = "")]
    pub scope: String,
}

impl From<&TokenPair> for TokenPairBody {
    fn from(tokens: &TokenPair) -> Self {
        Self {
            access_token: tokens.access.expose().to_owned(),
            token_type: "bearer",
            expires_in: tokens.access_ttl.as_secs(),
            refresh_token: tokens.refresh.expose().to_owned(),
            scope: tokens.scope.to_string(),
        }
    }
}

/// An answer that no cache may keep.
pub(crate) fn no_store(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// No body, the answer of routes after which there is nothing any more.
pub(crate) fn no_content() -> Response {
    no_store(StatusCode::NO_CONTENT)
}

/// No body either: the caller has it already.
pub(crate) fn not_modified() -> Response {
    StatusCode::NOT_MODIFIED.into_response()
}

/// JSON with a token or two in it, that no cache may keep: written into a buffer that need not grow.
pub(crate) fn tokens<T: Serialize>(body: &T) -> Result<Response, ApiError> {
    let mut json = Vec::with_capacity(USUAL_TOKENS);
    serde_json::to_writer(&mut json, body).map_err(ApiError::internal)?;
    let media_type = HeaderValue::from_static("application/json");
    Ok(no_store(([(header::CONTENT_TYPE, media_type)], json)))
}

/// `null`, the answer of routes that have nothing to tell.
pub(crate) fn null() -> Response {
    no_store(Json(()))
}

/// Adds both cookies of a token pair, and the one that pages read where there is a double submit.
pub(crate) fn set_cookies(
    state: &AuthState,
    tokens: &TokenPair,
    headers: &mut HeaderMap,
) -> Result<(), ApiError> {
    let cookies = state.http().cookies;
    for (kind, value, lifetime) in [
        (CookieKind::Access, tokens.access.expose(), tokens.access_ttl),
        (CookieKind::Refresh, tokens.refresh.expose(), tokens.refresh_ttl),
    ] {
        let cookie = cookies.set(kind, value, lifetime).map_err(ApiError::internal)?;
        headers.append(header::SET_COOKIE, cookie);
    }
    if let Some(names) = state.http().csrf.as_double_submit() {
        let value = CsrfToken::of(state.auth().csrf_token(tokens.session_id));
        let access = cookies.name(CookieKind::Access);
        let cookie = names.set((&access, cookies.secure), &value, tokens.refresh_ttl);
        headers.append(header::SET_COOKIE, cookie.map_err(ApiError::internal)?);
    }
    Ok(())
}

/// Deletes them, with the attributes they were set with.
pub(crate) fn delete_cookies(state: &AuthState, headers: &mut HeaderMap) {
    let cookies = state.http().cookies;
    for kind in [CookieKind::Access, CookieKind::Refresh] {
        headers.append(header::SET_COOKIE, cookies.delete(kind));
    }
    if let Some(names) = state.http().csrf.as_double_submit() {
        let access = cookies.name(CookieKind::Access);
        // A name that no header can carry could not have named the cookie that is deleted.
        headers
            .extend(names.delete((&access, cookies.secure)).ok().map(|cookie| (header::SET_COOKIE, cookie)));
    }
}

/// An account with both cookies of its new session, and the one by which its device is known again.
pub(crate) fn logged_in(state: &AuthState, login: LoggedIn) -> Result<Response, ApiError> {
    let mut response = no_store(Json(AccountBody::of(state, login.account)));
    set_cookies(state, &login.tokens, response.headers_mut())?;
    remember_device(state, login.device.as_ref(), response)
}

/// Adds the cookie by which a browser is known again.
pub(crate) fn remember_device(
    state: &AuthState,
    device: Option<&DeviceToken>,
    mut response: Response,
) -> Result<Response, ApiError> {
    remember(state, device, &mut response).map_err(ApiError::internal)?;
    Ok(response)
}

/// Sets the cookie by which a browser is known from now on.
pub(crate) fn remember(
    state: &AuthState,
    device: Option<&DeviceToken>,
    response: &mut Response,
) -> Result<(), UnfitCookie> {
    if let Some(device) = device {
        let cookie = state.http().cookies.set(CookieKind::Device, &device.expose(), KNOWN_FOR)?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(())
}
