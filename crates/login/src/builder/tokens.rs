//! What an application says about tokens of its own.

use std::{error::Error, future::Future, time::Duration};

use vestibule_token::{jws::VerifyingKey, signing::SigningKey};

use super::{Loader, LoginManagerBuilder};
use crate::claims::LoginClaims;

impl LoginManagerBuilder<()> {
    /// How long tokens live unless one is made for another time; 15 minutes by default.
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// How long a token is still taken after its expiry, for clocks that differ; none by default.
    pub const fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The longest that the loader and the revocation callback may take; 10 seconds by default. It needs tokio's timer,
    /// which `#[tokio::main]` enables.
    pub const fn loader_timeout(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Whose tokens these are (`iss`): the public URL by default.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.names.issuer = Some(issuer.into());
        self
    }

    /// For whom they are (`aud`): the public URL by default.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.names.audience = Some(audience.into());
        self
    }

    /// The type of login, where an application has several, such as customers and staff: a token of another type is
    /// refused, and told which one was expected.
    ///
    /// ```
    /// use vestibule_login::LoginManager;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let secret = "thirty-two bytes that nobody else knows";
    /// let load = async |name: String| Ok::<_, String>(Some(name));
    /// let customers = LoginManager::from_secret(secret).login_type("customer").user_loader(load).build()?;
    /// let staff = LoginManager::from_secret(secret).login_type("staff").user_loader(load).build()?;
    /// let token = customers.create_access_token("ada")?;
    /// let refused = staff.verify(token.expose()).await.unwrap_err();
    /// assert_eq!(refused.to_string(), "a token of type `staff` is expected");
    /// # Ok(()) }
    /// ```
    pub fn login_type(mut self, name: impl Into<String>) -> Self {
        self.names.login_type = Some(name.into());
        self
    }

    /// A secret that still verifies what it signed, and signs no more. Drop it once the last of its tokens has expired.
    pub fn previous_secret(mut self, secret: impl AsRef<[u8]>) -> Self {
        let key = SigningKey::from_secret(secret.as_ref());
        self.previous.push(key.map(|key| key.verifying().clone()).map_err(Into::into));
        self
    }

    /// A private key in PEM that still verifies what it signed, and signs no more.
    pub fn previous_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        let key = SigningKey::read_pem(pem.as_ref());
        self.previous.push(key.map(|key| key.verifying().clone()).map_err(Into::into));
        self
    }

    /// A public key, with its `kid`, that still verifies.
    pub fn previous_key(mut self, key: VerifyingKey) -> Self {
        self.previous.push(Ok(key));
        self
    }

    /// Asks, for every token, whether it has been revoked: by its login, its subject or the time it was made.
    ///
    /// [`LoginClaims::login_id`] outlives renewals, the id of a token does not.
    ///
    /// An error, a panic and a callback that does not answer are 500: what cannot be told opens nothing.
    ///
    /// ```
    /// use std::{collections::HashSet, sync::{Arc, RwLock}};
    /// use vestibule_login::{LoginClaims, LoginManager};
    ///
    /// let logged_out = Arc::new(RwLock::new(HashSet::<String>::new()));
    /// let login = LoginManager::from_secret("thirty-two bytes that nobody else knows")
    ///     .revoked_if(move |claims: LoginClaims| {
    ///         let logged_out = logged_out.clone();
    ///         async move {
    ///             let ids = logged_out.read().map_err(|_| "the list of revoked tokens is broken")?;
    ///             Ok::<_, &str>(claims.login_id().is_none_or(|id| ids.contains(id)))
    ///         }
    ///     })
    ///     .user_loader(async |name: String| Ok::<_, String>(Some(name)))
    ///     .build()?;
    /// # Ok::<_, vestibule_login::LoginConfigError>(())
    /// ```
    pub fn revoked_if<E, F, Fut>(mut self, is_revoked: F) -> Self
    where
        F: Fn(LoginClaims) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<bool, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.is_revoked = Some(Box::new(move |claims| {
            let answer = is_revoked(claims);
            Box::pin(async move { answer.await.map_err(Into::into) })
        }));
        self
    }

    /// How users are loaded by the subject of their tokens: an async closure or function.
    ///
    /// `Ok(None)` is 401: there is nobody of that name any more. An error, a panic and a closure that does not answer
    /// within [`loader_timeout`](Self::loader_timeout) are 500, with the cause in the log.
    pub fn user_loader<U, E, F, Fut>(self, load: F) -> LoginManagerBuilder<Loader<U>>
    where
        F: Fn(String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<U>, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
        U: 'static,
    {
        self.with_source(Loader(Box::new(move |subject| {
            let user = load(subject);
            Box::pin(async move { user.await.map_err(Into::into) })
        })))
    }

    /// As [`user_loader`](Self::user_loader), for a loader that needs something of the application: its state, or the
    /// part of it that holds the users. It gets a clone at every call.
    ///
    /// ```
    /// use std::{collections::HashMap, sync::Arc};
    /// use vestibule_login::LoginManager;
    ///
    /// #[derive(Clone)]
    /// struct Database(Arc<HashMap<String, String>>);
    ///
    /// let database = Database(Arc::new(HashMap::from([("ada".into(), "Ada Lovelace".into())])));
    /// let login = LoginManager::from_secret("thirty-two bytes that nobody else knows")
    ///     .user_loader_with(database.clone(), async |database: Database, name: String| {
    ///         Ok::<_, std::io::Error>(database.0.get(&name).cloned())
    ///     })
    ///     .build()?;
    /// # Ok::<_, vestibule_login::LoginConfigError>(())
    /// ```
    pub fn user_loader_with<S, U, E, F, Fut>(self, state: S, load: F) -> LoginManagerBuilder<Loader<U>>
    where
        S: Clone + Send + Sync + 'static,
        F: Fn(S, String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<U>, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
        U: 'static,
    {
        self.user_loader(move |subject| load(state.clone(), subject))
    }
}
