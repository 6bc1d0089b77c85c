//! One's own password: forgotten, reset, changed, set.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    response::Response,
};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vestibule_core::{
    password_change::PasswordOwner,
    password_reset::{Chooser, TypedTwice},
    values::device::{Device, DeviceToken},
};

use super::login::{choosing_device, device_of};
use crate::{
    answers::{no_store, null, remember, remember_device},
    body::Fields,
    error::ApiError,
    extract::{Authenticated, Caller, TokenLocation},
    json::JsonObject,
    openapi::ACCOUNT,
    state::AuthState,
};

/// The body of a request for help.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the body; the fields are read one by one")]
pub(crate) struct ForgottenPasswordBody {
    /// The e-mail address of the account.
    #[schema(example = "ada@example.com")]
    email: String,
}

/// Mails a link and a code that reset the password, if there is such an account; the answer is always the same.
#[utoipa::path(
    post,
    path = "/forgot_password",
    operation_id = "forgot_password",
    tag = ACCOUNT,
    request_body = ForgottenPasswordBody,
    responses((status = 200, description = "Noted.", body = ())),
)]
pub(crate) async fn forgot(
    State(state): State<AuthState>,
    Caller(client): Caller,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let mut fields = body.fields();
    let email = fields.required_string("email");
    fields.finish()?;
    state.auth().forgot_password(&email, &client).await?;
    Ok(null())
}

/// Whether there is a password.
#[derive(Serialize, ToSchema)]
#[schema(as = PasswordStatus)]
pub(crate) struct PasswordStatusBody {
    /// `change` where there is one to be changed, `set` where there is none yet.
    #[schema(value_type = String, example = "change")]
    status: &'static str,
}

/// Whether the caller has a password to change or none yet.
#[utoipa::path(
    get,
    path = "/password",
    operation_id = "password_status",
    tag = ACCOUNT,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "What can be done.", body = PasswordStatusBody)),
)]
pub(crate) async fn status(
    State(state): State<AuthState>,
    user: Authenticated,
) -> Result<Response, ApiError> {
    let account = state.auth().find_current_account(&user.claims).await?;
    let status = if state.auth().has_password(&account).await? { "change" } else { "set" };
    Ok(no_store(Json(PasswordStatusBody { status })))
}

/// A new password, typed twice.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the body; the fields are read one by one")]
pub(crate) struct NewPasswordBody {
    /// The new password: 8 to 256 symbols.
    #[schema(format = Password, example = "")]
    password1: String,
    /// The new password again.
    #[schema(format = Password, example = "")]
    password2: String,
}

fn typed_twice(fields: &mut Fields) -> TypedTwice {
    TypedTwice {
        password: fields.required_password("password1"),
        repeated: fields.required_password("password2"),
    }
}

/// Sets the first password of an account that has none; other sessions end.
#[utoipa::path(
    post,
    path = "/password",
    operation_id = "set_password",
    tag = ACCOUNT,
    request_body = NewPasswordBody,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "Set.", body = ())),
)]
pub(crate) async fn set(
    State(state): State<AuthState>,
    Caller(client): Caller,
    user: Authenticated,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let mut fields = body.fields();
    let new = typed_twice(&mut fields);
    fields.finish()?;
    let account = state.auth().find_current_account(&user.claims).await?;
    let device = &device_of_caller(&state, &user, &headers);
    let session_id = user.claims.session_id;
    let owner = PasswordOwner { account: &account, session_id, client: &client, device };
    let device = state.auth().set_password(owner, new).await?;
    remember_device(&state, device.as_ref(), null())
}

/// The body of a change.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the body; the fields are read one by one")]
pub(crate) struct PasswordChangeBody {
    /// The password until now; `oldPassword` is understood, too.
    #[schema(format = Password, example = "")]
    old_password: String,
    /// The new password: 8 to 256 symbols.
    #[schema(format = Password, example = "")]
    password1: String,
    /// The new password again.
    #[schema(format = Password, example = "")]
    password2: String,
}

