//! `/api/v1/users` for administrators: list, look at, change, delete.

use axum::{Json, extract::State, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;
use vestibule_core::administration::AccountPatch;

use super::{admin::read_permissions, profile::changed_profile};
use crate::{
    answers::{AccountBody, no_content, no_store},
    error::ApiError,
    extract::{AccountInPath, Admin},
    json::JsonObject,
    openapi::USERS,
    query::QueryFields,
    state::AuthState,
};

/// How many accounts are listed at once.
const LIST_LIMIT: u32 = 100;

/// Lists accounts in the order they were made in; for administrators.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "list_users",
    tag = USERS,
    params(
        ("skip" = Option<u32>, Query, description = "How many to leave out; none by default."),
        ("limit" = Option<u32>, Query, description = "How many to return, from 1 to 100; 100 by default.",
            minimum = 1, maximum = 100),
    ),
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The accounts.", body = Vec<AccountBody>)),
)]
pub(crate) async fn list(
    State(state): State<AuthState>,
    Admin(admin): Admin,
    query: QueryFields,
) -> Result<Response, ApiError> {
    let mut fields = query.fields()?;
    let skip = fields.optional_number("skip", 0..=u32::MAX);
    let limit = fields.optional_number("limit", 1..=LIST_LIMIT);
    fields.finish()?;
    let accounts = state.auth().list_accounts(&admin, skip.unwrap_or(0), limit.unwrap_or(LIST_LIMIT)).await?;
    let accounts: Vec<_> = accounts.into_iter().map(|account| AccountBody::of(&state, account)).collect();
    Ok(no_store(Json(accounts)))
}

/// Any account; for administrators.
#[utoipa::path(
    get,
    path = "/{id}",
    operation_id = "read_user",
    tag = USERS,
    params(("id" = String, Path, description = "The account's id.")),
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The account.", body = AccountBody)),
)]
pub(crate) async fn read(
    State(state): State<AuthState>,
    Admin(admin): Admin,
    AccountInPath(id): AccountInPath,
) -> Result<Response, ApiError> {
    let account = state.auth().find_account(&admin, id).await?;
    Ok(no_store(Json(AccountBody::of(&state, account))))
}

/// The body of a change; what is absent stays as it is.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the body; the fields are read one by one")]
pub(crate) struct UserPatch {
    /// The e-mail address; a new one is not confirmed unless `confirmed` says so.
    #[schema(example = "ada@example.com", nullable = false)]
    email: Option<String>,
    /// The user name, or null for none.
    #[schema(example = "ada")]
    username: Option<String>,
    /// The person's name, or null for none.
    #[schema(example = "Ada Lovelace")]
    full_name: Option<String>,
    /// Whether the account may be used; `false` ends its sessions for good.
    #[schema(nullable = false)]
    active: Option<bool>,
    /// Whether the e-mail address counts as proved.
    #[schema(nullable = false)]
    confirmed: Option<bool>,
    /// All that the account may do.
    #[schema(example = json!(["read"]), nullable = false)]
    permissions: Option<Vec<String>>,
}

/// Changes an account, all that is named or nothing; for administrators.
///
/// The last active administrator can be neither disabled nor demoted.
#[utoipa::path(
    patch,
    path = "/{id}",
    operation_id = "change_user",
    tag = USERS,
    params(("id" = String, Path, description = "The account's id.")),
    request_body = UserPatch,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The account as it is now.", body = AccountBody)),
)]
pub(crate) async fn patch(
    State(state): State<AuthState>,
    Admin(admin): Admin,
    AccountInPath(id): AccountInPath,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let mut fields = body.fields();
    let patch = AccountPatch {
        email: fields.optional_present_string("email"),
        username: fields.nullable_string("username"),
        full_name: fields.nullable_string("full_name"),
        active: fields.optional_bool("active"),
        confirmed: fields.optional_bool("confirmed"),
        permissions: read_permissions(&mut fields, "permissions"),
        profile: changed_profile(&mut fields, state.auth()),
    };
    fields.finish()?;
    let account = state.auth().patch_account(&admin, id, patch).await?;
    Ok(no_store(Json(AccountBody::of(&state, account))))
}

/// Deletes an account, at once and for good; for administrators.
///
/// Its sessions end. The last active administrator cannot be deleted.
#[utoipa::path(
    delete,
    path = "/{id}",
    operation_id = "delete_user",
    tag = USERS,
    params(("id" = String, Path, description = "The account's id.")),
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 204, description = "Deleted.")),
)]
pub(crate) async fn delete(
    State(state): State<AuthState>,
    Admin(admin): Admin,
    AccountInPath(id): AccountInPath,
) -> Result<Response, ApiError> {
    state.auth().delete_account(&admin, id).await?;
    Ok(no_content())
}
