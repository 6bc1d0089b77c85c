//! What a handler answers that a policy has refused.

use axum::response::{IntoResponse, Response};
use vestibule_token::user::HasPermissions;

use super::{Decision, Policy, Resource};
use crate::{answers::Answers, extract::Login, refusal::Refusal, rejection::Rejection};

/// A refused action: 403 `forbidden`, or 401 `not_authenticated` for somebody who is not logged in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{decision}")]
pub struct Denied {
    decision: Decision,
    is_logged_in: bool,
}

impl Denied {
    pub(super) const fn of(decision: Decision, is_logged_in: bool) -> Self {
        Self { decision, is_logged_in }
    }

    /// What was decided, and why.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    fn into_refusal(self) -> Refusal {
        tracing::debug!(decision = %self.decision, "a policy refused");
        if self.is_logged_in { Refusal::Forbidden } else { Refusal::NotAuthenticated }
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let (parts, ()) = http::Request::new(()).into_parts();
        Answers::default().answer(&self.into_refusal(), &parts)
    }
}

impl<U: HasPermissions> Login<U> {
    /// Demands that a policy allows the user something, with the application's own answer where it does not.
    ///
    /// ```
    /// use vestibule_login::{HasPermissions, Login, Rejection, policy::Policy};
    /// # #[derive(Clone)] struct User;
    /// # impl HasPermissions for User { fn has_permission(&self, _: &str) -> bool { false } }
    ///
    /// async fn publish(
    ///     axum::Extension(policy): axum::Extension<std::sync::Arc<Policy<User>>>,
    ///     login: Login<User>,
    /// ) -> Result<&'static str, Rejection> {
    ///     login.require_allowed(&policy, "posts:publish", &())?;
    ///     Ok("published")
    /// }
    /// # fn app(login: vestibule_login::LoginManager<User>) -> axum::Router {
    /// #     axum::Router::new().route("/", axum::routing::post(publish)).with_state(login)
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Rejection`]: 403 `forbidden`.
    pub fn require_allowed<R: Resource<U>>(
        &self,
        policy: &Policy<U, R>,
        action: &str,
        resource: &R,
    ) -> Result<(), Rejection> {
        let (parts, ()) = http::Request::new(()).into_parts();
        let checked = policy.check(&self.user, action, resource);
        checked.map(drop).map_err(|denied| self.manager.reject(denied.into_refusal(), &parts))
    }
}
