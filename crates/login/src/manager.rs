//! The manager: makes tokens, finds and verifies them in requests, loads users.

use std::{fmt, sync::Arc};

use axum::extract::FromRef;
use http::{HeaderMap, header, request::Parts};
use vestibule_token::clock::{Clock, Timestamp};

use crate::{
    answers::Answers,
    authenticator::{Authenticator, BadToken, Failure, VerifyError},
    builder::LoginManagerBuilder,
    claims::{LoginClaims, NewToken},
    cookies::{UnfitCookie, delete_cookie, set_cookie},
    credentials::Credentials,
    csrf::{Csrf, DoubleSubmit},
    extract::{CarriedToken, Login},
    location::Location,
    own_tokens::{AccessToken, TokenError, TokenShop},
    refusal::Refusal,
    rejection::Rejection,
    same_origin::OriginPolicy,
};

/// Login for an application with users of its own; cheap to clone.
///
/// It is what the extractors ask the application's state for, by [`FromRef`]; an application whose state is nothing
/// else uses it as its state.
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

    /// Puts a token into the cookie, for as long as the token lives: `HttpOnly`, `SameSite=Lax`, `Path=/`, and `Secure`
    /// with the prefix `__Host-` unless the public URL is plain http on loopback. With a double submit ([`Csrf`]), the
    /// value that pages repeat is put into a cookie beside it.
    ///
    /// # Errors
    /// [`UnfitCookie::TooLong`] where the token is, and [`UnfitCookie::NoCookieLocation`].
    pub fn set_cookie(&self, headers: &mut HeaderMap, token: &AccessToken) -> Result<(), UnfitCookie> {
        let rest = token.expires_at.since(self.now());
        let (name, is_secure) = (self.cookie_name()?, self.0.settings.has_secure_cookies);
        let cookie = set_cookie(name, &token.token, rest, is_secure)?;
        if let (Some(names), Some(value)) = (self.double_submit(), &token.csrf) {
            headers.append(header::SET_COOKIE, names.set((name, is_secure), value, rest)?);
        }
        headers.append(header::SET_COOKIE, cookie);
        Ok(())
    }

    /// Deletes the cookie, with the attributes it was set with, and those of every other cookie among the places: one of
    /// an older name would else log in again. The token itself lives on until it expires or is revoked.
    ///
    /// # Errors
    /// [`UnfitCookie::NoCookieLocation`].
    pub fn delete_cookie(&self, headers: &mut HeaderMap) -> Result<(), UnfitCookie> {
        let (name, is_secure) = (self.cookie_name()?, self.0.settings.has_secure_cookies);
        for name in self.cookie_names() {
            headers.append(header::SET_COOKIE, delete_cookie(name, is_secure)?);
        }
        if let Some(names) = self.double_submit() {
            headers.append(header::SET_COOKIE, names.delete((name, is_secure))?);
        }
        Ok(())
    }

    pub(crate) fn cookie_name(&self) -> Result<&str, UnfitCookie> {
        self.cookie_names().next().ok_or(UnfitCookie::NoCookieLocation)
    }

    fn cookie_names(&self) -> impl Iterator<Item = &str> {
        self.0.settings.locations.iter().filter_map(|location| match location {
            Location::Cookie(name) => Some(name.as_str()),
            _ => None,
        })
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

/// A state that has a manager for users of type `U`; every state has that a `LoginManager<U>` can be taken from by
/// [`FromRef`].
#[diagnostic::on_unimplemented(
    message = "the application's state `{Self}` has no `LoginManager<{U}>`",
    label = "this extractor needs a `LoginManager<{U}>` in the state",
    note = "put a `LoginManager<{U}>` into `{Self}` and derive `axum::extract::FromRef` for it, or make the manager \
            itself the state: `Router::with_state(login)`"
)]
pub trait HasLogin<U> {
    /// The manager.
    fn login_manager(&self) -> LoginManager<U>;
}

#[diagnostic::do_not_recommend]
impl<S, U> HasLogin<U> for S
where
    LoginManager<U>: FromRef<S>,
{
    fn login_manager(&self) -> LoginManager<U> {
        LoginManager::from_ref(self)
    }
}
