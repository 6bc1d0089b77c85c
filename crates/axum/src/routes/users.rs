//! One's own account.

use axum::{Json, extract::State, response::Response};

use crate::{
    answers::{AccountBody, no_store},
    extract::CurrentUser,
    openapi::USERS,
    state::AuthState,
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
pub(crate) async fn me(State(state): State<AuthState>, CurrentUser(account): CurrentUser) -> Response {
    no_store(Json(AccountBody::of(&state, account)))
}
