//! Changes of an account by its owner, or by an administrator.

use axum::{Json, extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    answers::{no_store, null},
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
    let mut fields = body.fields();
    let username = fields.required_string("username");
    fields.finish()?;
    let access = state.auth().access_account(&user.claims, &client, id).await?;
    let account = state.auth().change_username(access, &username).await?;
    let username = account.username.unwrap_or_default();
    Ok(no_store(Json(UsernameBody { username })))
}

/// The body of a change of address.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the body; the fields are read one by one")]
pub(crate) struct EmailChangeBody {
    /// The new e-mail address.
    #[schema(example = "countess@example.com")]
    email: String,
    /// The owner's password; administrators, who change somebody else's address, need none.
    #[schema(format = Password, example = "")]
    password: Option<String>,
}

/// Asks for another e-mail address: one's own, or, for administrators, anybody's.
///
/// A link and a code are mailed to the new address; it counts once it is confirmed by one of them, and the old address is
/// told then.
#[utoipa::path(
    post,
    path = "/{id}/change_email",
    operation_id = "change_email",
    tag = ACCOUNT,
    params(("id" = String, Path, description = "The account's id.")),
    request_body = EmailChangeBody,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "Queued.", body = ())),
)]
pub(crate) async fn change_email(
    State(state): State<AuthState>,
    Caller(client): Caller,
    user: Authenticated,
    AccountInPath(id): AccountInPath,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let mut fields = body.fields();
    let email = fields.required_string("email");
    let is_needed = user.claims.account_id == id || fields.has("password");
    let password = is_needed.then(|| fields.required_password("password"));
    fields.finish()?;
    let access = state.auth().access_account(&user.claims, &client, id).await?;
    state.auth().request_email_change(access, &email, password).await?;
    Ok(null())
}
