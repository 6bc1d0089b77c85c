//! What a manager needs to know before it works, and what is wrong with that.

mod build;
mod error;
mod tokens;

use std::{sync::Arc, time::Duration};

use vestibule_token::{
    clock::{Clock, SystemClock},
    jws::VerifyingKey,
    signing::SigningKey,
};

pub use self::error::LoginConfigError;
use crate::{
    answers::{Answer, Answers},
    csrf::{Csrf, DoubleSubmit},
    location::Location,
    manager::{LoginManager, Settings},
    next::Next,
    own_tokens::{IsRevoked, LoadUser},
    same_origin::{Origin, OriginPolicy},
};

/// How long a token lives unless somebody says otherwise.
const LIFETIME: Duration = Duration::from_mins(15);
/// How long the application's own callbacks may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Collects what a manager needs to know; made by [`LoginManager::from_secret`] and its siblings.
#[must_use = "finish with `user_loader` and `build`"]
pub struct LoginManagerBuilder<L> {
    source: L,
    signing: Option<Result<SigningKey, LoginConfigError>>,
    previous: Vec<Result<VerifyingKey, LoginConfigError>>,
    names: Names,
    lifetime: Duration,
    leeway: Duration,
    patience: Duration,
    is_revoked: Option<IsRevoked>,
    token_url: String,
    locations: Vec<Location>,
    public_url: Option<String>,
    allowed_origins: Vec<Origin>,
    origins: Option<(OriginPolicy, bool)>,
    csrf: Csrf,
    has_hierarchical_scopes: bool,
    answers: Answers,
    clock: Arc<dyn Clock>,
}

impl<L> std::fmt::Debug for LoginManagerBuilder<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginManagerBuilder").field("locations", &self.locations).finish_non_exhaustive()
    }
}

/// What tokens say about whose they are.
#[derive(Default)]
struct Names {
    issuer: Option<String>,
    audience: Option<String>,
    login_type: Option<String>,
}

/// How users are loaded: the last thing that a builder of one's own tokens needs.
pub struct Loader<U>(LoadUser<U>);

impl<U> std::fmt::Debug for Loader<U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Loader")
    }
}

impl LoginManager<()> {
    /// Begins with a secret of at least 32 bytes that is shared by whoever makes and verifies tokens (HS256).
    ///
    /// A secret that is empty, blank or short is an error of [`build`](LoginManagerBuilder::build).
    pub fn from_secret(secret: impl AsRef<[u8]>) -> LoginManagerBuilder<()> {
        LoginManagerBuilder::with_key(SigningKey::from_secret(secret.as_ref()).map_err(Into::into))
    }

    /// Begins with a private key: EdDSA, ES256 or RS256.
    pub fn from_key(key: SigningKey) -> LoginManagerBuilder<()> {
        LoginManagerBuilder::with_key(Ok(key))
    }

    /// Begins with a private key in PEM (PKCS #8): EdDSA, ES256 or RS256, as the key says.
    ///
    /// ```
    /// use vestibule_login::{LoginManager, SigningKey, Algorithm};
    ///
    /// // openssl genpkey -algorithm ed25519 -out key.pem
    /// let pem = SigningKey::generate(Algorithm::EdDsa)?.pem().to_vec();
    /// let login = LoginManager::from_pem(pem).user_loader(async |name: String| Ok::<_, String>(Some(name))).build()?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_pem(pem: impl AsRef<[u8]>) -> LoginManagerBuilder<()> {
        LoginManagerBuilder::with_key(SigningKey::read_pem(pem.as_ref()).map_err(Into::into))
    }

    /// Begins with a private key in encrypted PEM (`openssl pkcs8 -topk8`), and its password.
    #[cfg(feature = "encrypted-pem")]
    pub fn from_encrypted_pem(pem: impl AsRef<[u8]>, password: impl AsRef<[u8]>) -> LoginManagerBuilder<()> {
        let key = SigningKey::read_encrypted_pem(pem.as_ref(), password.as_ref());
        LoginManagerBuilder::with_key(key.map_err(Into::into))
    }
}

impl LoginManagerBuilder<()> {
    fn with_key(key: Result<SigningKey, LoginConfigError>) -> Self {
        Self::new((), Some(key))
    }
}

impl<L> LoginManagerBuilder<L> {
    fn new(source: L, signing: Option<Result<SigningKey, LoginConfigError>>) -> Self {
        Self {
            source,
            signing,
            previous: Vec::new(),
            names: Names::default(),
            lifetime: LIFETIME,
            leeway: Duration::ZERO,
            patience: PATIENCE,
            is_revoked: None,
            token_url: "/login".into(),
            locations: vec![Location::Header, Location::cookie()],
            public_url: None,
            allowed_origins: Vec::new(),
            origins: None,
            csrf: Csrf::SameOrigin,
            has_hierarchical_scopes: false,
            answers: Answers::default(),
            clock: Arc::new(SystemClock),
        }
    }

