//! The routes, as routers that any axum application can mount under any prefix.
//!
//! Each is a [`Routes`]: leave out what you do not want with [`Routes::without`], then turn it into a plain
//! [`axum::Router`] or, to describe it beside your own, into an [`OpenApiRouter`](utoipa_axum::router::OpenApiRouter).
//!
//! ```
//! use axum::Router;
//! use utoipa_axum::router::OpenApiRouter;
//! use vestibule_axum::{
//!     docs::docs_routes,
//!     routes::{Route, account_routes, password_login_routes},
//!     state::AuthState,
//! };
//!
//! fn app(state: &AuthState) -> Router {
//!     // What goes under one prefix is merged first. Both have a `/login`, so that one stands apart.
//!     let tokens = password_login_routes(state).under("/oauth");
//!     let auth = account_routes(state).without(Route::Register).merge(tokens);
//!     let (router, description) = OpenApiRouter::new().nest("/auth", auth.into()).split_for_parts();
//!     router.merge(docs_routes(description))
//! }
//! ```
//!
//! Mailed links lead to [`page_routes`] at `mail.public_url` of the [`Policy`](vestibule_core::Policy): where those are
//! under a prefix, the URL ends with it. The cookies are the whole origin's; a second engine in one origin needs a
//! [`label`](crate::cookies::CookiePolicy::label) for its own.

pub mod account_changes;
pub mod admin;
pub mod admin_search;
pub mod admin_users;
pub mod audit;
pub mod avatar;
pub mod captcha;
pub mod confirmation;
pub mod deletion;
pub mod export;
pub mod limits;
pub mod login;
pub mod logout;
pub mod password;
pub mod profile;
pub mod refresh;
pub mod register;
pub mod selection;
pub mod service;
pub mod sessions;
pub mod token;
pub mod users;

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_axum::routes;

use self::selection::Table;
pub use self::selection::{Route, Routes};
#[cfg(doc)]
use crate::pages::page_routes;
use crate::{cookies::CookiePolicy, openapi, state::AuthState};

/// `POST /login` and `POST /token`: the OAuth2 password login. The server mounts it under `/api/v1`.
pub fn password_login_routes(state: &AuthState) -> Routes {
    Routes::new(password_login(), state)
}

/// Registration, login, logout, refresh and devices, by cookie or bearer token. The server mounts it under
/// `/api/users`.
pub fn account_routes(state: &AuthState) -> Routes {
    Routes::new(account(), state)
}

/// What administrators do to accounts: bans, kicks, blackouts, permissions, search. The server mounts it under
/// `/api/users`.
pub fn admin_routes(state: &AuthState) -> Routes {
    Routes::new(admin(), state)
}

/// Accounts listed, changed and deleted by administrators. The server mounts it under `/api/v1/users`.
pub fn admin_users_routes(state: &AuthState) -> Routes {
    Routes::new(admin_users(), state)
}

/// `GET /audit`: the audit log, for administrators. The server mounts it under `/api/v1`.
pub fn audit_routes(state: &AuthState) -> Routes {
    Routes::new(audit_log(), state)
}

/// One's own account, and registration for clients without cookies. The server mounts it under `/api/v1/users`.
pub fn users_routes(state: &AuthState) -> Routes {
    Routes::new(users(), state)
}

/// Health and well-known documents; they belong at the root.
pub fn service_routes(state: &AuthState) -> Routes {
    Routes::new(service(), state)
}

/// Every route at its default place, described but without the documentation pages.
pub fn all_routes(state: &AuthState) -> Routes {
    Routes::new(all(), state)
}

/// The description of every route at its default place; it needs no engine, and knows of no profiles.
#[must_use]
pub fn describe(cookies: CookiePolicy) -> OpenApi {
    openapi::finish(all().without_profiles().described(cookies, None).into_openapi())
}

/// Everything: all routes at their default places, the pages of mailed links, `/openapi.json` and the documentation at
/// `/docs`.
///
/// The outer stack of [`crate::layers`] is yours to add, around your own routes too.
pub fn app(state: &AuthState) -> Router {
    all_routes(state).with_pages_and_docs()
}

/// The description of the routes that are for administrators only.
pub(crate) fn describe_administration(cookies: CookiePolicy) -> OpenApi {
    let routes = audit_log()
        .under("/api/v1")
        .merge(admin().under("/api/users"))
        .merge(admin_users().under("/api/v1/users"));
    routes.described(cookies, None).into_openapi()
}

