//! Logins that happened a moment ago, for what a stolen session must not do.

use std::time::Duration;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::{Login, User, demand};
use crate::{manager::HasLogin, refusal::Refusal, rejection::Rejection};

/// The user who is calling, and who has proved who they are within the last `MINUTES`; else 401
/// `fresh_login_required` with the challenge of RFC 9470, after which a client asks for the password again.
///
/// What counts is `auth_time`. A token without it, made by [`NewToken::not_fresh`](crate::NewToken::not_fresh), is
/// never fresh.
///
/// ```
/// use vestibule_login::Fresh;
///
/// async fn delete_everything(Fresh(name): Fresh<String, 5>) -> String {
///     format!("{name} logged in within the last five minutes")
/// }
/// # fn app(login: vestibule_login::LoginManager<String>) -> axum::Router {
/// # axum::Router::new().route("/", axum::routing::delete(delete_everything)).with_state(login)
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh<U, const MINUTES: u64 = 15>(pub U);

impl<U, S, const MINUTES: u64> FromRequestParts<S> for Fresh<U, MINUTES>
where
    U: User,
    S: HasLogin<U> + Send + Sync,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let limit = Duration::from_secs(MINUTES.saturating_mul(60));
        demand(parts, state, |login| login.check_freshness(limit)).await.map(|login| Self(login.user))
    }
}

impl<U> Login<U> {
    pub(crate) fn check_freshness(&self, limit: Duration) -> Result<(), Refusal> {
        let now = self.manager.now();
        match self.claims.authenticated_at {
            Some(moment) if now.since(moment) <= limit => Ok(()),
            _ => Err(Refusal::NotFresh(limit)),
        }
    }
}
