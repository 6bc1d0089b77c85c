//! Deleting one's own account.

use axum::{Json, extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    answers::{delete_cookies, no_store},
    error::ApiError,
    extract::{Authenticated, Caller, TokenLocation},
    json::JsonObject,
    openapi::ACCOUNT,
    state::AuthState,
};

/// The body of a deletion.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the body; the fields are read one by one")]
pub(crate) struct DeletionBody {
    /// The password, once more.
    #[schema(format = Password, example = "")]
    password: String,
}

/// When an account is gone.
#[derive(Serialize, ToSchema)]
#[schema(as = Deletion)]
pub(crate) struct DeletionTimeBody {
    /// Until when the account can be taken back (RFC 3339, UTC); then it is deleted.
    #[schema(format = DateTime, example = "2026-01-31T12:00:00Z")]
    deletes_at: String,
}

/// Deletes the caller's account, after a grace in which it can be taken back.
///
/// It is out of use at once: every session ends, nobody logs in, its names stay taken; its owner is told by mail. Until
/// `deletes_at`, `POST /login` with `restore` takes it back, and so does an administrator who enables it. The last active
/// administrator cannot be deleted. An account without a password is given one first.
#[utoipa::path(
    post,
    path = "/delete",
    operation_id = "delete_account",
    tag = ACCOUNT,
    request_body = DeletionBody,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "Out of use.", body = DeletionTimeBody)),
)]
pub(crate) async fn delete(
    State(state): State<AuthState>,
    Caller(client): Caller,
    user: Authenticated,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let mut fields = body.fields();
    let password = fields.required_password("password");
    fields.finish()?;
    let deletes_at = state.auth().request_deletion(&user.claims, password, &client).await?;
    let mut response = no_store(Json(DeletionTimeBody { deletes_at: deletes_at.to_rfc3339() }));
    if user.location == TokenLocation::Cookie {
        delete_cookies(&state, response.headers_mut());
    }
    Ok(response)
}
