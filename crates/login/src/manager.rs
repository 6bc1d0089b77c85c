//! The manager: makes tokens, finds and verifies them in requests, loads users.

mod cookie;
mod requests;
mod state;

use std::{fmt, sync::Arc};

use http::request::Parts;
use vestibule_token::clock::{Clock, Timestamp};

pub use self::state::HasLogin;
use crate::{
    answers::Answers,
    authenticator::{Authenticator, BadToken, Failure, VerifyError},
    builder::LoginManagerBuilder,
    claims::{LoginClaims, NewToken},
    csrf::{Csrf, DoubleSubmit},
    location::Location,
    own_tokens::{AccessToken, TokenError, TokenShop},
    refusal::Refusal,
    rejection::Rejection,
    same_origin::OriginPolicy,
};

/// Login for an application with users of its own; cheap to clone.
///
/// It is what the extractors ask the application's state for, by [`FromRef`](axum::extract::FromRef); an application whose
/// state is nothing else uses it as its state.
///
/// ```
/// use axum::{Router, routing::get};
/// use vestibule_login::{LoggedIn, LoginManager};
///
/// #[derive(Clone)]
/// struct User { name: String }
///
/// async fn find(name: String) -> Result<Option<User>, std::io::Error> {
///     Ok((name == "ada").then(|| User { name }))
/// }
///
/// async fn hello(LoggedIn(user): LoggedIn<User>) -> String {
///     format!("Hello, {}!", user.name)
/// }
///
/// let secret = "thirty-two bytes that nobody else knows";
/// let login = LoginManager::from_secret(secret).token_url("/login").user_loader(find).build()?;
/// let token = login.create_access_token("ada")?;
/// let app: Router = Router::new().route("/", get(hello)).with_state(login);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct LoginManager<U>(Arc<Inner<U>>);

pub(crate) struct Inner<U> {
    pub(crate) authenticator: Arc<dyn Authenticator<U>>,
    pub(crate) shop: Option<Arc<TokenShop>>,
    pub(crate) settings: Settings,
}

/// What steers a manager, whoever makes its tokens.
pub(crate) struct Settings {
    pub(crate) token_url: String,
    /// Names of cookies carry their prefix.
    pub(crate) locations: Vec<Location>,
    pub(crate) origins: OriginPolicy,
    pub(crate) csrf: Csrf,
    pub(crate) has_secure_cookies: bool,
    pub(crate) has_hierarchical_scopes: bool,
    pub(crate) answers: Answers,
    pub(crate) clock: Arc<dyn Clock>,
}

impl<U> LoginManager<U> {
    pub(crate) fn new(inner: Inner<U>) -> Self {
        Self(Arc::new(inner))
    }

    /// A manager over somebody else's tokens and users, such as the engine's.
    pub fn over(
        authenticator: impl Authenticator<U> + 'static,
    ) -> LoginManagerBuilder<Arc<dyn Authenticator<U>>> {
        LoginManagerBuilder::over(Arc::new(authenticator))
    }

    /// As [`over`](Self::over), with everything as usual: header, then the cookie of this full name, and problems for
    /// answers.
    #[doc(hidden)]
    pub fn usual(
        authenticator: impl Authenticator<U> + 'static,
        origins: OriginPolicy,
        cookie: (String, bool),
        clock: Arc<dyn Clock>,
        csrf: Csrf,
    ) -> Self {
        let (cookie, has_secure_cookies) = cookie;
        let settings = Settings {
            token_url: "/login".into(),
            locations: vec![Location::Header, Location::Cookie(cookie)],
            origins,
            csrf,
            has_secure_cookies,
            has_hierarchical_scopes: false,
            answers: Answers::default(),
            clock,
        };
        Self::new(Inner { authenticator: Arc::new(authenticator), shop: None, settings })
    }