fn all() -> Table {
    password_login()
        .merge(audit_log())
        .under("/api/v1")
        .merge(account().merge(admin()).under("/api/users"))
        .merge(users().merge(admin_users()).under("/api/v1/users"))
        .merge(service())
}

fn password_login() -> Table {
    Table::default()
        .add(Route::PasswordLogin, || routes!(login::password_login))
        .add(Route::IssueTokens, || routes!(token::password_or_refresh_token))
}

fn account() -> Table {
    Table::default()
        .add(Route::Captcha, || routes!(captcha::challenge))
        .add(Route::Register, || routes!(register::register))
        .add(Route::LogIn, || routes!(login::cookie_login))
        .add(Route::LogOut, || routes!(logout::logout))
        .add(Route::Claims, || routes!(token::claims))
        .add(Route::Refresh, || routes!(refresh::refresh))
        .add(Route::ListSessions, || routes!(sessions::list))
        .add(Route::EndSession, || routes!(sessions::end))
        .add(Route::ConfirmationStatus, || routes!(confirmation::status))
        .add(Route::RequestConfirmation, || routes!(confirmation::request))
        .add(Route::Confirm, || routes!(confirmation::by_link))
        .add(Route::ConfirmByCode, || routes!(confirmation::by_code))
        .add(Route::ForgotPassword, || routes!(password::forgot))
        .add(Route::PasswordStatus, || routes!(password::status))
        .add(Route::SetPassword, || routes!(password::set))
        .add(Route::ChangePassword, || routes!(password::change))
        .add(Route::ResetPassword, || routes!(password::reset_by_link))
        .add(Route::ResetPasswordByCode, || routes!(password::reset_by_code))
        .add(Route::ListActivity, || routes!(audit::activity))
        .add(Route::ListOwnLimits, || routes!(limits::own))
        .add(Route::DeleteAccount, || routes!(deletion::delete))
        .add(Route::Export, || routes!(export::export))
        .add(Route::ChangeUsername, || routes!(account_changes::change_username))
        .add(Route::ChangeEmail, || routes!(account_changes::change_email))
}

fn admin() -> Table {
    Table::default()
        .add(Route::ListDisabled, || routes!(admin::blacklist))
        .add(Route::ToggleBan, || routes!(admin::toggle_ban))
        .add(Route::Kick, || routes!(admin::kick))
        .add(Route::ListLimits, || routes!(limits::list))
        .add(Route::Unlock, || routes!(limits::unlock))
        .add(Route::Blackout, || routes!(admin::blackout))
        .add(Route::BlackOut, || routes!(admin::black_out))
        .add(Route::ClearBlackout, || routes!(admin::clear_blackout))
        .add(Route::IdByUsername, || routes!(admin_search::id_by_username))
        .add(Route::ChangePermissions, || routes!(admin::change_permissions))
        .add(Route::SearchUsers, || routes!(admin_search::search))
        .add(Route::FindUser, || routes!(admin_search::find))
}

fn admin_users() -> Table {
    Table::default()
        .add(Route::ListUsers, || routes!(admin_users::list))
        .add(Route::ReadUser, || routes!(admin_users::read))
        .add(Route::ChangeUser, || routes!(admin_users::patch))
        .add(Route::DeleteUser, || routes!(admin_users::delete))
}

fn audit_log() -> Table {
    Table::default().add(Route::SearchAudit, || routes!(audit::search))
}

fn users() -> Table {
    Table::default()
        .add(Route::CurrentUser, || routes!(users::me))
        .add(Route::CreateUser, || routes!(register::create_user))
        .add(Route::Avatar, || routes!(avatar::find))
        .add(Route::SetAvatar, || routes!(avatar::set))
        .add(Route::DeleteAvatar, || routes!(avatar::delete))
        .add(Route::Profile, || routes!(profile::find))
        .add(Route::SetProfile, || routes!(profile::set))
}

fn service() -> Table {
    Table::default()
        .add(Route::IsLive, || routes!(service::live))
        .add(Route::IsReady, || routes!(service::ready))
        .add(Route::Jwks, || routes!(service::jwks))
        .add(Route::WellKnownChangePassword, || routes!(service::change_password))
}
