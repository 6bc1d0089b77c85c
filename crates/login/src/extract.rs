//! Extractors: who is calling, and what they must show for it.
//!
//! Each asks the state for a [`LoginManager<U>`]. A route may have several; the user is loaded once a request.

mod freshness;
mod permission;
mod scoped;

use std::{fmt, sync::Arc};

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::{HeaderMap, request::Parts};

pub(crate) use self::permission::{check as check_permission, check_email};
pub use self::{
    freshness::Fresh,
    permission::{AdminUser, EmailVerified, Permitted, RequiredPermission},
    scoped::{RequiredScopes, Scoped},
};
use crate::{
    claims::LoginClaims,
    location::Location,
    manager::{HasLogin, LoginManager},
    refusal::Refusal,
    rejection::Rejection,
};

/// A user that an extractor can hand out; every type that can be cloned and sent.
pub trait User: Clone + Send + Sync + 'static {}

impl<U: Clone + Send + Sync + 'static> User for U {}

/// The user who is calling.
///
/// Nobody is 401, a bad token is 401, and a loader that fails is 500. As `Option<LoggedIn<U>>`, nobody is `None`; a bad
/// token is still 401 (see [`Lenient`] for routes that do not care).
///
/// ```
/// use axum::{Router, routing::get};
/// use vestibule_login::{LoggedIn, LoginManager};
///
/// async fn mine(LoggedIn(name): LoggedIn<String>) -> String {
///     format!("for {name} only")
/// }
///
/// async fn greet(user: Option<LoggedIn<String>>) -> String {
///     user.map_or("Hello, stranger!".into(), |LoggedIn(name)| format!("Hello, {name}!"))
/// }
///
/// fn app(login: LoginManager<String>) -> Router {
///     Router::new().route("/mine", get(mine)).route("/", get(greet)).with_state(login)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedIn<U>(pub U);

/// The user who is calling, with what their token says and where it was.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Login<U> {
    /// The user, as the loader found them.
    pub user: U,
    /// What the token says.
    pub claims: Arc<LoginClaims>,
    /// Where the token was.
    pub location: Location,
    pub(crate) token: CarriedToken,
    pub(crate) manager: LoginManager<U>,
}

/// The token of a request, which is not printed.
#[derive(Clone)]
pub(crate) struct CarriedToken(Arc<str>);

impl CarriedToken {
    pub(crate) fn new(token: &str) -> Self {
        Self(token.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CarriedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CarriedToken(…)")
    }
}

impl<U> Login<U> {
    /// Whether the token grants every one of these scopes.
    pub fn has_scopes<S: AsRef<str>>(&self, required: impl IntoIterator<Item = S>) -> bool {
        required.into_iter().all(|name| self.manager.grants(&self.claims, name.as_ref()))
    }
}

/// The user who is calling, or nobody; a bad token counts as none, and a failure stays a 5xx.
///
/// # Security
/// For routes that are the same for everybody but for a greeting. Where it matters who somebody is, a token that is
/// there and bad is better told so: take `Option<LoggedIn<U>>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lenient<U>(pub Option<U>);

/// Somebody who has shown the first of two factors, by a token of
/// [`create_partial_token`](LoginManager::create_partial_token). A full login is refused here, and this one everywhere
/// else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialLogin<U>(pub U);

/// Proof that a request to a route that sets a cookie does not come from a foreign page, which could log its visitor
/// into somebody else's account. A client that is no browser passes.
#[derive(Clone, Copy, Debug)]
pub struct NotForeign<U>(std::marker::PhantomData<fn() -> U>);

impl<U: User, S: HasLogin<U> + Send + Sync> FromRequestParts<S> for LoggedIn<U> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        demand(parts, state, |_| Ok(())).await.map(|login| Self(login.user))
    }
}

impl<U: User, S: HasLogin<U> + Send + Sync> OptionalFromRequestParts<S> for LoggedIn<U> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Rejection> {
        let manager = state.login_manager();
        match manager.authenticate(parts).await {
            Ok(login) => Ok(login.map(|login| Self(login.user))),
            Err(refusal) => Err(manager.reject(refusal, parts)),
        }
    }
}

impl<U: User, S: HasLogin<U> + Send + Sync> FromRequestParts<S> for Login<U> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        demand(parts, state, |_| Ok(())).await
    }
}

impl<U: User, S: HasLogin<U> + Send + Sync> OptionalFromRequestParts<S> for Login<U> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Rejection> {
        let manager = state.login_manager();
        manager.authenticate(parts).await.map_err(|refusal| manager.reject(refusal, parts))
    }
}

impl<U: User, S: HasLogin<U> + Send + Sync> FromRequestParts<S> for Lenient<U> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let manager = state.login_manager();
        match manager.authenticate(parts).await {
            Ok(login) => Ok(Self(login.map(|login| login.user))),
            Err(Refusal::InvalidToken(_)) => Ok(Self(None)),
            Err(refusal) => Err(manager.reject(refusal, parts)),
        }
    }
}

impl<U: User, S: HasLogin<U> + Send + Sync> FromRequestParts<S> for PartialLogin<U> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let manager = state.login_manager();
        match manager.authenticate_partially(parts).await {
            Ok(login) => Ok(Self(login.user)),
            Err(refusal) => Err(manager.reject(refusal, parts)),
        }
    }
}

impl<U: User, S: HasLogin<U> + Send + Sync> FromRequestParts<S> for NotForeign<U> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let manager = state.login_manager();
        if is_foreign(&manager, &parts.headers) {
            return Err(manager.reject(Refusal::CrossSite, parts));
        }
        Ok(Self(std::marker::PhantomData))
    }
}

fn is_foreign<U>(manager: &LoginManager<U>, headers: &HeaderMap) -> bool {
    manager.origins().is_foreign(headers)
}

/// The login of a request that must have one, and must pass a check.
async fn demand<U: User, S: HasLogin<U>>(
    parts: &mut Parts,
    state: &S,
    check: impl FnOnce(&Login<U>) -> Result<(), Refusal> + Send,
) -> Result<Login<U>, Rejection> {
    let manager = state.login_manager();
    let checked = match manager.authenticate(parts).await {
        Ok(Some(login)) => check(&login).map(|()| login),
        Ok(None) => Err(Refusal::NotAuthenticated),
        Err(refusal) => Err(refusal),
    };
    checked.map_err(|refusal| manager.reject(refusal, parts))
}
