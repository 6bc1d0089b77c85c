//! Logging in: the OAuth2 form and the cookie route, through the one engine call.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header};
use serde::Deserialize;
use utoipa::ToSchema;
use vestibule_core::{
    login::LoginAttempt,
    values::{client::Client, device::Device, scope::Scopes},
};

use crate::{
    answers::{AccountBody, TokenPairBody, logged_in, no_store},
    body::Fields,
    cookies::{Cookie, CookieKind},
    error::{ApiError, Code},
    extract::{Caller, NotForeign},
    form::FormFields,
    json::JsonObject,
    openapi::{ACCOUNT, PASSWORD_LOGIN},
    state::AuthState,
};

/// The form of an OAuth2 password login (RFC 6749 §4.3.2).
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the form; the fields are read one by one")]
pub(crate) struct PasswordLoginForm {
    /// The user name or the e-mail address.
    #[schema(example = "ada")]
    username: String,
    /// The password.
    #[schema(format = Password, example = "")]
    password: String,
    /// `password`, or empty.
    #[schema(example = "password")]
    grant_type: Option<String>,
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

/// Logs in with the OAuth2 password form.
///
/// First-party applications only: the form shows the password to whoever sends it.
#[utoipa::path(
    post,
    path = "/login",
    operation_id = "log_in_by_form",
    tag = PASSWORD_LOGIN,
    request_body(content(
        (PasswordLoginForm = "application/x-www-form-urlencoded"),
        (PasswordLoginForm = "multipart/form-data"),
    )),
    responses((status = 200, description = "Logged in.", body = TokenPairBody)),
)]
pub(crate) async fn password_login(
    State(state): State<AuthState>,
    Caller(client): Caller,
    headers: HeaderMap,
    form: FormFields,
) -> Result<Response, ApiError> {
    refuse_other_clients(&headers)?;
    let mut fields = form.fields();
    if read_grant(&state, &mut fields) == Grant::RefreshToken {
        fields.reject_value("grant_type", "The grant type must be password");
    }
    log_in_by_form(&state, client, fields).await
}

/// What a form asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// RFC 6749 §4.3.
    Password,
    /// RFC 6749 §6.
    RefreshToken,
}

/// Reads the grant type; an absent or empty one means `password`, unless it is required.
pub(super) fn read_grant(state: &AuthState, fields: &mut Fields) -> Grant {
    let grant_type = fields.optional_string("grant_type").filter(|grant| !grant.is_empty());
    match grant_type.as_deref() {
        None if state.is_grant_type_required() => fields.reject_missing("grant_type"),
        None | Some("password") => {}
        Some("refresh_token") => return Grant::RefreshToken,
        Some(_) => fields.reject_value("grant_type", "The grant type is not supported here"),
    }
    Grant::Password
}

/// The rest of the form, once the grant type is known to be `password`.
pub(super) async fn log_in_by_form(
    state: &AuthState,
    client: Client,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    let name = fields.required_string("username");
    let password = fields.required_password("password");
    let captcha = fields.optional_string("captcha");
    let scope = Scopes::read(&fields.optional_string("scope").unwrap_or_default());
    fields.finish()?;
    let device = Device::Program;
    let attempt =
        LoginAttempt { name, password, scope, captcha, client, device, replaces: None, restores: false };
    let login = state.auth().log_in(attempt).await?;
    Ok(no_store(Json(TokenPairBody::from(&login.tokens))))
}

/// RFC 6749 §2.3.1: whoever authenticates as a client must be one. An empty client id means that there is none.
pub(super) fn refuse_other_clients(headers: &HeaderMap) -> Result<(), ApiError> {
    for value in headers.get_all(header::AUTHORIZATION) {
        let value = value.to_str().map_err(|_| ApiError::new(Code::InvalidClient))?;
        let (scheme, credentials) = value.split_once(' ').unwrap_or((value, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            let decoded =
                STANDARD.decode(credentials.trim()).map_err(|_| ApiError::new(Code::InvalidClient))?;
            if !decoded.starts_with(b":") {
                return Err(Code::InvalidClient.into());
            }
        }
    }
    Ok(())
}

/// The body of a cookie login.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the body; the fields are read one by one")]
pub(crate) struct LoginBody {
    /// The user name or the e-mail address.
    #[schema(example = "ada")]
    login: String,
    /// The password.
    #[schema(format = Password, example = "")]
    password: String,
    /// Whether to take back the deletion of the account, which its owner asked for.
    #[schema(nullable = false, example = false)]
    restore: Option<bool>,
    /// The token of the captcha that `GET /api/users/captcha` describes, solved for the action `login`; asked for once there
    /// have been failures.
    captcha: Option<String>,
}

/// Logs in and sets both cookies.
///
/// A session whose cookie comes along ends.
#[utoipa::path(
    post,
    path = "/login",
    operation_id = "log_in",
    tag = ACCOUNT,
    request_body = LoginBody,
    responses((status = 200, description = "Logged in.", body = AccountBody,
        headers(("Set-Cookie" = String, description = "Both cookies.")))),
)]
pub(crate) async fn cookie_login(
    State(state): State<AuthState>,
    Caller(client): Caller,
    _: NotForeign,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let mut fields = body.fields();
    let name = fields.required_string("login");
    let password = fields.required_password("password");
    let captcha = fields.optional_string("captcha");
    let restores = fields.optional_bool("restore").unwrap_or(false);
    fields.finish()?;
    let replaces = replaced_session(&state, &headers).await;
    let (device, scope) = (device_of(&state, &headers), Scopes::none());
    let attempt = LoginAttempt { name, password, scope, captcha, client, device, replaces, restores };
    let login = state.auth().log_in(attempt).await?;
    logged_in(&state, login).map(IntoResponse::into_response)
}

/// The browser that a request comes from, as far as it is known.
pub(super) fn device_of(state: &AuthState, headers: &HeaderMap) -> Device {
    match state.http().cookies.read(headers, CookieKind::Device) {
        Cookie::Present(text) => Device::of_browser(Some(text)),
        // A stranger is all that a spoiled cookie makes.
        Cookie::Absent | Cookie::Malformed => Device::of_browser(None),
    }
}

/// The browser that chooses a password by mail, which needs no session; a foreign page gives its visitor's none.
pub(crate) fn choosing_device(state: &AuthState, headers: &HeaderMap) -> Device {
    if state.http().origins.is_foreign(headers) { Device::Program } else { device_of(state, headers) }
}

/// The session that a login ends: the one whose cookie came along.
pub(super) async fn replaced_session(
    state: &AuthState,
    headers: &HeaderMap,
) -> Option<vestibule_core::values::session::SessionId> {
    let present = |kind| match state.http().cookies.read(headers, kind) {
        Cookie::Present(token) => Some(token),
        Cookie::Absent | Cookie::Malformed => None,
    };
    state.auth().find_named_session(present(CookieKind::Access), present(CookieKind::Refresh)).await
}
