//! The limits that an account has come up against: one's own, and for administrators everybody's; unlocking.

use axum::{Json, extract::State, response::Response};
use serde::Serialize;
use utoipa::ToSchema;
use vestibule_core::{ports::Timestamp, standing::LimitStanding};

use crate::{
    answers::{no_store, null},
    error::ApiError,
    extract::{AccountInPath, Admin, Authenticated},
    openapi::{ACCOUNT, ADMINISTRATION},
    state::AuthState,
};

/// Failed logins at an account, and how long they keep those who failed waiting.
#[derive(Serialize, ToSchema)]
#[schema(as = Limit)]
pub(crate) struct LimitBody {
    /// The limit, as the configuration names it: `account_failures` or `device_failures`.
    #[schema(example = "account_failures")]
    rule: &'static str,
    /// Who has failed: strangers with the `username`, with the `email`, with either (`account`), a `device` that has logged
    /// in before, which is listed for itself, or one's own `session` that was asked for the password again.
    #[schema(example = "username")]
    whose: &'static str,
    /// How often.
    #[schema(example = 6)]
    failures: u32,
    /// Until when they must wait (RFC 3339, UTC); null while they need not.
    #[schema(format = DateTime, example = "2026-01-31T12:00:00.000Z", required)]
    until: Option<String>,
}

fn answer(limits: Vec<LimitStanding>) -> Response {
    let body = |limit: LimitStanding| LimitBody {
        rule: limit.limit.as_str(),
        whose: limit.whose.as_str(),
        failures: limit.failures,
        until: limit.until.map(Timestamp::to_rfc3339),
    };
    no_store(Json(limits.into_iter().map(body).collect::<Vec<_>>()))
}

/// Failed logins at the caller's account, and until when they keep others waiting.
#[utoipa::path(
    get,
    path = "/limits",
    operation_id = "list_own_limits",
    tag = ACCOUNT,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The limits; none where nobody has failed.", body = Vec<LimitBody>)),
)]
pub(crate) async fn own(State(state): State<AuthState>, user: Authenticated) -> Result<Response, ApiError> {
    Ok(answer(state.auth().list_own_limits(&user.claims).await?))
}

/// Failed logins of strangers and of known devices at an account, and until when they must wait.
#[utoipa::path(
    get,
    path = "/{id}/limits",
    operation_id = "list_limits",
    tag = ADMINISTRATION,
    params(("id" = String, Path, description = "The account's id.")),
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The limits; none where nobody has failed.", body = Vec<LimitBody>)),
)]
pub(crate) async fn list(
    State(state): State<AuthState>,
    Admin(admin): Admin,
    AccountInPath(id): AccountInPath,
) -> Result<Response, ApiError> {
    Ok(answer(state.auth().list_limits_of(&admin, id).await?))
}

/// Forgets every failed login at an account: whoever had to wait may try at once.
#[utoipa::path(
    post,
    path = "/{id}/unlock",
    operation_id = "unlock",
    tag = ADMINISTRATION,
    params(("id" = String, Path, description = "The account's id.")),
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "Unlocked.", body = ())),
)]
pub(crate) async fn unlock(
    State(state): State<AuthState>,
    Admin(admin): Admin,
    AccountInPath(id): AccountInPath,
) -> Result<Response, ApiError> {
    state.auth().unlock(&admin, id).await?;
    Ok(null())
}
