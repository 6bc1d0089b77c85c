//! Tokens of the application's own: made and verified with its secret or keys.

use std::{collections::HashMap, fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::{Map, Value};
use vestibule_token::{
    claims::{BadClaims, Claims, is_of_type},
    clock::{Clock, Timestamp},
    jws::{Parts, Refused, VerifyingKey},
    random::time_ordered_id,
    scope::Scopes,
    signing::{SigningError, SigningKey},
};

use crate::{
    authenticator::{Authenticator, BadToken, Cause, Failure, VerifyError},
    bounded::bounded,
    claims::{Authentication, LoginClaims, NewToken, REGISTERED},
    csrf::CsrfToken,
};

/// The `typ` of a full login's token (RFC 9068 §2.1).
pub(crate) const FULL: &str = "at+jwt";
/// The `typ` of a login that still lacks its second factor; nothing that asks for a full one takes it.
const PARTIAL: &str = "partial+jwt";

type Boxed<T> = Pin<Box<dyn Future<Output = Result<T, Cause>> + Send>>;
pub(crate) type LoadUser<U> = Box<dyn Fn(String) -> Boxed<Option<U>> + Send + Sync>;
pub(crate) type IsRevoked = Box<dyn Fn(LoginClaims) -> Boxed<bool> + Send + Sync>;

/// A token to be handed out; it does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    pub(crate) token: String,
    pub(crate) expires_at: Timestamp,
    pub(crate) lifetime: Duration,
    pub(crate) scopes: Scopes,
    pub(crate) csrf: Option<CsrfToken>,
}

impl AccessToken {
    /// The token, for the answer that hands it out.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.token
    }

    /// From when on it is refused.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// How long it lived when it was made.
    #[must_use]
    pub const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// What it may.
    #[must_use]
    pub const fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// What pages repeat in a header, where there is a double submit; [`LoginManager::set_cookie`](crate::LoginManager)
    /// sets it as a cookie, too.
    #[must_use]
    pub const fn csrf(&self) -> Option<&CsrfToken> {
        self.csrf.as_ref()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Why a token could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Its subject is empty.
    #[error("a token needs a subject, and this one's is empty")]
    NoSubject,
    /// It would expire after the year 9999.
    #[error("a token cannot live that long")]
    Lifetime,
    /// It is longer than any verifier looks at.
    #[error("the token has more than {} bytes; give it fewer claims", vestibule_token::jws::MAX_TOKEN)]
    TooLong,
    /// The manager verifies tokens that others make.
    #[error("this manager's tokens are made elsewhere; log in there")]
    MadeElsewhere,
    /// The cryptography failed.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

/// Makes and reads the tokens of one type of login.
pub(crate) struct TokenShop {
    pub(crate) signing: SigningKey,
    pub(crate) verifying: HashMap<String, VerifyingKey>,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) login_type: String,
    pub(crate) lifetime: Duration,
    pub(crate) leeway: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) is_revoked: Option<IsRevoked>,
    pub(crate) patience: Duration,
    /// Whether tokens carry a value that pages repeat.
    pub(crate) has_csrf: bool,
}

impl TokenShop {
    pub(crate) fn make(&self, new: NewToken, is_partial: bool) -> Result<AccessToken, TokenError> {
        self.make_at(new, is_partial, self.clock.now())
    }

    pub(crate) fn make_at(
        &self,
        mut new: NewToken,
        is_partial: bool,
        now: Timestamp,
    ) -> Result<AccessToken, TokenError> {
        if new.subject.is_empty() {
            return Err(TokenError::NoSubject);
        }
        let lifetime = new.lifetime.unwrap_or(self.lifetime);
        let expires_at = expiry(now, lifetime).ok_or(TokenError::Lifetime)?;
        let scopes = new.scopes.clone();
        let csrf = self.has_csrf.then(|| new.csrf.take().unwrap_or_else(CsrfToken::random));
        new.csrf.clone_from(&csrf);
        let payload = Value::Object(self.claims(new, now, expires_at)).to_string();
        let token = if is_partial {
            self.signing.sign_as(PARTIAL, payload.as_bytes())?
        } else {
            self.signing.sign(payload.as_bytes())?
        };
        if token.len() > vestibule_token::jws::MAX_TOKEN {
            return Err(TokenError::TooLong);
        }
        Ok(AccessToken { token, expires_at, lifetime, scopes, csrf })
    }

