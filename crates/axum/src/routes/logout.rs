//! Logging out: the session ends on the server and the cookies in the browser.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use http::HeaderMap;
use serde::Deserialize;
use utoipa::ToSchema;
use vestibule_core::{
    logout::{LogoutScope, LogoutTokens},
    token::{TokenError, bearer::Bearer, claims::AccessClaims},
};

use super::login::replaced_session;
use crate::{
    answers::{delete_cookies, null},
    error::ApiError,
    extract::{Caller, ProvenCookies, bearer},
    json::OptionalJsonObject,
    openapi::ACCOUNT,
    state::AuthState,
};

/// Which sessions end.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogoutScopeName {
    /// The one that asks.
    This,
    /// All of the account but the one that asks.
    Others,
    /// All of the account.
    All,
}

/// The body of a logout; it may be absent.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"scope": "this"}))]
#[expect(dead_code, reason = "it describes the body; the fields are read one by one")]
pub(crate) struct LogoutBody {
    /// Which sessions end: `this` (the default), `others` or `all`.
    #[schema(inline)]
    scope: Option<LogoutScopeName>,
    /// A refresh token of the session, for clients that have nothing else left.
    refresh_token: Option<String>,
}

/// Ends the session, on the server too; asks nobody who they are.
///
/// The session is found by the access token, else the refresh cookie, else `refresh_token` in the body. Where none
/// names a live session there is nothing to end, and the answer is the same.
#[utoipa::path(
    post,
    path = "/logout",
    operation_id = "log_out",
    tag = ACCOUNT,
    request_body = LogoutBody,
    security((), ("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "Logged out.", body = (),
        headers(("Set-Cookie" = String, description = "Both cookies, deleted; not where `others` end.")))),
)]
pub(crate) async fn logout(
    State(state): State<AuthState>,
    Caller(client): Caller,
    headers: HeaderMap,
    body: OptionalJsonObject,
) -> Result<Response, ApiError> {
    // A bearer token that opens a door is no cookie: no foreign page can send it, and our cookies stay out of it.
    let by_header = live_bearer(&state, &headers).await?;
    let cookies = match &by_header {
        Some(_) => ProvenCookies::default(),
        None => ProvenCookies::read(&state, &headers).await?,
    };
    let mut fields = body.fields();
    let scope = fields.optional_string("scope");
    let scope = scope.map_or(Some(LogoutScope::This), |name| LogoutScope::read(&name)).unwrap_or_else(|| {
        fields.reject_value("scope", "The scope must be this, others or all");
        LogoutScope::This
    });
    let refresh = fields.optional_filled_string("refresh_token");
    fields.finish()?;
    let access = match (&by_header, bearer(&headers)) {
        (Some(_), Bearer::Present(token)) => Some(token),
        _ => cookies.access.as_deref(),
    };
    let tokens = LogoutTokens { access, refresh: [cookies.refresh.as_deref(), refresh.as_deref()] };
    state.auth().log_out(tokens, scope, &client).await?;
    let mut response = null();
    // The cookies of another session than the one that has ended still belong to somebody who is logged in, and so do
    // those of the one that stays when all others end.
    let kept = match &by_header {
        Some(claims) => replaced_session(&state, &headers).await.filter(|named| *named != claims.session_id),
        None => None,
    };
    if kept.is_none() && scope != LogoutScope::Others {
        delete_cookies(&state, response.headers_mut());
    }
    Ok(response)
}

/// The claims of a bearer token whose session lives; a dead one names nobody.
async fn live_bearer(state: &AuthState, headers: &HeaderMap) -> Result<Option<Arc<AccessClaims>>, ApiError> {
    let Bearer::Present(token) = bearer(headers) else {
        return Ok(None);
    };
    match state.auth().verify_access_token(token).await {
        Ok(claims) => Ok(Some(claims)),
        Err(TokenError::Store(outage)) => Err(outage.into()),
        Err(_) => Ok(None),
    }
}
