//! The axum extractor.

use std::{ops::Deref, sync::Arc};

use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use vestibule_token::access::AccessClaims;

use crate::{
    refusal::{Refusal, RefusalKind},
    verifier::Verifier,
};

/// A caller with a good access token; the verifier comes from the application's state.
///
/// No token is 401 `not_authenticated`, a bad one 401 `invalid_token`, and keys that cannot be had are 503. For
/// `Option<Authenticated>` no token is `None`; a bad one is refused all the same.
///
/// ```
/// use axum::{Router, extract::FromRef, routing::get};
/// use vestibule_verifier::{Authenticated, Refusal, Verifier};
///
/// #[derive(Clone)]
/// struct App {
///     verifier: Verifier,
///     greeting: &'static str,
/// }
///
/// impl FromRef<App> for Verifier {
///     fn from_ref(app: &App) -> Self {
///         app.verifier.clone()
///     }
/// }
///
/// async fn audit(user: Authenticated) -> Result<String, Refusal> {
///     user.require_permission("admin")?;
///     Ok("everything".into())
/// }
///
/// async fn hello(user: Option<Authenticated>) -> String {
///     let name = user.as_ref().and_then(|user| user.username.as_deref());
///     format!("Hello, {}", name.unwrap_or("stranger"))
/// }
///
/// fn routes() -> Router<App> {
///     Router::new().route("/audit", get(audit)).route("/hello", get(hello))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Authenticated(pub Arc<AccessClaims>);

impl Authenticated {
    /// Goes on only with all of these scopes, compared exactly.
    ///
    /// # Errors
    /// 403 `insufficient_scope`, with the challenge that names them.
    pub fn require_scopes<'s>(&self, needed: impl IntoIterator<Item = &'s str>) -> Result<(), Refusal> {
        Refusal::unless_scopes(&self.0, needed)
    }

    /// Goes on only with this permission, as of the token's issue.
    ///
    /// # Errors
    /// 403 `forbidden`.
    pub fn require_permission(&self, name: &str) -> Result<(), Refusal> {
        Refusal::unless_permission(&self.0, name)
    }
}

impl Deref for Authenticated {
    type Target = AccessClaims;

    fn deref(&self) -> &AccessClaims {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Authenticated
where
    Verifier: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let claims = Verifier::from_ref(state).verify_headers(&parts.headers).await?;
        claims.map(Self).ok_or_else(|| Refusal::new(RefusalKind::NotAuthenticated))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Authenticated
where
    Verifier: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Refusal> {
        Ok(Verifier::from_ref(state).verify_headers(&parts.headers).await?.map(Self))
    }
}
