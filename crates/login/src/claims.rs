//! What a token says: read from a verified one, written into a new one.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use vestibule_token::{clock::Timestamp, scope::Scopes};

use crate::csrf::CsrfToken;

/// The claims that are ours; custom ones may not bear these names.
pub(crate) const REGISTERED: [&str; 13] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "scope",
    "auth_time",
    "type",
    "client_id",
    "csrf",
];

/// What a verified token says.
///
/// ```
/// use vestibule_login::{LoginManager, NewToken};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let secret = "a secret of thirty-two bytes or more";
/// # let login = LoginManager::from_secret(secret).user_loader(async |name: String| Ok::<_, String>(Some(name))).build()?;
/// let token = login.create_access_token(NewToken::of("ada").claim("team", "blue")?.scopes(["read"]))?;
/// let claims = login.verify(token.expose()).await?;
/// assert_eq!(claims.subject, "ada");
/// assert_eq!(claims.get::<String>("team"), Some("blue".into()));
/// assert!(claims.scopes.contains("read"));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LoginClaims {
    /// `sub`: whose token it is.
    pub subject: String,
    /// `jti`: which token it is.
    pub token_id: Option<String>,
    /// `sid`: which session it belongs to, where there are sessions.
    pub session_id: Option<String>,
    /// `scope`, as a set.
    pub scopes: Scopes,
    /// `iat`.
    pub issued_at: Option<Timestamp>,
    /// `auth_time`: when the person last proved who they are; `None` for a token that was made without such proof.
    pub authenticated_at: Option<Timestamp>,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `csrf`: what the pages of this login repeat, where there is a double submit ([`Csrf`](crate::Csrf)).
    pub csrf: Option<CsrfToken>,
    /// Every other claim.
    pub custom: Map<String, Value>,
}

impl LoginClaims {
    /// The least that a token says; the rest is set on it.
    #[must_use]
    pub fn new(subject: impl Into<String>, expires_at: Timestamp) -> Self {
        Self {
            subject: subject.into(),
            token_id: None,
            session_id: None,
            scopes: Scopes::none(),
            issued_at: None,
            authenticated_at: None,
            expires_at,
            csrf: None,
            custom: Map::new(),
        }
    }

    /// Which login it belongs to: its session, or the token itself where it has none. It stays the same when the token
    /// is renewed, so it is what a logout revokes and a [revocation
    /// callback](crate::LoginManagerBuilder::revoked_if) asks for.
    #[must_use]
    pub fn login_id(&self) -> Option<&str> {
        self.session_id.as_deref().or(self.token_id.as_deref())
    }

    /// A custom claim; `None` where it is absent or of another type.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        T::deserialize(self.custom.get(name)?).ok()
    }
}

/// A custom claim that cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadClaim {
    /// It has the name of a claim that only the manager writes.
    #[error("`{0}` is a registered claim; it is set by the manager, not by custom claims")]
    Registered(String),
    /// It is no JSON value.
    #[error("claim `{name}` is no JSON value: {source}")]
    NoJson {
        /// The claim.
        name: String,
        /// Why not.
        source: serde_json::Error,
    },
    /// Claims that are no object with names.
    #[error("custom claims must be a struct or a map with names")]
    NoObject,
}

/// A token about to be made: whose it is, how long it lives, what it may and what else it says.
#[derive(Clone, Debug)]
#[must_use = "give it to `create_access_token`"]
pub struct NewToken {
    pub(crate) subject: String,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) scopes: Scopes,
    pub(crate) session_id: Option<String>,
    pub(crate) authentication: Authentication,
    /// Where it is not a new one.
    pub(crate) csrf: Option<CsrfToken>,
    pub(crate) custom: Map<String, Value>,
}

/// When whoever gets a token has proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authentication {
    Now,
    At(Timestamp),
    Unknown,
}

