//! Tokens: the OAuth2 token endpoint of first-party clients, and the claims of one's own.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::login::{Grant, log_in_by_form, read_grant, refuse_other_clients};
use crate::{
    answers::{TokenPairBody, no_store},
    error::ApiError,
    extract::{Authenticated, Caller},
    form::FormFields,
    openapi::{ACCOUNT, PASSWORD_LOGIN},
    state::AuthState,
};

/// The form of the token endpoint.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the form; the fields are read one by one")]
pub(crate) struct TokenForm {
    /// `password` (or empty) or `refresh_token`.
    #[schema(example = "password")]
    grant_type: Option<String>,
    /// The user name or the e-mail address, for `password`.
    #[schema(example = "ada")]
    username: Option<String>,
    /// The password, for `password`.
    #[schema(format = Password, example = "")]
    password: Option<String>,
    /// The refresh token, for `refresh_token`.
    refresh_token: Option<String>,
    /// The scopes asked for, separated by spaces.
    scope: Option<String>,
    /// Ignored.
    client_id: Option<String>,
    /// Ignored.
    client_secret: Option<String>,
    /// The token of the captcha that `GET /api/users/captcha` describes, solved for the action `login`; asked for once there
    /// have been failures.
    captcha: Option<String>,
}

/// Logs in with the OAuth2 password form, or refreshes.
///
/// The Authorize dialog of this page comes here.
#[utoipa::path(
    post,
    path = "/token",
    operation_id = "issue_tokens",
    tag = PASSWORD_LOGIN,
    request_body(content(
        (TokenForm = "application/x-www-form-urlencoded"),
        (TokenForm = "multipart/form-data"),
    )),
    responses((status = 200, description = "Logged in or refreshed.", body = TokenPairBody)),
)]
pub(crate) async fn password_or_refresh_token(
    State(state): State<AuthState>,
    Caller(client): Caller,
    headers: HeaderMap,
    form: FormFields,
) -> Result<Response, ApiError> {
    refuse_other_clients(&headers)?;
    let mut fields = form.fields();
    if read_grant(&state, &mut fields) == Grant::RefreshToken {
        let token = fields.required_string("refresh_token");
        fields.finish()?;
        let refreshed = state.auth().refresh(&token, &client).await?;
        return Ok(no_store(Json(TokenPairBody::from(&refreshed.tokens))));
    }
    log_in_by_form(&state, client, fields).await
}

/// The claims of an access token (RFC 9068).
#[derive(Serialize, ToSchema)]
pub(crate) struct Claims {
    /// The issuer.
    iss: String,
    /// The account's id.
    sub: Uuid,
    /// The audience.
    aud: String,
    /// When the token expires, in seconds since 1970.
    exp: i64,
    /// When the token was made, in seconds since 1970.
    iat: i64,
    /// The token's id.
    jti: Uuid,
    /// The session's id.
    sid: Uuid,
    /// The granted scopes, separated by spaces.
    scope: String,
    /// The client the token was made for.
    client_id: String,
    /// When the person last proved who they are, in seconds since 1970.
    auth_time: i64,
    /// The account's id again.
    id: Uuid,
    /// The user name.
    #[schema(required)]
    username: Option<String>,
    /// What the account may do, as of `iat`.
    permissions: Vec<String>,
    /// Always `access`.
    #[schema(example = "access")]
    r#type: String,
}

/// The claims of the access token that comes along.
#[utoipa::path(
    post,
    path = "/token",
    operation_id = "claims",
    tag = ACCOUNT,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The claims.", body = Claims)),
)]
pub(crate) async fn claims(user: Authenticated) -> Response {
    let json = HeaderValue::from_static("application/json");
    no_store(([(header::CONTENT_TYPE, json)], user.claims.json.to_string()).into_response())
}
