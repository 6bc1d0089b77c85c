//! One's own devices.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    response::Response,
};
use vestibule_core::values::session::SessionId;

use crate::{
    answers::{SessionBody, delete_cookies, no_store, null},
    error::{ApiError, Code},
    extract::{Authenticated, Caller, TokenLocation},
    openapi::ACCOUNT,
    state::AuthState,
};

/// The caller's live sessions, the newest first.
#[utoipa::path(
    get,
    path = "/sessions",
    operation_id = "list_sessions",
    tag = ACCOUNT,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The sessions.", body = Vec<SessionBody>)),
)]
pub(crate) async fn list(State(state): State<AuthState>, user: Authenticated) -> Result<Response, ApiError> {
    let sessions = state.auth().list_sessions(&user.claims).await?;
    let current = user.claims.session_id;
    let sessions: Vec<_> = sessions.into_iter().map(|session| SessionBody::of(session, current)).collect();
    Ok(no_store(Json(sessions)))
}

/// Ends one of the caller's sessions.
#[utoipa::path(
    delete,
    path = "/sessions/{id}",
    operation_id = "end_session",
    tag = ACCOUNT,
    params(("id" = String, Path, description = "The session's id.")),
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses(
        (status = 200, description = "Ended.", body = ()),
    ),
)]
pub(crate) async fn end(
    State(state): State<AuthState>,
    Caller(client): Caller,
    user: Authenticated,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    // What is no id names nothing.
    let id = id.ok().and_then(|Path(id)| SessionId::read(&id)).ok_or(Code::NotFound)?;
    if !state.auth().end_own_session(&user.claims, id, &client).await? {
        return Err(Code::NotFound.into());
    }
    let mut response = null();
    if id == user.claims.session_id && user.location == TokenLocation::Cookie {
        delete_cookies(&state, response.headers_mut());
    }
    Ok(response)
}
