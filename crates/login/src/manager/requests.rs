//! Who is calling: a request's token found, verified and its user loaded, once a request.

use std::sync::Arc;

use http::request::Parts;

use super::LoginManager;
use crate::{
    authenticator::BadToken,
    claims::LoginClaims,
    credentials::Credentials,
    extract::{CarriedToken, Login},
    refusal::Refusal,
};

/// What a request has been found to carry; remembered in its extensions, so that a route with several extractors asks
/// the loader once.
struct Remembered<U> {
    manager: LoginManager<U>,
    login: Option<Login<U>>,
}

impl<U: Clone> Clone for Remembered<U> {
    fn clone(&self) -> Self {
        Self { manager: self.manager.clone(), login: self.login.clone() }
    }
}

impl<U: Clone + Send + Sync + 'static> LoginManager<U> {
    /// Who is calling; `None` for a request without credentials.
    ///
    /// The extractors and layers do this; it is for applications that build their own.
    ///
    /// # Errors
    /// [`Refusal`], which [`reject`](Self::reject) makes an answer of.
    pub async fn authenticate(&self, parts: &mut Parts) -> Result<Option<Login<U>>, Refusal> {
        if let Some(known) = parts.extensions.get::<Remembered<U>>().filter(|known| known.manager.is(self)) {
            return Ok(known.login.clone());
        }
        let login = match self.find_credentials(parts)? {
            None => None,
            Some(credentials) => Some(self.open(credentials).await?),
        };
        parts.extensions.insert(Remembered { manager: self.clone(), login: login.clone() });
        Ok(login)
    }

    async fn open(&self, credentials: Credentials) -> Result<Login<U>, Refusal> {
        let claims = self.verify(&credentials.token).await?;
        credentials.proof.check(|value| self.authenticator().confirms_csrf(&claims, value))?;
        self.load(claims, credentials).await
    }

    async fn load(&self, claims: LoginClaims, credentials: Credentials) -> Result<Login<U>, Refusal> {
        let user = self.0.authenticator.load(&claims).await?;
        let user = user.ok_or(Refusal::InvalidToken(BadToken::UnknownUser))?;
        let Credentials { token, location, .. } = credentials;
        let token = CarriedToken::new(&token);
        Ok(Login { user, claims: Arc::new(claims), location, token, manager: self.clone() })
    }

    /// Who has shown the first of two factors.
    pub(crate) async fn authenticate_partially(&self, parts: &Parts) -> Result<Login<U>, Refusal> {
        let credentials = self.find_credentials(parts)?.ok_or(Refusal::NotAuthenticated)?;
        let claims = self.0.authenticator.verify_partial(&credentials.token).await?;
        credentials.proof.check(|value| self.authenticator().confirms_csrf(&claims, value))?;
        self.load(claims, credentials).await
    }
}