    fn with_source<M>(self, source: M) -> LoginManagerBuilder<M> {
        LoginManagerBuilder {
            source,
            signing: self.signing,
            previous: self.previous,
            names: self.names,
            lifetime: self.lifetime,
            leeway: self.leeway,
            patience: self.patience,
            is_revoked: self.is_revoked,
            token_url: self.token_url,
            locations: self.locations,
            public_url: self.public_url,
            allowed_origins: self.allowed_origins,
            origins: self.origins,
            csrf: self.csrf,
            has_hierarchical_scopes: self.has_hierarchical_scopes,
            answers: self.answers,
            clock: self.clock,
        }
    }

    /// Where clients get a token; `/login` by default.
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.token_url = url.into();
        self
    }

    /// Where tokens are looked for, in this order: by default the header, then the cookie.
    pub fn locations(mut self, locations: impl IntoIterator<Item = Location>) -> Self {
        self.locations = locations.into_iter().collect();
        self
    }

    /// How browsers reach the application, for example `https://app.example`: requests from its pages may change
    /// something by cookie, and cookies are `Secure` unless it is plain http on loopback.
    ///
    /// Without it cookies are `Secure`, and the host that a request was sent to counts as our own.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// Trusts pages of other origins as if they were ours.
    pub fn allowed_origins(mut self, origins: impl IntoIterator<Item = Origin>) -> Self {
        self.allowed_origins.extend(origins);
        self
    }

    /// The origins that are ours as somebody else has worked them out, and whether cookies are `Secure`; in place of
    /// [`public_url`](Self::public_url).
    pub fn origins(mut self, origins: OriginPolicy, has_secure_cookies: bool) -> Self {
        self.origins = Some((origins, has_secure_cookies));
        self
    }

    /// How requests that the cookie authenticates show that they come from our own pages: by their origin unless somebody
    /// says otherwise.
    ///
    /// ```
    /// use vestibule_login::{Csrf, LoginManager};
    ///
    /// # let secret = "thirty-two bytes that nobody else knows";
    /// let login = LoginManager::from_secret(secret)
    ///     .csrf(Csrf::double_submit())
    ///     .user_loader(async |name: String| Ok::<_, String>(Some(name)))
    ///     .build()?;
    /// let token = login.create_access_token("ada")?;
    /// let mut headers = http::HeaderMap::new();
    /// login.set_cookie(&mut headers, &token)?;
    /// assert_eq!(headers.get_all("set-cookie").iter().count(), 2); // the token's, and one that scripts can read
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn csrf(mut self, csrf: impl Into<Csrf>) -> Self {
        self.csrf = csrf.into();
        self
    }

    /// Takes scopes as a hierarchy: `users:*` in a token grants `users:read`, and `*` grants everything.
    pub fn hierarchical_scopes(mut self) -> Self {
        self.has_hierarchical_scopes = true;
        self
    }

    /// What a request is answered with that is not logged in, or not well enough: no token, a bad one, an old login.
    pub fn unauthenticated(mut self, answer: Answer) -> Self {
        self.answers.unauthenticated = answer;
        self
    }

    /// What a request is answered with whose token lacks a scope.
    pub fn out_of_scope(mut self, answer: Answer) -> Self {
        self.answers.out_of_scope = answer;
        self
    }

    /// Another clock than the system's; for tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    fn settings(&mut self) -> Result<Settings, LoginConfigError> {
        let public = self.public_url.as_deref().map(Origin::of_url).transpose()?;
        let is_secure = !public.as_ref().is_some_and(Origin::is_plain_loopback);
        let usual = match public {
            Some(origin) if origin.is_plain_loopback() => OriginPolicy::new(origin).with_loopback_aliases(),
            Some(origin) => OriginPolicy::new(origin),
            None => OriginPolicy::of_own_host(),
        };
        let (origins, has_secure_cookies) = self.origins.take().unwrap_or((usual, is_secure));
        let mut answers = std::mem::take(&mut self.answers);
        for answer in [&answers.unauthenticated, &answers.out_of_scope] {
            if let Some(page) = answer.page().filter(|page| Next::read(page).is_none()) {
                return Err(LoginConfigError::Page(page.to_owned()));
            }
        }
        let csrf = std::mem::take(&mut self.csrf);
        if let Some(name) = csrf.as_double_submit().and_then(DoubleSubmit::bad_name) {
            return Err(LoginConfigError::LocationName(name.to_owned()));
        }
        let locations = build::check_locations(&self.locations, has_secure_cookies)?;
        build::check_csrf_cookie(&csrf, &locations, has_secure_cookies)?;
        answers.token_parameters = locations.iter().filter_map(Location::parameter).collect();
        Ok(Settings {
            csrf,
            token_url: std::mem::take(&mut self.token_url),
            locations,
            origins: origins.with_allowed(std::mem::take(&mut self.allowed_origins)),
            has_secure_cookies,
            has_hierarchical_scopes: self.has_hierarchical_scopes,
            answers,
            clock: Arc::clone(&self.clock),
        })
    }
}
