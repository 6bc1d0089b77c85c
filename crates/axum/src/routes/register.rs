//! Making an account: with cookies for browsers, without for everybody else.

use axum::{Json, extract::State, response::Response};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;
use vestibule_core::{
    register::{Registered, Registration},
    values::device::Device,
};

use super::{
    login::{device_of, replaced_session},
    profile::first_profile,
};
use crate::{
    answers::{AccountBody, logged_in, no_store},
    error::ApiError,
    extract::{Caller, Languages, NotForeign},
    json::JsonObject,
    openapi::{ACCOUNT, USERS},
    state::AuthState,
};

/// The body of a registration.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the body; the fields are read one by one")]
pub(crate) struct RegisterBody {
    /// The e-mail address.
    #[schema(example = "ada@example.com")]
    email: String,
    /// The user name: 3 to 20 of ASCII letters, digits, `-` and `_`.
    #[schema(example = "ada")]
    username: String,
    /// The password: 8 to 256 symbols.
    #[schema(format = Password, example = "")]
    password1: String,
    /// The password again.
    #[schema(format = Password, example = "")]
    password2: String,
    /// The person's name: at most 100 symbols.
    #[schema(example = "Ada Lovelace")]
    full_name: Option<String>,
    /// The token of the captcha that `GET /api/users/captcha` describes, solved for the action `register`.
    captcha: Option<String>,
}

/// Registers and logs in: both cookies are set, unless the address has to be confirmed first.
#[utoipa::path(
    post,
    path = "/register",
    tag = ACCOUNT,
    request_body = RegisterBody,
    responses((status = 200, description = "Registered.", body = AccountBody,
        headers(("Set-Cookie" = String, description = "Both cookies; none where the address has to be confirmed first.")))),
)]
pub(crate) async fn register(
    State(state): State<AuthState>,
    Caller(client): Caller,
    _: NotForeign,
    Languages(language): Languages,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let mut fields = body.fields();
    let registration = Registration {
        email: fields.required_string("email"),
        username: Some(fields.required_string("username")),
        password: fields.required_password("password1"),
        password_field: "password1",
        repeated: Some(fields.required_password("password2")),
        full_name: fields.optional_string("full_name"),
        captcha: fields.optional_string("captcha"),
        profile: first_profile(&mut fields, state.auth()),
        language,
        client,
        device: device_of(&state, &headers),
    };
    fields.finish()?;
    let replaces = replaced_session(&state, &headers).await;
    match state.auth().register_and_log_in(registration, replaces).await? {
        Registered::LoggedIn(login) => logged_in(&state, login),
        Registered::Unconfirmed(account) => Ok(no_store(Json(AccountBody::of(&state, account)))),
    }
}

/// The body of a registration without cookies.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the body; the fields are read one by one")]
pub(crate) struct NewUserBody {
    /// The e-mail address.
    #[schema(example = "ada@example.com")]
    email: String,
    /// The password: 8 to 256 symbols.
    #[schema(format = Password, example = "")]
    password: String,
    /// The user name: 3 to 20 of ASCII letters, digits, `-` and `_`.
    #[schema(example = "ada")]
    username: Option<String>,
    /// The person's name: at most 100 symbols.
    #[schema(example = "Ada Lovelace")]
    full_name: Option<String>,
    /// The token of the captcha that `GET /api/users/captcha` describes, solved for the action `register`.
    captcha: Option<String>,
}

/// Registers, without logging in.
#[utoipa::path(
    post,
    path = "/",
    tag = USERS,
    request_body = NewUserBody,
    responses(
        (status = 201, description = "Registered.", body = AccountBody),
    ),
)]
pub(crate) async fn create_user(
    State(state): State<AuthState>,
    Caller(client): Caller,
    Languages(language): Languages,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let mut fields = body.fields();
    let registration = Registration {
        email: fields.required_string("email"),
        username: fields.optional_filled_string("username"),
        password: fields.required_password("password"),
        password_field: "password",
        repeated: None,
        full_name: fields.optional_string("full_name"),
        captcha: fields.optional_string("captcha"),
        profile: first_profile(&mut fields, state.auth()),
        language,
        client,
        device: Device::Program,
    };
    fields.finish()?;
    let account = state.auth().register(registration).await.map_err(ApiError::of_conflicting)?;
    Ok(no_store((StatusCode::CREATED, Json(AccountBody::of(&state, account)))))
}