/// Changes the caller's password; other sessions end, and other browsers are strangers.
#[utoipa::path(
    put,
    path = "/password",
    operation_id = "change_own_password",
    tag = ACCOUNT,
    request_body = PasswordChangeBody,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "Changed.", body = ())),
)]
pub(crate) async fn change(
    State(state): State<AuthState>,
    Caller(client): Caller,
    user: Authenticated,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let mut fields = body.fields();
    let is_other_name = fields.has("oldPassword") && !fields.has("old_password");
    let name = if is_other_name { "oldPassword" } else { "old_password" };
    let old = fields.required_password(name);
    let new = typed_twice(&mut fields);
    fields.finish()?;
    let account = state.auth().find_current_account(&user.claims).await?;
    let device = &device_of_caller(&state, &user, &headers);
    let session_id = user.claims.session_id;
    let owner = PasswordOwner { account: &account, session_id, client: &client, device };
    let device = state.auth().change_password(owner, old, new).await?;
    remember_device(&state, device.as_ref(), null())
}

/// A browser where a cookie came along, and a program otherwise.
fn device_of_caller(state: &AuthState, user: &Authenticated, headers: &HeaderMap) -> Device {
    if user.location == TokenLocation::Cookie { device_of(state, headers) } else { Device::Program }
}

/// Sets a new password by the token of a mailed link; every session ends, and the browser is known.
#[utoipa::path(
    post,
    path = "/password/{token}",
    operation_id = "reset_password",
    tag = ACCOUNT,
    params(("token" = String, Path, description = "The last part of the mailed link.")),
    request_body = NewPasswordBody,
    responses((status = 200, description = "Set.", body = ())),
)]
pub(crate) async fn reset_by_link(
    State(state): State<AuthState>,
    Caller(client): Caller,
    headers: HeaderMap,
    token: Result<Path<String>, PathRejection>,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let mut fields = body.fields();
    let new = typed_twice(&mut fields);
    fields.finish()?;
    // What cannot be read is no token.
    let token = token.map(|Path(token)| token).unwrap_or_default();
    let device = choosing_device(&state, &headers);
    let by = Chooser { client: &client, device: &device };
    known_from_now_on(&state, state.auth().reset_password(&token, new, by).await?.as_ref())
}

/// The body of a reset by code.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the body; the fields are read one by one")]
pub(crate) struct PasswordCodeBody {
    /// The e-mail address that the code was mailed to.
    #[schema(example = "ada@example.com")]
    email: String,
    /// The code; spaces and hyphens do not matter.
    #[schema(example = "1234 5678")]
    code: String,
    /// The new password: 8 to 256 symbols.
    #[schema(format = Password, example = "")]
    password1: String,
    /// The new password again.
    #[schema(format = Password, example = "")]
    password2: String,
}

/// Sets a new password by the code that was mailed; every session ends, and the browser is known. The fifth wrong code is the last.
#[utoipa::path(
    post,
    path = "/password_code",
    operation_id = "reset_password_by_code",
    tag = ACCOUNT,
    request_body = PasswordCodeBody,
    responses((status = 200, description = "Set.", body = ())),
)]
pub(crate) async fn reset_by_code(
    State(state): State<AuthState>,
    Caller(client): Caller,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let mut fields = body.fields();
    let (email, code) = (fields.required_string("email"), fields.required_string("code"));
    let new = typed_twice(&mut fields);
    fields.finish()?;
    let device = choosing_device(&state, &headers);
    let by = Chooser { client: &client, device: &device };
    known_from_now_on(&state, state.auth().reset_password_by_code(&email, &code, new, by).await?.as_ref())
}

/// Answers a reset, and has the browser known.
fn known_from_now_on(state: &AuthState, device: Option<&DeviceToken>) -> Result<Response, ApiError> {
    let mut response = null();
    remember(state, device, &mut response).map_err(ApiError::internal)?;
    Ok(response)
}
