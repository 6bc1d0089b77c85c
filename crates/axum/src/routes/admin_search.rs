//! How administrators find accounts.

use axum::{Json, extract::State, response::Response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use vestibule_core::{
    administration::{AdministrationError, SEARCH_PAGE, SEARCH_PAGES},
    values::{account::AccountId, username::LoginName},
};

use crate::{
    answers::{AccountBody, no_store},
    error::ApiError,
    extract::{AccountInPath, Admin},
    openapi::ADMINISTRATION,
    query::QueryFields,
    state::AuthState,
};

/// An account's id.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountIdBody {
    /// The id.
    id: Uuid,
}

/// Finds the account of a user name.
#[utoipa::path(
    get,
    path = "/id_by_username",
    operation_id = "id_by_username",
    tag = ADMINISTRATION,
    params(("username" = String, Query, description = "The user name, in any case.")),
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The id.", body = AccountIdBody)),
)]
pub(crate) async fn id_by_username(
    State(state): State<AuthState>,
    Admin(admin): Admin,
    query: QueryFields,
) -> Result<Response, ApiError> {
    let mut fields = query.fields()?;
    let username = fields.required_string("username");
    fields.finish()?;
    let name = match LoginName::read(&username) {
        name @ LoginName::Username(_) => name,
        _ => LoginName::Neither,
    };
    let account = state.auth().find_account_by_name(&admin, &name).await?;
    Ok(no_store(Json(AccountIdBody { id: *account.id.as_uuid() })))
}

/// A page of accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountPageBody {
    /// The accounts, in the order they were made in.
    items: Vec<AccountBody>,
    /// How many pages there are; at most 500 are counted.
    pages: u64,
    /// Which one this is, from 1.
    #[serde(rename = "currentPage")]
    current_page: u32,
}

/// Searches accounts, twenty a page.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "search_users",
    tag = ADMINISTRATION,
    params(
        ("id" = Option<String>, Query, description = "The account's id."),
        ("username" = Option<String>, Query,
            description = "What the user name contains, in any case; a plain text, never a pattern."),
        ("p" = Option<u32>, Query, description = "The page, from 1 to 500.", minimum = 1, maximum = 500),
    ),
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The page.", body = AccountPageBody)),
)]
pub(crate) async fn search(
    State(state): State<AuthState>,
    Admin(admin): Admin,
    query: QueryFields,
) -> Result<Response, ApiError> {
    let mut fields = query.fields()?;
    let id = fields.optional_string("id").filter(|id| !id.is_empty());
    let username = fields.optional_string("username").unwrap_or_default();
    let current_page = fields.optional_number("p", 1..=SEARCH_PAGES);
    fields.finish()?;
    let current_page = current_page.unwrap_or(1);
    let (accounts, total) = match id {
        None => {
            let page = state.auth().search_accounts(&admin, &username, current_page).await?;
            (page.accounts, page.total)
        }
        Some(id) => {
            let found = match AccountId::read(&id).map(|id| state.auth().find_account(&admin, id)) {
                Some(found) => found.await.map(Some).or_else(none_if_unknown)?,
                None => None,
            };
            let needle = username.to_ascii_lowercase();
            let found = found.filter(|account| {
                let name = account.username.as_deref().unwrap_or_default().to_ascii_lowercase();
                name.contains(&needle)
            });
            let total = u64::from(found.is_some());
            (found.into_iter().filter(|_| current_page == 1).collect(), total)
        }
    };
    let items = accounts.into_iter().map(|account| AccountBody::of(&state, account)).collect();
    let pages = total.div_ceil(u64::from(SEARCH_PAGE));
    Ok(no_store(Json(AccountPageBody { items, pages, current_page })))
}

fn none_if_unknown<T>(error: AdministrationError) -> Result<Option<T>, AdministrationError> {
    match error {
        AdministrationError::Unknown => Ok(None),
        other => Err(other),
    }
}

/// Any account.
#[utoipa::path(
    get,
    path = "/{id}",
    operation_id = "find_user",
    tag = ADMINISTRATION,
    params(("id" = String, Path, description = "The account's id.")),
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The account.", body = AccountBody)),
)]
pub(crate) async fn find(
    State(state): State<AuthState>,
    Admin(admin): Admin,
    AccountInPath(id): AccountInPath,
) -> Result<Response, ApiError> {
    let account = state.auth().find_account(&admin, id).await?;
    Ok(no_store(Json(AccountBody::of(&state, account))))
}
