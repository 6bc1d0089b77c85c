//! Access tokens (RFC 9068), read the same by the engine that made them and by services that only verify them.
//!
//! Stores nothing and asks nobody. What it cannot see, a revoked session, is the business of whoever keeps sessions.
//!
//! ```
//! use std::time::Duration;
//! use vestibule_token::{
//!     access::{Expected, Presented, Rejected},
//!     clock::Timestamp,
//!     jws::Algorithm,
//!     signing::SigningKey,
//! };
//!
//! let key = SigningKey::generate(Algorithm::EdDsa)?;
//! let token = key.sign(br#"{"iss":"https://login.example","aud":"shop","type":"refresh"}"#)?;
//! let expected = Expected { issuer: "https://login.example", audience: "shop", leeway: Duration::ZERO };
//! let presented = Presented::read(&token)?;
//! assert_eq!(presented.kid(), key.kid());
//! let rejected = presented.verify(key.verifying(), &expected, Timestamp::EPOCH).unwrap_err();
//! assert!(matches!(rejected, Rejected::Claims(_)));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

use std::time::Duration;

use serde_json::Value;

use crate::{
    claims::{ACCESS_TOKEN_TYPE, BadClaims, Claims, is_of_type},
    clock::Timestamp,
    ids::{AccountId, SessionId},
    jws::{Algorithm, Parts, Refused, VerifyingKey},
    scope::Scopes,
};

/// Why a token is no access token of ours: for logs, never for whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    /// Its shell is wrong: no JWS, another algorithm, an unknown key, a wrong signature.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Its claims are wrong, or it has expired.
    #[error(transparent)]
    Claims(#[from] BadClaims),
    /// Its `typ` is not `at+jwt`.
    #[error("it is no access token")]
    WrongType,
}

/// What an access token must say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// `iss`, compared exactly.
    pub issuer: &'a str,
    /// What `aud` must name.
    pub audience: &'a str,
    /// How far the clocks of whoever made it and of whoever verifies it may differ.
    pub leeway: Duration,
}

/// Something that looks like an access token and names a key; not yet believed.
#[derive(Debug)]
pub struct Presented<'a>(Parts<'a>);

impl<'a> Presented<'a> {
    /// Takes a token apart; `typ` must be `at+jwt`, and there must be a `kid`.
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn read(token: &'a str) -> Result<Self, Rejected> {
        let parts = Parts::read(token)?;
        let is_access_token = parts.typ().is_some_and(|typ| is_of_type(typ, ACCESS_TOKEN_TYPE));
        if !is_access_token {
            return Err(Rejected::WrongType);
        }
        if parts.kid().is_none() {
            return Err(Refused::UnknownKey.into());
        }
        Ok(Self(parts))
    }

    /// The id of the key it says it was signed with: an opaque, bounded name to look a key up by.
    #[must_use]
    pub fn kid(&self) -> &str {
        self.0.kid().unwrap_or_default()
    }

    /// The algorithm it says it was signed with. The key decides; this only tells whether looking for one is worth it.
    #[must_use]
    pub fn claimed_algorithm(&self) -> Option<Algorithm> {
        self.0.claimed_algorithm()
    }

    /// Verifies the signature and every claim.
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn verify(
        &self,
        key: &VerifyingKey,
        expected: &Expected<'_>,
        now: Timestamp,
    ) -> Result<AccessClaims, Rejected> {
        Ok(AccessClaims::read(&self.0.verify(key)?, expected, now)?)
    }
}

/// The claims of an access token that has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessClaims {
    /// `sub`: whose token it is.
    pub account_id: AccountId,
    /// `sid`: the session it belongs to.
    pub session_id: SessionId,
    /// `scope`, as a set.
    pub scope: Scopes,
    /// `permissions`: as of the token's issue; they may lag by the token's lifetime.
    pub permissions: Scopes,
    /// `username`, as of the token's issue.
    pub username: Option<String>,
    /// `auth_time`: when the person last proved who they are.
    pub authenticated_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// The whole claims set as JSON, as it was signed.
    pub json: Box<str>,
}

impl AccessClaims {
    /// Reads the claims of a token whose signature has been verified, and checks every one that must be there.
    ///
    /// # Errors
    /// [`BadClaims`] says which one is wrong.
    pub fn read(payload: &[u8], expected: &Expected<'_>, now: Timestamp) -> Result<Self, BadClaims> {
        let claims = Claims::read(payload)?;
        claims.check_issuer(expected.issuer)?;
        claims.check_audience(expected.audience)?;
        let expires_at = claims.moment("exp")?;
        claims.check_times(expected.leeway, now)?;
        if claims.string("type")? != "access" {
            return Err(BadClaims::Claim("type"));
        }
        let account_id = AccountId::read(claims.string("sub")?).ok_or(BadClaims::Claim("sub"))?;
        let session_id = SessionId::read(claims.string("sid")?).ok_or(BadClaims::Claim("sid"))?;
        let username = match claims.get("username") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name.clone()),
            Some(_) => return Err(BadClaims::Claim("username")),
        };
        claims.string("jti")?;
        Ok(Self {
            account_id,
            session_id,
            scope: Scopes::read(claims.string("scope")?),
            permissions: claims.names("permissions")?,
            username,
            authenticated_at: claims.moment("auth_time")?,
            expires_at,
            json: String::from_utf8(payload.to_vec()).map_err(|_| BadClaims::Malformed)?.into(),
        })
    }

    /// Whether the token may no longer be used (RFC 7519 §4.1.4: "on or after").
    #[must_use]
    pub fn is_expired(&self, leeway: Duration, now: Timestamp) -> bool {
        now >= self.expires_at.plus(leeway)
    }

    /// Whether the token has every one of these scopes; compared exactly, so that `users` is not `users:read`.
    #[must_use]
    pub fn has_scopes<'s>(&self, needed: impl IntoIterator<Item = &'s str>) -> bool {
        needed.into_iter().all(|name| self.scope.contains(name))
    }

    /// Whether the account had this permission when the token was made.
    #[must_use]
    pub fn has_permission(&self, name: &str) -> bool {
        self.permissions.contains(name)
    }
}
