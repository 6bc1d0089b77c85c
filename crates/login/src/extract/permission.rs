//! What a user may, and whether their address is theirs: asked of the user as loaded now, never of the token.

use std::{marker::PhantomData, ops::Deref};

use axum::extract::FromRequestParts;
use http::request::Parts;
use vestibule_token::{
    scope::ADMIN,
    user::{HasPermissions, HasVerifiedEmail},
};

use super::{User, demand};
use crate::{manager::HasLogin, refusal::Refusal, rejection::Rejection};

/// A permission as a type, for [`Permitted`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no permission",
    note = "implement `RequiredPermission` for `{Self}`: `const PERMISSION: &'static str = \"posts:edit\";`"
)]
pub trait RequiredPermission {
    /// Its name.
    const PERMISSION: &'static str;
}

/// The user who is calling and has the permission `P` now; else 403 `forbidden`.
///
/// ```
/// use vestibule_login::{HasPermissions, Permitted, RequiredPermission};
///
/// #[derive(Clone)]
/// struct User { is_editor: bool }
///
/// impl HasPermissions for User {
///     fn has_permission(&self, name: &str) -> bool {
///         name == "posts:edit" && self.is_editor
///     }
/// }
///
/// struct EditPosts;
///
/// impl RequiredPermission for EditPosts {
///     const PERMISSION: &'static str = "posts:edit";
/// }
///
/// async fn edit(_: Permitted<User, EditPosts>) {}
/// # fn app(login: vestibule_login::LoginManager<User>) -> axum::Router {
/// # axum::Router::new().route("/", axum::routing::put(edit)).with_state(login)
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Permitted<U, P> {
    user: U,
    permission: PhantomData<fn() -> P>,
}

impl<U, P> Permitted<U, P> {
    /// The user.
    pub fn into_user(self) -> U {
        self.user
    }
}

impl<U, P> Deref for Permitted<U, P> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.user
    }
}

/// The user who is calling and has the permission `admin` now; else 403 `forbidden`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminUser<U>(pub U);

/// The user who is calling and has shown that their e-mail address is theirs; else 403 `email_not_confirmed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailVerified<U>(pub U);

impl<U, P, S> FromRequestParts<S> for Permitted<U, P>
where
    U: User + HasPermissions,
    P: RequiredPermission,
    S: HasLogin<U> + Send + Sync,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let login = demand(parts, state, |login| check(&login.user, P::PERMISSION)).await?;
        Ok(Self { user: login.user, permission: PhantomData })
    }
}

impl<U, S> FromRequestParts<S> for AdminUser<U>
where
    U: User + HasPermissions,
    S: HasLogin<U> + Send + Sync,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        demand(parts, state, |login| check(&login.user, ADMIN)).await.map(|login| Self(login.user))
    }
}

impl<U, S> FromRequestParts<S> for EmailVerified<U>
where
    U: User + HasVerifiedEmail,
    S: HasLogin<U> + Send + Sync,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        demand(parts, state, |login| check_email(&login.user)).await.map(|login| Self(login.user))
    }
}

pub(crate) fn check<U: HasPermissions>(user: &U, permission: &str) -> Result<(), Refusal> {
    if user.has_permission(permission) { Ok(()) } else { Err(Refusal::Forbidden) }
}

pub(crate) fn check_email<U: HasVerifiedEmail>(user: &U) -> Result<(), Refusal> {
    if user.has_verified_email() { Ok(()) } else { Err(Refusal::EmailNotConfirmed) }
}