    fn claims(&self, new: NewToken, now: Timestamp, expires_at: Timestamp) -> Map<String, Value> {
        let mut claims = new.custom;
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("iss", self.issuer.clone().into());
        set("aud", self.audience.clone().into());
        set("sub", new.subject.into());
        set("iat", now.as_seconds().into());
        set("exp", expires_at.as_seconds().into());
        set("jti", time_ordered_id(now).to_string().into());
        set("scope", new.scopes.to_string().into());
        set("type", self.login_type.clone().into());
        if let Some(session_id) = new.session_id {
            set("sid", session_id.into());
        }
        if let Some(csrf) = new.csrf {
            set("csrf", csrf.expose().into());
        }
        match new.authentication {
            Authentication::Now => _ = set("auth_time", now.as_seconds().into()),
            Authentication::At(moment) => _ = set("auth_time", moment.min(now).as_seconds().into()),
            Authentication::Unknown => {}
        }
        claims
    }

    /// Verifies a token of a full login as of a moment, and asks whether it has been revoked by now.
    pub(crate) async fn verify_at(&self, token: &str, at: Timestamp) -> Result<LoginClaims, VerifyError> {
        self.verify_as(token, FULL, at).await
    }

    async fn verify_as(&self, token: &str, typ: &str, at: Timestamp) -> Result<LoginClaims, VerifyError> {
        let claims = self.read(token, typ, at)?;
        if let Some(is_revoked) = &self.is_revoked {
            let call = async { is_revoked(claims.clone()).await };
            if bounded("revocation callback", self.patience, call).await? {
                return Err(BadToken::Revoked.into());
            }
        }
        Ok(claims)
    }

    pub(crate) fn read(&self, token: &str, typ: &str, now: Timestamp) -> Result<LoginClaims, BadToken> {
        let parts = Parts::read(token)?;
        let key = parts.kid().and_then(|kid| self.verifying.get(kid)).ok_or(Refused::UnknownKey)?;
        let claims = Claims::read(&parts.verify(key)?)?;
        let is_our_type = claims.string("type")? == self.login_type;
        if !is_our_type || !parts.typ().is_some_and(|found| is_of_type(found, typ)) {
            return Err(BadToken::WrongType { expected: self.login_type.clone() });
        }
        claims.check_issuer(&self.issuer)?;
        claims.check_audience(&self.audience)?;
        claims.check_times(self.leeway, now)?;
        Ok(self.take(claims)?)
    }

    fn take(&self, claims: Claims) -> Result<LoginClaims, BadClaims> {
        let subject = claims.string("sub")?;
        if subject.is_empty() {
            return Err(BadClaims::Claim("sub"));
        }
        let has = |name: &str| claims.get(name).is_some();
        let mut read = LoginClaims::new(subject, claims.moment("exp")?.plus(self.leeway));
        read.token_id = Some(claims.string("jti")?.to_owned());
        read.session_id = if has("sid") { Some(claims.string("sid")?.to_owned()) } else { None };
        read.scopes = Scopes::read(claims.string("scope")?);
        read.issued_at = Some(claims.moment("iat")?);
        read.authenticated_at = if has("auth_time") { Some(claims.moment("auth_time")?) } else { None };
        read.csrf = if has("csrf") { Some(CsrfToken::of(claims.string("csrf")?.to_owned())) } else { None };
        let custom =
            claims.into_object().into_iter().filter(|(name, _)| !REGISTERED.contains(&name.as_str()));
        read.custom = custom.collect();
        Ok(read)
    }
}

/// When a token expires: rounded up, so that a lifetime of half a second is one; zero is now.
fn expiry(now: Timestamp, lifetime: Duration) -> Option<Timestamp> {
    const LATEST: i64 = 253_402_300_799_000;
    let end = now.plus(lifetime);
    let rounded = if lifetime.is_zero() { end } else { end.plus(Duration::from_millis(999)) };
    (rounded.as_millis() <= LATEST).then(|| Timestamp::from_millis(rounded.as_seconds() * 1000))
}

/// The authenticator of an application with its own users: tokens of its own, and its loader.
pub(crate) struct OwnTokens<U> {
    pub(crate) shop: Arc<TokenShop>,
    pub(crate) load: LoadUser<U>,
}

#[async_trait]
impl<U: Send + Sync> Authenticator<U> for OwnTokens<U> {
    async fn verify(&self, token: &str) -> Result<LoginClaims, VerifyError> {
        self.shop.verify_at(token, self.shop.clock.now()).await
    }

    async fn verify_partial(&self, token: &str) -> Result<LoginClaims, VerifyError> {
        self.shop.verify_as(token, PARTIAL, self.shop.clock.now()).await
    }

    async fn load(&self, claims: &LoginClaims) -> Result<Option<U>, Failure> {
        // Within a future, so that a closure that panics before its first await is caught, too.
        let call = async { (self.load)(claims.subject.clone()).await };
        bounded("user loader", self.shop.patience, call).await
    }
}
