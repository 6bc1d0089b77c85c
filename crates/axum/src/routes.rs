//! The routes, as routers that any axum application can mount under any prefix.
//!
//! Each is an [`OpenApiRouter`]: merge them, then split them into the router and its description, or turn one into a
//! plain [`axum::Router`] with `Router::from`.

pub mod account_changes;
pub mod admin;
pub mod admin_search;
pub mod admin_users;
pub mod audit;
pub mod confirmation;
pub mod deletion;
pub mod export;
pub mod login;
pub mod logout;
pub mod password;
pub mod refresh;
pub mod register;
pub mod service;
pub mod sessions;
pub mod token;
pub mod users;

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{cookies::CookiePolicy, docs::docs_routes, openapi, pages::page_routes, state::AuthState};

/// `POST /login` and `POST /token`: the OAuth2 password login. The server mounts it under `/api/v1`.
#[must_use]
pub fn password_login_routes(state: &AuthState) -> OpenApiRouter {
    password_login().with_state(state.clone())
}

/// Registration, login, logout, refresh and devices, by cookie or bearer token. The server mounts it under
/// `/api/users`.
#[must_use]
pub fn account_routes(state: &AuthState) -> OpenApiRouter {
    account().with_state(state.clone())
}

/// What administrators do to accounts: bans, kicks, blackouts, permissions, search. The server mounts it under
/// `/api/users`.
#[must_use]
pub fn admin_routes(state: &AuthState) -> OpenApiRouter {
    admin().with_state(state.clone())
}

/// Accounts listed, changed and deleted by administrators. The server mounts it under `/api/v1/users`.
#[must_use]
pub fn admin_users_routes(state: &AuthState) -> OpenApiRouter {
    admin_users().with_state(state.clone())
}

/// `GET /audit`: the audit log, for administrators. The server mounts it under `/api/v1`.
#[must_use]
pub fn audit_routes(state: &AuthState) -> OpenApiRouter {
    audit_log().with_state(state.clone())
}

/// One's own account, and registration for clients without cookies. The server mounts it under `/api/v1/users`.
#[must_use]
pub fn users_routes(state: &AuthState) -> OpenApiRouter {
    users().with_state(state.clone())
}

/// Health and well-known documents; they belong at the root.
#[must_use]
pub fn service_routes(state: &AuthState) -> OpenApiRouter {
    service().with_state(state.clone())
}

/// Every route at its default place, described but without the documentation pages.
#[must_use]
pub fn all_routes(state: &AuthState) -> OpenApiRouter {
    all(state.http().cookies).with_state(state.clone())
}

/// The description of every route at its default place; it needs no engine.
#[must_use]
pub fn describe(cookies: CookiePolicy) -> OpenApi {
    openapi::complete(all(cookies).into_openapi())
}

/// Everything: all routes at their default places, the pages of mailed links, `/openapi.json` and the documentation at
/// `/docs`.
///
/// The outer stack of [`crate::layers`] is yours to add, around your own routes too.
pub fn app(state: &AuthState) -> Router {
    let (router, description) = all_routes(state).split_for_parts();
    router.merge(page_routes(state)).merge(docs_routes(openapi::complete(description)))
}

fn all(cookies: CookiePolicy) -> OpenApiRouter<AuthState> {
    OpenApiRouter::with_openapi(openapi::document(cookies))
        .nest("/api/v1", password_login().merge(audit_log()))
        .nest("/api/users", account().merge(admin()))
        .nest("/api/v1/users", users().merge(admin_users()))
        .merge(service())
}

fn password_login() -> OpenApiRouter<AuthState> {
    OpenApiRouter::new()
        .routes(routes!(login::password_login))
        .routes(routes!(token::password_or_refresh_token))
}

fn account() -> OpenApiRouter<AuthState> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(login::cookie_login))
        .routes(routes!(logout::logout))
        .routes(routes!(token::claims))
        .routes(routes!(refresh::refresh))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(confirmation::status, confirmation::request))
        .routes(routes!(confirmation::by_link))
        .routes(routes!(confirmation::by_code))
        .routes(routes!(password::forgot))
        .routes(routes!(password::status, password::set, password::change))
        .routes(routes!(password::reset_by_link))
        .routes(routes!(password::reset_by_code))
        .routes(routes!(audit::activity))
        .routes(routes!(deletion::delete))
        .routes(routes!(export::export))
        .routes(routes!(account_changes::change_username))
        .routes(routes!(account_changes::change_email))
}

fn admin() -> OpenApiRouter<AuthState> {
    OpenApiRouter::new()
        .routes(routes!(admin::blacklist))
        .routes(routes!(admin::toggle_ban))
        .routes(routes!(admin::kick))
        .routes(routes!(admin::blackout, admin::black_out, admin::clear_blackout))
        .routes(routes!(admin_search::id_by_username))
        .routes(routes!(admin::change_permissions))
        .routes(routes!(admin_search::search))
        .routes(routes!(admin_search::find))
}

fn admin_users() -> OpenApiRouter<AuthState> {
    OpenApiRouter::new().routes(routes!(admin_users::list)).routes(routes!(
        admin_users::read,
        admin_users::patch,
        admin_users::delete
    ))
}

fn audit_log() -> OpenApiRouter<AuthState> {
    OpenApiRouter::new().routes(routes!(audit::search))
}

fn users() -> OpenApiRouter<AuthState> {
    OpenApiRouter::new().routes(routes!(users::me)).routes(routes!(register::create_user))
}

fn service() -> OpenApiRouter<AuthState> {
    OpenApiRouter::new()
        .routes(routes!(service::live))
        .routes(routes!(service::ready))
        .routes(routes!(service::jwks))
        .routes(routes!(service::change_password))
}
