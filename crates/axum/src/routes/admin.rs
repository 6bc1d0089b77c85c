//! What administrators do to accounts: bans, kicks, blackouts, permissions.

use axum::{Json, extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use vestibule_core::{
    ports::store::{Activity, PermissionChange},
    values::scope::{Scopes, is_scope_name},
};

use crate::{
    answers::{AccountBody, no_store, null},
    body::Fields,
    error::{ApiError, Code},
    extract::{AccountInPath, Admin},
    json::JsonObject,
    openapi::ADMINISTRATION,
    state::AuthState,
};

/// Who is disabled.
#[derive(Serialize, ToSchema)]
pub(crate) struct Blacklist {
    /// Every disabled account, the last disabled first; at most 10 000.
    global: Vec<Banned>,
    /// Those disabled within the lifetime of an access token.
    current: Vec<Uuid>,
}

/// A disabled account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Banned {
    /// The account's id.
    id: Uuid,
    /// The user name, as its owner typed it.
    #[schema(example = "ada", required)]
    username: Option<String>,
}

/// Lists who is disabled.
#[utoipa::path(
    get,
    path = "/blacklist",
    operation_id = "list_disabled",
    tag = ADMINISTRATION,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "Who is disabled.", body = Blacklist)),
)]
pub(crate) async fn blacklist(
    State(state): State<AuthState>,
    Admin(admin): Admin,
) -> Result<Response, ApiError> {
    let disabled = state.auth().list_disabled_accounts(&admin).await?;
    let recent = disabled.iter().filter(|(_, is_recent)| *is_recent);
    let current = recent.map(|(account, _)| *account.id.as_uuid()).collect();
    let global = disabled
        .into_iter()
        .map(|(account, _)| Banned { id: *account.id.as_uuid(), username: account.username })
        .collect();
    Ok(no_store(Json(Blacklist { global, current })))
}

/// Disables an account, or enables a disabled one.
///
/// Disabled, its sessions end at once, for every token and for good: enabled again, its owner logs in anew. The last
/// active administrator cannot be disabled.
#[utoipa::path(
    post,
    path = "/{id}/blacklist",
    operation_id = "toggle_ban",
    tag = ADMINISTRATION,
    params(("id" = String, Path, description = "The account's id.")),
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "Disabled, or enabled.", body = ())),
)]
pub(crate) async fn toggle_ban(
    State(state): State<AuthState>,
    Admin(admin): Admin,
    AccountInPath(id): AccountInPath,
) -> Result<Response, ApiError> {
    state.auth().set_active(&admin, id, Activity::Toggled).await?;
    Ok(null())
}

/// Ends every session of an account, for good; its owner may log in anew.
#[utoipa::path(
    post,
    path = "/{id}/kick",
    operation_id = "kick",
    tag = ADMINISTRATION,
    params(("id" = String, Path, description = "The account's id.")),
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "Ended.", body = ())),
)]
pub(crate) async fn kick(
    State(state): State<AuthState>,
    Admin(admin): Admin,
    AccountInPath(id): AccountInPath,
) -> Result<Response, ApiError> {
    state.auth().kick(&admin, id).await?;
    Ok(null())
}

/// The notice of a blackout.
#[derive(Serialize, ToSchema)]
pub(crate) struct BlackoutNotice {
    /// When every session ended (RFC 3339, UTC).
    #[schema(format = DateTime, example = "2026-01-31T12:00:00Z")]
    ts: String,
}

/// The notice of the last blackout, unless it has been cleared.
#[utoipa::path(
    get,
    path = "/blackout",
    operation_id = "blackout",
    tag = ADMINISTRATION,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The notice.", body = BlackoutNotice)),
)]
pub(crate) async fn blackout(
    State(state): State<AuthState>,
    Admin(admin): Admin,
) -> Result<Response, ApiError> {
    let ts = state.auth().find_blackout(&admin).await?.ok_or(Code::NotFound)?.to_rfc3339();
    Ok(no_store(Json(BlackoutNotice { ts })))
}

/// Ends every session of everybody, the caller's too; logins after it work at once.
#[utoipa::path(
    post,
    path = "/blackout",
    operation_id = "black_out",
    tag = ADMINISTRATION,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "Ended.", body = ())),
)]
pub(crate) async fn black_out(
    State(state): State<AuthState>,
    Admin(admin): Admin,
) -> Result<Response, ApiError> {
    state.auth().black_out(&admin).await?;
    Ok(null())
}

/// Takes the notice of the last blackout down; what it ended stays ended.
#[utoipa::path(
    delete,
    path = "/blackout",
    operation_id = "clear_blackout",
    tag = ADMINISTRATION,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "There is no notice any more.", body = ())),
)]
pub(crate) async fn clear_blackout(
    State(state): State<AuthState>,
    Admin(admin): Admin,
) -> Result<Response, ApiError> {
    state.auth().clear_blackout(&admin).await?;
    Ok(null())
}

/// What becomes of permissions.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum PermissionAction {
    /// Those of the payload are added.
    Add,
    /// Those of the payload are taken away.
    Remove,
    /// All are taken away.
    Clear,
}

/// The body of a change of permissions.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the body; the fields are read one by one")]
pub(crate) struct PermissionsBody {
    /// What to do.
    #[schema(inline)]
    action: PermissionAction,
    /// The permissions; needless for `CLEAR`.
    #[schema(example = json!(["read"]))]
    payload: Option<Vec<String>>,
}

/// Changes what an account may do.
///
/// Its tokens have the new permissions after their next refresh; routes that ask the store have them at once.
#[utoipa::path(
    patch,
    path = "/{id}/permissions",
    operation_id = "change_permissions",
    tag = ADMINISTRATION,
    params(("id" = String, Path, description = "The account's id.")),
    request_body = PermissionsBody,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The account.", body = AccountBody)),
)]
pub(crate) async fn change_permissions(
    State(state): State<AuthState>,
    Admin(admin): Admin,
    AccountInPath(id): AccountInPath,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let mut fields = body.fields();
    let action = fields.required_string("action");
    let payload = read_permissions(&mut fields, "payload");
    let change = match (action.as_str(), payload) {
        ("CLEAR", _) => Some(PermissionChange::Set(Scopes::none())),
        ("ADD", Some(names)) => Some(PermissionChange::Add(names)),
        ("REMOVE", Some(names)) => Some(PermissionChange::Remove(names)),
        ("ADD" | "REMOVE", None) => {
            fields.reject_missing("payload");
            None
        }
        _ => {
            fields.reject_value("action", "The action must be ADD, REMOVE or CLEAR");
            None
        }
    };
    fields.finish()?;
    let change = change.ok_or(Code::ValidationFailed)?;
    let account = state.auth().change_permissions(&admin, id, change).await?;
    Ok(no_store(Json(AccountBody::of(&state, account))))
}

/// A list of permissions, each one that could be a scope.
pub(super) fn read_permissions(fields: &mut Fields, name: &'static str) -> Option<Scopes> {
    let names = fields.optional_strings(name)?;
    if !names.iter().all(|name| is_scope_name(name)) {
        fields.reject_value(
            name,
            "A permission is 1 to 64 ASCII symbols without spaces, quotes and backslashes",
        );
    }
    Some(names.into_iter().collect())
}
