//! The engine as a [`LoginManager`]: its accounts are users of the extractors, layers and answers that applications
//! with users of their own have.
//!
//! Tokens are verified by the engine, whose revocations count at once, and accounts are read from the store as they are
//! now, once a request. It stores nothing of its own.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::FromRef;
use vestibule_core::{
    Auth,
    ports::{
        StoreError,
        clock::{Clock, Timestamp},
    },
    token::{Rejected, TokenError, claims::AccessClaims},
    values::{
        account::{Account, AccountId},
        session::SessionId,
    },
};
use vestibule_login::{Authenticator, BadToken, Failure, LoginClaims, LoginManager, VerifyError};

use crate::{cookies::CookieKind, policy::HttpPolicy, state::AuthState};

/// The engine's tokens and accounts, for [`LoginManager::over`] where an application wants its own answers or places.
///
/// ```
/// use vestibule_axum::{engine_login::EngineLogins, state::AuthState};
/// use vestibule_core::values::account::Account;
/// use vestibule_login::{Answer, LoginConfigError, LoginManager};
///
/// fn login(state: &AuthState) -> Result<LoginManager<Account>, LoginConfigError> {
///     let policy = state.http();
///     LoginManager::over(EngineLogins::new(state.auth().clone()))
///         .origins(policy.origins.clone(), policy.cookies.secure)
///         .csrf(policy.csrf.clone())
///         .unauthenticated(Answer::redirect_pages("/login"))
///         .build()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct EngineLogins(Arc<Auth>);

impl EngineLogins {
    /// Takes an engine.
    #[must_use]
    pub const fn new(auth: Arc<Auth>) -> Self {
        Self(auth)
    }

    /// The manager that looks where the engine's own extractors look: in the header, then in the cookie.
    pub(crate) fn manager(auth: &Arc<Auth>, http: &HttpPolicy) -> LoginManager<Account> {
        let clock = Arc::new(EngineClock(Arc::clone(auth)));
        let logins = Self::new(Arc::clone(auth));
        let cookie = (http.cookies.name(CookieKind::Access).into_owned(), http.cookies.secure);
        LoginManager::usual(logins, http.origins.clone(), cookie, clock, http.csrf.clone())
    }
}

#[async_trait]
impl Authenticator<Account> for EngineLogins {
    async fn verify(&self, token: &str) -> Result<LoginClaims, VerifyError> {
        match self.0.verify_access_token(token).await {
            Ok(claims) => Ok(said(&claims)),
            Err(TokenError::Rejected(Rejected::Refused(refused))) => Err(refused.into()),
            Err(TokenError::Rejected(Rejected::Claims(bad))) => Err(bad.into()),
            Err(TokenError::Rejected(_)) => Err(BadToken::WrongType { expected: "access".into() }.into()),
            Err(TokenError::Revoked) => Err(BadToken::Revoked.into()),
            Err(TokenError::Store(error)) => Err(failure(error).into()),
            Err(other) => Err(Failure::broken(other).into()),
        }
    }

    fn confirms_csrf(&self, claims: &LoginClaims, submitted: &str) -> bool {
        let session_id = claims.session_id.as_deref().and_then(SessionId::read);
        session_id.is_some_and(|id| self.0.is_csrf_token(id, submitted))
    }

    async fn load(&self, claims: &LoginClaims) -> Result<Option<Account>, Failure> {
        let Some(id) = AccountId::read(&claims.subject) else { return Ok(None) };
        self.0.find_active_account(id).await.map_err(failure)
    }
}

fn failure(error: StoreError) -> Failure {
    match error {
        StoreError::Unavailable(_) => Failure::unavailable(error),
        error => Failure::broken(error),
    }
}

fn said(claims: &AccessClaims) -> LoginClaims {
    let mut said = LoginClaims::new(claims.account_id.to_string(), claims.expires_at);
    said.session_id = Some(claims.session_id.to_string());
    said.scopes = claims.scope.clone();
    said.authenticated_at = Some(claims.authenticated_at);
    said.custom = serde_json::from_str(&claims.json).unwrap_or_default();
    said.token_id = said.get("jti");
    said
}

#[derive(Debug)]
struct EngineClock(Arc<Auth>);

impl Clock for EngineClock {
    fn now(&self) -> Timestamp {
        self.0.clock().now()
    }
}

impl FromRef<AuthState> for LoginManager<Account> {
    fn from_ref(state: &AuthState) -> Self {
        state.login().clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use vestibule_login::{Refusal, Scopes};

    use super::*;
    use crate::error::Code;

    #[test]
    fn what_both_refuse_they_refuse_alike() {
        for refusal in [
            Refusal::NotAuthenticated,
            Refusal::InvalidToken(BadToken::Revoked),
            Refusal::CrossSite,
            Refusal::InsufficientScope(Scopes::none()),
            Refusal::NotFresh(Duration::ZERO),
            Refusal::Forbidden,
            Refusal::EmailNotConfirmed,
            Refusal::PayloadTooLarge,
            Refusal::Failed(Failure::broken("x")),
            Refusal::Failed(Failure::unavailable("x")),
        ] {
            let code = Code::ALL.iter().find(|code| code.as_str() == refusal.code());
            let code = code.unwrap_or_else(|| panic!("{} is no code", refusal.code()));
            assert_eq!((code.status(), code.detail()), (refusal.status(), &*refusal.detail()), "{code:?}");
        }
    }
}
