//! Refreshing a session, by cookie or by a token in the body.

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    answers::{TokenPairBody, set_cookies, tokens},
    error::{ApiError, Code},
    extract::{Caller, NotForeign, SentCookies},
    json::OptionalJsonObject,
    openapi::ACCOUNT,
    state::AuthState,
};

/// Where it is, under whatever prefix.
pub(crate) const PATH: &str = "/token/refresh";

/// The body of a refresh; it may be absent where the cookie comes along.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({}))]
#[expect(dead_code, reason = "it describes the body; the fields are read one by one")]
pub(crate) struct RefreshBody {
    /// The refresh token; wins over the cookie.
    refresh_token: Option<String>,
}

/// The answer of a refresh. By cookie only `access` is there: the refresh token travels in its cookie.
#[derive(Serialize, ToSchema)]
#[schema(as = RefreshedTokens)]
pub(crate) struct RefreshedBody {
    /// The access token.
    access: String,
    /// The access token again, under its OAuth2 name; only where the refresh token came in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    access_token: Option<String>,
    /// The next refresh token; only where the last one came in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<String>,
    /// Always `bearer`; only where the refresh token came in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false, example = "bearer")]
    token_type: Option<&'static str>,
    /// How long the access token lives, in seconds; only where the refresh token came in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 900)]
    expires_in: Option<u64>,
}

/// Exchanges a refresh token for its successor and a new access token.
#[utoipa::path(
    post,
    path = "/token/refresh",
    tag = ACCOUNT,
    request_body = RefreshBody,
    security((), ("cookie" = [])),
    responses(
        (status = 200, description = "Refreshed.", body = RefreshedBody,
            headers(("Set-Cookie" = String, description = "By cookie, both cookies anew."))),
    ),
)]
pub(crate) async fn refresh(
    State(state): State<AuthState>,
    Caller(client): Caller,
    _: NotForeign,
    SentCookies(cookies): SentCookies,
    body: OptionalJsonObject,
) -> Result<Response, ApiError> {
    let mut fields = body.fields();
    let token = fields.optional_filled_string("refresh_token");
    fields.finish()?;
    if let Some(token) = token {
        let refreshed = state.auth().refresh(&token, &client).await?;
        let TokenPairBody { access_token, token_type, expires_in, refresh_token, .. } =
            TokenPairBody::from(&refreshed.tokens);
        return tokens(&RefreshedBody {
            access: access_token.clone(),
            access_token: Some(access_token),
            refresh_token: Some(refresh_token),
            token_type: Some(token_type),
            expires_in: Some(expires_in),
        });
    }
    let cookies = cookies?;
    if cookies.has_malformed {
        return Err(Code::InvalidToken.into());
    }
    let token = cookies.refresh.ok_or(Code::NotAuthenticated)?;
    let refreshed = state.auth().refresh(&token, &client).await?;
    let mut response = tokens(&RefreshedBody {
        access: refreshed.tokens.access.expose().to_owned(),
        access_token: None,
        refresh_token: None,
        token_type: None,
        expires_in: None,
    })?;
    set_cookies(&state, &refreshed.tokens, response.headers_mut())?;
    Ok(response)
}
