//! The way into a web application: accounts, login, tokens and protected routes for axum.
//!
//! An application with users of its own needs [`LoginManager`] and nothing else:
//!
//! ```
//! use axum::{Router, routing::get};
//! use vestibule::{LoggedIn, LoginManager};
//!
//! async fn find_user(name: String) -> Result<Option<String>, std::io::Error> {
//!     Ok((name == "ada").then_some(name))
//! }
//!
//! async fn hello(LoggedIn(name): LoggedIn<String>) -> String {
//!     format!("Hello, {name}!")
//! }
//!
//! let login = LoginManager::from_secret("thirty-two bytes that nobody else knows").user_loader(find_user).build()?;
//! let app: Router = Router::new().route("/hello", get(hello)).with_state(login);
//! # Ok::<_, vestibule::LoginConfigError>(())
//! ```
//!
//! | to | there is |
//! |---|---|
//! | let in who is logged in, or greet them | [`LoggedIn`], `Option<LoggedIn>`, [`Lenient`], [`Login`] for what the token says |
//! | ask for scopes, a permission, a password typed a moment ago, a verified address | [`Scoped`], [`Permitted`], [`AdminUser`], [`Fresh`], [`EmailVerified`] |
//! | log in and out | [`LoginManager::create_access_token`], [`set_cookie`](LoginManager::set_cookie), [`delete_cookie`](LoginManager::delete_cookie), [`revoked_if`](LoginManagerBuilder::revoked_if) |
//! | stay logged in | [`LoginManager::renewal_layer`] |
//! | find tokens elsewhere than in header and cookie | [`Location`] |
//! | answer in a way of one's own, or send people to a login page | [`Answer`], [`Next`] |
//! | know on every route who is calling | [`LoginManager::layer`], [`RequestUser`] |
//! | refuse what nobody called public, and list who may call what | [`GuardedRouter`] |
//! | decide by rules who may do what to which things | [`policy`] |
//! | end a WebSocket or an event stream with the login | [`Login::ended`], [`Login::until_ended`] |
//! | write an extractor of one's own | [`LoginManager::authenticate`], [`LoginManager::reject`] |
//!
//! The [guides](https://github.com/vestibule-auth/vestibule/tree/main/docs/guides) have a page a task, and tables for who
//! comes from `fastapi-login`, `AuthX` or `FastAPI Users`.
//!
//! With the feature `sqlite`, `Vestibule` is the quick start of everything else: accounts, registration, sessions, mail,
//! SQLite inside, every route mounted. What it is made of can be used by itself (feature `engine`): the engine and its
//! rules in `core`, routers and extractors in `http`, password hashing in `hashing`, storage in `sql`.
//!
#![cfg_attr(feature = "engine", doc = include_str!("tour.md"))]
//! Tests of an application have the crate `vestibule-testing`: the application in process, accounts in memory, a clock to
//! turn, and somebody who is logged in within one line.
//!
#![cfg_attr(feature = "sqlite", doc = "```no_run")]
#![cfg_attr(feature = "sqlite", doc = include_str!("../examples/quick_start.rs"))]
#![cfg_attr(feature = "sqlite", doc = "```")]
#![forbid(unsafe_code)]

#[cfg(feature = "engine")]
pub mod quick_start;
#[cfg(feature = "engine")]
pub mod secret_file;

/// The guides, whose examples are run as those of this page.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../../../docs/login-manager.md")]
    struct LoginManager;
    #[doc = include_str!("../../../docs/guides/protect-a-route.md")]
    struct ProtectARoute;
    #[doc = include_str!("../../../docs/guides/log-in-and-out.md")]
    struct LogInAndOut;
    #[doc = include_str!("../../../docs/guides/refresh.md")]
    struct Refresh;
    #[doc = include_str!("../../../docs/guides/roles.md")]
    struct Roles;
    #[doc = include_str!("../../../docs/guides/scopes.md")]
    struct Scopes;
    #[doc = include_str!("../../../docs/guides/own-users.md")]
    struct OwnUsers;
    #[doc = include_str!("../../../docs/guides/behind-a-proxy.md")]
    struct BehindAProxy;
    #[doc = include_str!("../../../docs/guides/from-fastapi-login.md")]
    struct FromFastApiLogin;
    #[doc = include_str!("../../../docs/guides/from-authx.md")]
    struct FromAuthx;
    #[doc = include_str!("../../../docs/guides/from-fastapi-users.md")]
    struct FromFastApiUsers;
}

/// What an application keeps with each account, likewise.
#[cfg(doctest)]
#[cfg(feature = "sqlite")]
#[doc = include_str!("../../../docs/profiles.md")]
struct Profiles;

pub use vestibule_login as login;
pub use vestibule_login::policy;
pub use vestibule_login::{
    AccessToken, AdminUser, Algorithm, Answer, Authenticator, BadClaim, BadToken, Csrf, CsrfToken,
    DoubleSubmit, EmailVerified, Failure, Fresh, GuardedRouter, HasLogin, HasPermissions, HasVerifiedEmail,
    Lenient, Loader, Location, LoggedIn, Login, LoginClaims, LoginConfigError, LoginLayer, LoginManager,
    LoginManagerBuilder, NewToken, Next, NotForeign, PartialLogin, Permitted, Refusal, Rejection,
    RenewalLayer, RequestUser, RequiredPermission, RequiredScopes, Requirement, RouteAudit, RoutePolicy,
    Scoped, Scopes, SigningKey, TokenError, TokenResponse, UntilEnded, VerifyError, cookies::UnfitCookie,
};

#[cfg(feature = "engine")]
pub use async_trait::async_trait;
#[cfg(feature = "engine")]
pub use vestibule_axum as http;
#[cfg(feature = "engine")]
pub use vestibule_core as core;
#[cfg(feature = "engine")]
pub use vestibule_core::ports::{AccountProfile, ProfileViolation, hooks};
#[cfg(feature = "engine")]
pub use vestibule_hashing as hashing;
#[cfg(feature = "engine")]
pub use vestibule_sql as sql;

#[cfg(feature = "engine")]
pub use quick_start::{QuickStartError, Vestibule, VestibuleBuilder};
#[cfg(feature = "engine")]
pub use vestibule_axum::extract::{Authenticated, CurrentProfile, CurrentUser};
