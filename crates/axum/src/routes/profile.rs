//! What the application keeps with an account: read and set by whoever may change the account.

use axum::{Json, extract::State, response::Response};
use serde_json::{Map, Value, value::RawValue};
use vestibule_core::{Auth, ports::profile::ProfileRefusal, profile::ShownProfile, values::account::Account};

use crate::{
    answers::{no_store, raw},
    body::Fields,
    error::{ApiError, Code},
    extract::{AccountOrMe, Authenticated, Caller},
    json::JsonObject,
    openapi::USERS,
    state::AuthState,
};

/// An account's profile: one's own, or, for administrators, anybody's. `null` where there is none.
#[utoipa::path(
    get,
    path = "/{id}/profile",
    operation_id = "profile",
    tag = USERS,
    params(("id" = String, Path, description = "The account's id, or `me`.")),
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The profile.", body = Object)),
)]
pub(crate) async fn find(
    State(state): State<AuthState>,
    Caller(client): Caller,
    user: Authenticated,
    AccountOrMe(named): AccountOrMe,
) -> Result<Response, ApiError> {
    let id = named.unwrap_or(user.claims.account_id);
    let access = state.auth().access_account(&user.claims, &client, id).await?;
    shown(&state, access.account())
}

/// Replaces an account's profile: one's own, or, for administrators, anybody's.
///
/// All of it is replaced, and members that it does not know are ignored. Of two who set one at once, the last one's is
/// kept.
#[utoipa::path(
    put,
    path = "/{id}/profile",
    operation_id = "set_profile",
    tag = USERS,
    params(("id" = String, Path, description = "The account's id, or `me`.")),
    request_body = Object,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The profile as it is now.", body = Object)),
)]
pub(crate) async fn set(
    State(state): State<AuthState>,
    Caller(client): Caller,
    user: Authenticated,
    AccountOrMe(named): AccountOrMe,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let id = named.unwrap_or(user.claims.account_id);
    let access = state.auth().access_account(&user.claims, &client, id).await?;
    let account = state.auth().change_profile(access, body.into_members()).await?;
    shown(&state, &account)
}

fn shown(state: &AuthState, account: &Account) -> Result<Response, ApiError> {
    let profile: Option<Box<RawValue>> = match state.auth().find_profile(account)? {
        ShownProfile::NotKept => return Err(Code::NotFound.into()),
        ShownProfile::None => None,
        ShownProfile::Some(text) => Some(raw(&text)),
    };
    Ok(no_store(Json(profile)))
}

/// Takes the profile of somebody who registers; `{}` where none was sent. Where none are kept, it is a member like every
/// other that nobody asks for.
pub(super) fn first_profile(fields: &mut Fields, auth: &Auth) -> Option<Map<String, Value>> {
    if !auth.keeps_profiles() {
        return None;
    }
    let is_sent = fields.has("profile");
    let sent = fields.optional_object("profile");
    if sent.is_some() || !is_sent {
        return check_shape(fields, auth, sent.unwrap_or_default());
    }
    None
}

/// Takes the profile of a change, if it is named.
pub(super) fn changed_profile(fields: &mut Fields, auth: &Auth) -> Option<Map<String, Value>> {
    let is_named = auth.keeps_profiles() && fields.has("profile");
    let sent = if is_named { fields.optional_present_object("profile") } else { None };
    sent.and_then(|sent| check_shape(fields, auth, sent))
}

/// Notes what cannot be read beside what is wrong with the other fields, so that all is told at once.
fn check_shape(fields: &mut Fields, auth: &Auth, sent: Map<String, Value>) -> Option<Map<String, Value>> {
    if let Err(ProfileRefusal::Misfit(misfit)) = auth.check_profile_shape(&sent) {
        fields.reject_misfit(misfit);
        return None;
    }
    Some(sent)
}
