//! Proving that an address is one's own.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    response::Response,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    answers::{no_store, null},
    error::ApiError,
    extract::{Caller, CurrentUser, Languages},
    json::JsonObject,
    openapi::ACCOUNT,
    state::AuthState,
};

/// Whether the address is proved.
#[derive(Serialize, ToSchema)]
#[schema(as = Confirmation)]
pub(crate) struct ConfirmationBody {
    /// The e-mail address.
    #[schema(example = "ada@example.com")]
    email: String,
    /// Whether it has been confirmed.
    confirmed: bool,
}

/// Whether the caller's address is confirmed.
#[utoipa::path(
    get,
    path = "/confirm",
    operation_id = "confirmation_status",
    tag = ACCOUNT,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The address.", body = ConfirmationBody)),
)]
pub(crate) async fn status(CurrentUser(account): CurrentUser) -> Response {
    no_store(Json(ConfirmationBody { email: account.email, confirmed: account.confirmed }))
}

/// Mails a link and a code that confirm the caller's address; older ones are no longer good.
#[utoipa::path(
    post,
    path = "/confirm",
    operation_id = "request_confirmation",
    tag = ACCOUNT,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "Queued.", body = ())),
)]
pub(crate) async fn request(
    State(state): State<AuthState>,
    CurrentUser(account): CurrentUser,
    Languages(language): Languages,
) -> Result<Response, ApiError> {
    state.auth().request_confirmation(&account, language).await?;
    Ok(null())
}

/// Confirms an address by the token of a mailed link.
#[utoipa::path(
    post,
    path = "/confirm/{token}",
    operation_id = "confirm",
    tag = ACCOUNT,
    params(("token" = String, Path, description = "The last part of the mailed link.")),
    responses((status = 200, description = "Confirmed.", body = ())),
)]
pub(crate) async fn by_link(
    State(state): State<AuthState>,
    Caller(client): Caller,
    token: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    // What cannot be read is no token.
    let token = token.map(|Path(token)| token).unwrap_or_default();
    state.auth().confirm(&token, &client).await?;
    Ok(null())
}

/// The body of a confirmation by code.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the body; the fields are read one by one")]
pub(crate) struct ConfirmationCodeBody {
    /// The e-mail address that the code was mailed to.
    #[schema(example = "ada@example.com")]
    email: String,
    /// The code; spaces and hyphens do not matter.
    #[schema(example = "1234 5678")]
    code: String,
}

/// Confirms an address by the code that was mailed to it; the fifth wrong one is the last.
#[utoipa::path(
    post,
    path = "/confirm_code",
    operation_id = "confirm_by_code",
    tag = ACCOUNT,
    request_body = ConfirmationCodeBody,
    responses((status = 200, description = "Confirmed.", body = ())),
)]
pub(crate) async fn by_code(
    State(state): State<AuthState>,
    Caller(client): Caller,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let mut fields = body.fields();
    let (email, code) = (fields.required_string("email"), fields.required_string("code"));
    fields.finish()?;
    state.auth().confirm_by_code(&email, &code, &client).await?;
    Ok(null())
}