impl NewToken {
    /// A fresh token of this subject, without scopes, for the manager's default lifetime.
    pub fn of(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            lifetime: None,
            scopes: Scopes::none(),
            session_id: None,
            authentication: Authentication::Now,
            csrf: None,
            custom: Map::new(),
        }
    }

    /// What a verified token says, once more: for a renewal of your own, where
    /// [`renewal_layer`](crate::LoginManager::renewal_layer) does not fit.
    ///
    /// It is as fresh as the old one, so [`Fresh`](crate::Fresh) sees no difference, and belongs to the same login
    /// ([`LoginClaims::login_id`]). Its lifetime is the manager's. How long a login may last in all is yours to decide:
    /// [`LoginClaims::authenticated_at`] is when it began.
    ///
    /// ```
    /// use vestibule_login::{Login, LoginManager, NewToken, TokenError, TokenResponse};
    /// use axum::extract::State;
    ///
    /// async fn renew(login: Login<String>, State(manager): State<LoginManager<String>>) -> Result<TokenResponse, String> {
    ///     let token = manager.create_access_token(NewToken::renewing(&login.claims));
    ///     token.map(|token| TokenResponse::of(&token)).map_err(|error| error.to_string())
    /// }
    /// ```
    pub fn renewing(claims: &LoginClaims) -> Self {
        Self {
            subject: claims.subject.clone(),
            lifetime: None,
            scopes: claims.scopes.clone(),
            session_id: claims.login_id().map(str::to_owned),
            authentication: claims.authenticated_at.map_or(Authentication::Unknown, Authentication::At),
            csrf: claims.csrf.clone(),
            custom: claims.custom.clone(),
        }
    }

    /// Another lifetime than the manager's; zero means expired now.
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// What the token may; names that cannot be scopes (RFC 6749 §3.3) are dropped.
    pub fn scopes<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.scopes = names.into_iter().flat_map(|name| read_scopes(name.as_ref())).collect();
        self
    }

    /// The session that it belongs to, for a revocation callback to ask.
    pub fn session(mut self, id: impl Into<String>) -> Self {
        self.session_id = Some(id.into());
        self
    }

    /// When the person proved who they are, where that was not now: what a renewed token takes from the old one.
    pub const fn authenticated_at(mut self, moment: Option<Timestamp>) -> Self {
        self.authentication = match moment {
            Some(moment) => Authentication::At(moment),
            None => Authentication::Unknown,
        };
        self
    }

    /// Made without asking for a password: never fresh.
    pub const fn not_fresh(self) -> Self {
        self.authenticated_at(None)
    }

    /// Adds a custom claim.
    ///
    /// # Errors
    /// [`BadClaim`], above all for the name of a registered claim.
    pub fn claim(mut self, name: impl Into<String>, value: impl Serialize) -> Result<Self, BadClaim> {
        let name = name.into();
        if REGISTERED.contains(&name.as_str()) {
            return Err(BadClaim::Registered(name));
        }
        match serde_json::to_value(value) {
            Ok(value) => self.custom.insert(name, value),
            Err(source) => return Err(BadClaim::NoJson { name, source }),
        };
        Ok(self)
    }

    /// Adds every field of a struct or map as a custom claim.
    ///
    /// # Errors
    /// [`BadClaim`], above all for the name of a registered claim.
    pub fn claims(self, claims: impl Serialize) -> Result<Self, BadClaim> {
        match serde_json::to_value(claims) {
            Ok(Value::Object(claims)) => {
                claims.into_iter().try_fold(self, |token, (name, value)| token.claim(name, value))
            }
            _ => Err(BadClaim::NoObject),
        }
    }
}

impl From<&str> for NewToken {
    fn from(subject: &str) -> Self {
        Self::of(subject)
    }
}

impl From<String> for NewToken {
    fn from(subject: String) -> Self {
        Self::of(subject)
    }
}

impl From<&String> for NewToken {
    fn from(subject: &String) -> Self {
        Self::of(subject)
    }
}

fn read_scopes(text: &str) -> Vec<String> {
    Scopes::read(text).iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_custom_claim_cannot_take_a_registered_name() {
        for name in REGISTERED {
            assert!(matches!(NewToken::of("ada").claim(name, 1), Err(BadClaim::Registered(_))), "{name}");
            assert!(NewToken::of("ada").claims(json!({ name: 1 })).is_err(), "{name}");
        }
        let token = NewToken::of("ada").claims(json!({"team": "blue", "Sub": 1})).unwrap();
        assert_eq!(token.custom["team"], "blue");
    }

    #[test]
    fn what_is_no_object_is_no_set_of_claims() {
        for claims in [json!(1), json!([1]), json!("sub"), json!(null)] {
            assert!(matches!(NewToken::of("ada").claims(claims), Err(BadClaim::NoObject)));
        }
        let map: std::collections::HashMap<(u8, u8), u8> = [((1, 2), 3)].into();
        assert!(matches!(NewToken::of("ada").claim("x", map), Err(BadClaim::NoJson { .. })));
    }
}
