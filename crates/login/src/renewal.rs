//! Logins by cookie that last while somebody is there: a token near its expiry is exchanged for a new one on the way out.
//!
//! Stores nothing. Steered by the window before the expiry in which a token is renewed, a third of its lifetime by default,
//! and by the longest that a login lasts after its proof (`auth_time`), 30 days by default.
//!
//! Defends against
//! - logins for ever: nothing is renewed past the longest time, and no token lives longer than that;
//! - a freshness that nobody has earned: `auth_time` goes over as it is, so [`Fresh`](crate::Fresh) sees no difference;
//! - revocations that are outrun: whether the old token still counts is asked after the handler has answered, and the new
//!   one is as old as the request, so that "everything made before now" meets it, too;
//! - a logout that is undone: an answer that sets or deletes the cookie itself is left as it is;
//! - caches that hand one person's token to the next.

use std::time::Duration;

use axum::{body::Body, extract::State, middleware::Next, response::Response};
use http::{HeaderMap, Method, Request, StatusCode, request::Parts};
use tower::Layer;
use vestibule_token::clock::Timestamp;

use crate::{
    around::{Around, around},
    authenticator::{BadToken, VerifyError},
    builder::LoginConfigError,
    claims::{LoginClaims, NewToken},
    cookies::{decides_over_cookie, forbid_caching},
    csrf::Proof,
    extract::User,
    location::Location,
    manager::LoginManager,
    own_tokens::{AccessToken, FULL},
    same_origin::is_web_socket,
};

/// How long a login may last after its proof unless somebody says otherwise.
const MAX_AGE: Duration = Duration::from_hours(30 * 24);
/// The part of its lifetime in which a token is renewed.
const USUAL_PART: u32 = 3;

/// Renews tokens in the cookie; made by [`LoginManager::renewal_layer`].
#[derive(Clone, Debug)]
pub struct RenewalLayer<U> {
    manager: LoginManager<U>,
    within: Option<Duration>,
    max_age: Duration,
}

impl<U> LoginManager<U> {
    /// A layer that keeps whoever is there logged in: where the cookie authenticates a request and its token expires
    /// soon, the answer sets the cookie anew.
    ///
    /// The new token says what the old one said, for as long as the old one was made for, under a new id. A token
    /// without a session gets the first token's id as its session, so that [`LoginClaims::login_id`] names the login from
    /// its beginning to its end. Tokens that were made without a proof ([`NewToken::not_fresh`]) have no age and are not
    /// renewed, nor are partial logins, tokens of another type and tokens in headers, queries and bodies.
    ///
    /// It refuses nothing: routes decide as without it. Failures (5xx), answers that set or delete the cookie
    /// themselves, `304`, `OPTIONS` and `WebSockets` are left alone. Where a JSON body is looked into before the cookie,
    /// put this layer inside of [`LoginManager::layer`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use axum::{Router, routing::get};
    /// use vestibule_login::{LoggedIn, LoginManager};
    ///
    /// async fn mine(LoggedIn(name): LoggedIn<String>) -> String {
    ///     format!("for {name} only")
    /// }
    ///
    /// # let login = LoginManager::from_secret("thirty-two bytes that nobody else knows")
    /// #     .user_loader(async |name: String| Ok::<_, String>(Some(name))).build()?;
    /// let renewal = login.renewal_layer()?.within(Duration::from_mins(5)).max_age(Duration::from_hours(12));
    /// let app: Router = Router::new().route("/mine", get(mine)).layer(renewal).with_state(login);
    /// # Ok::<_, vestibule_login::LoginConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`LoginConfigError::Renewal`], where tokens are made elsewhere or no place is a cookie.
    ///
    /// # Security
    /// The revocation callback and the loader are asked once more before a token is made. A token that was stolen is
    /// renewed like any other, until its login is revoked or [`max_age`](RenewalLayer::max_age) has passed: revoke by
    /// [`LoginClaims::login_id`] or by subject, never by the id of one token.
    pub fn renewal_layer(&self) -> Result<RenewalLayer<U>, LoginConfigError> {
        if self.shop().is_err() || self.cookie_name().is_err() {
            return Err(LoginConfigError::Renewal);
        }
        Ok(RenewalLayer { manager: self.clone(), within: None, max_age: MAX_AGE })
    }
}

impl<U> RenewalLayer<U> {
    /// Renews tokens that expire within this time; a third of each token's lifetime by default.
    #[must_use]
    pub const fn within(mut self, window: Duration) -> Self {
        self.within = Some(window);
        self
    }