    /// Makes a token for a subject, which may be given by its name alone.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vestibule_login::{LoginManager, NewToken};
    ///
    /// # let secret = "a secret of thirty-two bytes or more";
    /// # let login = LoginManager::from_secret(secret).user_loader(async |name: String| Ok::<_, String>(Some(name))).build()?;
    /// let short = login.create_access_token("ada")?;
    /// let token = NewToken::of("ada").scopes(["read", "write"]).lifetime(Duration::from_hours(12)).claim("team", 7)?;
    /// let long = login.create_access_token(token)?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn create_access_token(&self, token: impl Into<NewToken>) -> Result<AccessToken, TokenError> {
        self.shop()?.make(token.into(), false)
    }

    /// Makes a token for somebody who still has to show a second factor. It opens nothing but routes with
    /// [`PartialLogin`](crate::PartialLogin).
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn create_partial_token(&self, token: impl Into<NewToken>) -> Result<AccessToken, TokenError> {
        self.shop()?.make(token.into(), true)
    }

    /// Verifies a token that did not come in the usual places, for example in a first WebSocket message.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub async fn verify(&self, token: &str) -> Result<LoginClaims, VerifyError> {
        self.0.authenticator.verify(token).await
    }

    /// The user that a token names, as the extractors find them.
    ///
    /// # Errors
    /// [`VerifyError`]; a user that does not exist is a refusal.
    pub async fn current_user(&self, token: &str) -> Result<U, VerifyError> {
        let claims = self.verify(token).await?;
        let user = self.0.authenticator.load(&claims).await?;
        user.ok_or_else(|| BadToken::UnknownUser.into())
    }

    /// Whether a token is good and has every one of these scopes.
    ///
    /// # Errors
    /// [`Failure`], where it cannot be told.
    pub async fn has_scopes<S: AsRef<str>>(
        &self,
        token: &str,
        required: impl IntoIterator<Item = S>,
    ) -> Result<bool, Failure> {
        match self.verify(token).await {
            Ok(claims) => Ok(required.into_iter().all(|name| self.grants(&claims, name.as_ref()))),
            Err(VerifyError::Refused(_)) => Ok(false),
            Err(VerifyError::Failed(failure)) => Err(failure),
        }
    }

    /// Whether a token's scopes grant one: exactly, or as a hierarchy where the application asked for that.
    pub(crate) fn grants(&self, claims: &LoginClaims, name: &str) -> bool {
        if self.0.settings.has_hierarchical_scopes {
            claims.scopes.grants(name)
        } else {
            claims.scopes.contains(name)
        }
    }

    /// Where clients get a token, for descriptions of the application.
    #[must_use]
    pub fn token_url(&self) -> &str {
        &self.0.settings.token_url
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.settings.clock.now()
    }

    pub(crate) fn locations(&self) -> &[Location] {
        &self.0.settings.locations
    }

    pub(crate) fn origins(&self) -> &OriginPolicy {
        &self.0.settings.origins
    }

    pub(crate) fn double_submit(&self) -> Option<&DoubleSubmit> {
        self.0.settings.csrf.as_double_submit()
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn shop(&self) -> Result<&TokenShop, TokenError> {
        self.0.shop.as_deref().ok_or(TokenError::MadeElsewhere)
    }

    pub(crate) fn authenticator(&self) -> &dyn Authenticator<U> {
        &*self.0.authenticator
    }

    /// The application's answer to a refusal; logs it, once.
    ///
    /// For extractors of the application's own, beside [`authenticate`](Self::authenticate):
    ///
    /// ```
    /// use axum::{extract::FromRequestParts, http::request::Parts};
    /// use vestibule_login::{LoginManager, Refusal, Rejection};
    ///
    /// /// Whoever is calling, if their name begins with an A.
    /// struct Early(String);
    ///
    /// impl FromRequestParts<LoginManager<String>> for Early {
    ///     type Rejection = Rejection;
    ///
    ///     async fn from_request_parts(parts: &mut Parts, login: &LoginManager<String>) -> Result<Self, Rejection> {
    ///         match login.authenticate(parts).await {
    ///             Ok(Some(caller)) if caller.user.starts_with('A') => Ok(Self(caller.user)),
    ///             Ok(Some(_)) => Err(login.reject(Refusal::Forbidden, parts)),
    ///             Ok(None) => Err(login.reject(Refusal::NotAuthenticated, parts)),
    ///             Err(refusal) => Err(login.reject(refusal, parts)),
    ///         }
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn reject(&self, refusal: Refusal, parts: &Parts) -> Rejection {
        let mut response = self.0.settings.answers.answer(&refusal, parts);
        if self.is_cookie_dead(&refusal, parts) {
            // Without a cookie location there is none to delete.
            let _ = self.delete_cookie(response.headers_mut());
        }
        Rejection::new(refusal, response)
    }
}

impl<U> Clone for LoginManager<U> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<U> fmt::Debug for LoginManager<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginManager").field("locations", &self.locations()).finish_non_exhaustive()
    }
}
