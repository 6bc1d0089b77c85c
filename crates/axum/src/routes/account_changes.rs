//! Changes of an account by its owner, or by an administrator.

use axum::{Json, extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    answers::no_store,
    error::ApiError,
    extract::{AccountInPath, Authenticated, Caller},
    json::JsonObject,
    openapi::ACCOUNT,
    state::AuthState,
};

/// A user name.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = Username)]
pub(crate) struct UsernameBody {
    /// The user name: 3 to 20 of ASCII letters, digits, `-` and `_`.
    #[schema(example = "ada")]
    username: String,
}

/// Changes a user name: one's own, or, for administrators, anybody's.
///
/// The owner is told by mail. Tokens have the new name after their next refresh.
#[utoipa::path(
    post,
    path = "/{id}/change_username",
    operation_id = "change_username",
    tag = ACCOUNT,
    params(("id" = String, Path, description = "The account's id.")),
    request_body = UsernameBody,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The name from now on.", body = UsernameBody)),
)]
pub(crate) async fn change_username(
    State(state): State<AuthState>,
    Caller(client): Caller,
    user: Authenticated,
    AccountInPath(id): AccountInPath,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let access = state.auth().access_account(&user.claims, &client, id).await?;
    let mut fields = body.fields();
    let username = fields.required_string("username");
    fields.finish()?;
    let account = state.auth().change_username(access, &username).await?;
    let username = account.username.unwrap_or_default();
    Ok(no_store(Json(UsernameBody { username })))
}