    /// The longest that a login lasts after its proof, however busy it is; 30 days by default.
    #[must_use]
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// What a token is exchanged for, where it is time.
    fn successor(&self, claims: &LoginClaims, leeway: Duration, at: Timestamp) -> Option<NewToken> {
        let expires_at = claims.expires_at.minus(leeway);
        let proved_at = claims.authenticated_at?;
        let lifetime = expires_at.since(claims.issued_at?);
        let window = self.within.unwrap_or(lifetime / USUAL_PART);
        let end = at.plus(lifetime).min(proved_at.plus(self.max_age));
        if expires_at.since(at) > window || end <= expires_at {
            return None;
        }
        Some(NewToken::renewing(claims).lifetime(end.since(at)))
    }
}

/// A token that came in our cookie, and when.
struct Presented {
    token: String,
    proof: Proof,
    at: Timestamp,
}

impl<U: User> RenewalLayer<U> {
    fn find(&self, parts: &Parts) -> Option<Presented> {
        // An upgrade is answered by what is no page, whose cookies not every client keeps.
        let is_page = !matches!(parts.method, Method::OPTIONS | Method::TRACE | Method::CONNECT)
            && !is_web_socket(&parts.headers);
        let credentials = self.manager.find_credentials(parts).ok().flatten().filter(|_| is_page)?;
        let own = Location::Cookie(self.manager.cookie_name().ok()?.to_owned());
        // Whole seconds, so that a token's lifetime stays what it was.
        let at = Timestamp::from_millis(self.manager.now().as_seconds() * 1000);
        let presented = Presented { token: credentials.token, proof: credentials.proof, at };
        (credentials.location == own).then_some(presented)
    }

    async fn renew(&self, presented: Presented, headers: &mut HeaderMap) {
        match self.exchange(presented).await {
            Ok(Some(token)) => match self.manager.set_cookie(headers, &token) {
                Ok(()) => forbid_caching(headers),
                Err(unfit) => tracing::warn!(cause = %unfit, "a login was not renewed"),
            },
            Ok(None) | Err(VerifyError::Refused(_)) => {}
            Err(VerifyError::Failed(failure)) => {
                tracing::warn!(cause = %failure, "a login was not renewed");
            }
        }
    }

    async fn exchange(
        &self,
        Presented { token, proof, at }: Presented,
    ) -> Result<Option<AccessToken>, VerifyError> {
        let Ok(shop) = self.manager.shop() else { return Ok(None) };
        // First without the callbacks: most tokens are not due.
        if self.successor(&shop.read(&token, FULL, at)?, shop.leeway, at).is_none() {
            return Ok(None);
        }
        let claims = shop.verify_at(&token, at).await?;
        if proof.check(|value| self.manager.authenticator().confirms_csrf(&claims, value)).is_err() {
            return Ok(None);
        }
        if self.manager.authenticator().load(&claims).await?.is_none() {
            return Err(BadToken::UnknownUser.into());
        }
        let Some(new) = self.successor(&claims, shop.leeway, at) else { return Ok(None) };
        match shop.make_at(new, false, at) {
            Ok(token) => Ok(Some(token)),
            Err(error) => {
                tracing::warn!(cause = %error, "a login was not renewed");
                Ok(None)
            }
        }
    }
}

/// Whether an answer may set the cookie.
fn may_carry(response: &Response, cookie: &str) -> bool {
    let status = response.status();
    // The headers of a 304 become those of a page that caches already have.
    let is_fit =
        !status.is_server_error() && !status.is_informational() && status != StatusCode::NOT_MODIFIED;
    is_fit && !decides_over_cookie(response.headers(), cookie)
}

impl<U: User, I> Layer<I> for RenewalLayer<U> {
    type Service = Around<Self, I>;

    fn layer(&self, inner: I) -> Self::Service {
        around(self, |State(layer), request, next| Box::pin(layer.let_through(request, next)), inner)
    }
}

impl<U: User> RenewalLayer<U> {
    async fn let_through(self, request: Request<Body>, next: Next) -> Response {
        let (parts, body) = request.into_parts();
        let presented = self.find(&parts);
        let mut response = next.run(Request::from_parts(parts, body)).await;
        let cookie = self.manager.cookie_name().unwrap_or_default();
        if let Some(presented) = presented.filter(|_| may_carry(&response, cookie)) {
            self.renew(presented, response.headers_mut()).await;
        }
        response
    }
}
