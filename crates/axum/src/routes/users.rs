//! One's own account.

use axum::{Json, response::Response};

use crate::{
    answers::{AccountBody, no_store},
    extract::CurrentUser,
    openapi::USERS,
};

/// The caller's account, as it is now.
#[utoipa::path(
    get,
    path = "/me",
    operation_id = "current_user",
    tag = USERS,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The account.", body = AccountBody)),
)]
pub(crate) async fn me(CurrentUser(account): CurrentUser) -> Response {
    no_store(Json(AccountBody::from(account)))
}
