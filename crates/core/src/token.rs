//! Access tokens: made at login and refresh, verified at every request.
//!
//! A verified token is remembered by its digest, bounded and never past its expiry. Every use, remembered or not,
//! still asks whether its key is live and its session revoked.

pub mod claims;
pub mod refresh_token;

use std::{fmt, sync::Arc, time::Duration};

use aws_lc_rs::digest;
use moka::sync::Cache;
pub use vestibule_token::{
    access::{Presented, Rejected},
    bearer, jwk, jws,
    signing::SigningError,
};

use self::{
    claims::{AccessClaims, BadClaims, Grant},
    jws::Refused,
    refresh_token::{PresentedToken, RefreshToken},
};
use crate::{
    Auth,
    ports::{clock::Timestamp, store::StoreError},
    values::{account::Account, scope::Scopes, session::SessionId},
};

/// An access token to be handed out; it does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(String);

impl AccessToken {
    /// The token, for the answer that hands it out.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(…)")
    }
}

/// The pair of tokens that a login or a refresh hands out.
#[derive(Clone, Debug)]
pub struct TokenPair {
    /// The session that it belongs to.
    pub session_id: SessionId,
    /// The access token.
    pub access: AccessToken,
    /// How long the access token lives.
    pub access_ttl: Duration,
    /// The refresh token.
    pub refresh: RefreshToken,
    /// How long the refresh token lives if it is not used.
    pub refresh_ttl: Duration,
    /// The granted scope.
    pub scope: Scopes,
}

/// Why a token does not open a door.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is no access token of ours, its claims are wrong, or it has expired.
    #[error("the token is refused: {0}")]
    Rejected(#[from] Rejected),
    /// Its session has ended, or its account is gone or disabled.
    #[error("the token is refused: its session has ended")]
    Revoked,
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

type TokenDigest = [u8; 32];

/// Remembers tokens that have been verified.
#[derive(Debug)]
pub(crate) struct TokenCache(Cache<TokenDigest, Arc<Verified>>);

/// A token that has been verified once.
#[derive(Debug)]
struct Verified {
    kid: String,
    claims: Arc<AccessClaims>,
}

impl TokenCache {
    pub(crate) fn new(capacity: u64) -> Self {
        Self(Cache::new(capacity))
    }
}

fn digest_of(token: &str) -> TokenDigest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    bytes
}

impl Auth {
    /// Verifies an access token: signature, type, every claim, and that its session lives.
    ///
    /// Asks the store only for a `kid` it has never seen, at most once a second.
    ///
    /// # Errors
    /// [`TokenError`]; all but [`TokenError::Store`] are the caller's.
    pub async fn verify_access_token(&self, token: &str) -> Result<Arc<AccessClaims>, TokenError> {
        let now = self.clock.now();
        let digest = digest_of(token);
        let verified = match self.tokens.0.get(&digest) {
            Some(verified) => verified,
            None => self.verify_unknown(token, digest, now).await?,
        };
        if verified.claims.is_expired(self.policy.tokens.leeway, now) {
            self.tokens.0.invalidate(&digest);
            return Err(Rejected::from(BadClaims::Expired).into());
        }
        if !self.keys.is_live(&verified.kid, now) {
            return Err(Rejected::from(Refused::UnknownKey).into());
        }
        if self.revocations.is_revoked(verified.claims.session_id, verified.claims.account_id) {
            return Err(TokenError::Revoked);
        }
        Ok(Arc::clone(&verified.claims))
    }

    /// The session that tokens name, without asking whether it lives: what a new login replaces.
    pub async fn find_named_session(&self, access: Option<&str>, refresh: Option<&str>) -> Option<SessionId> {
        if let Some(presented) = refresh.and_then(|token| PresentedToken::read(&self.master, token)) {
            return Some(presented.session_id);
        }
        let claims = self.verify_access_token(access?).await.ok()?;
        Some(claims.session_id)
    }

    async fn verify_unknown(
        &self,
        token: &str,
        digest: TokenDigest,
        now: Timestamp,
    ) -> Result<Arc<Verified>, TokenError> {
        let presented = Presented::read(token)?;
        let kid = presented.kid();
        if !self.keys.is_known(kid) {
            self.reload_keys_for_unknown_kid(now).await?;
        }
        let key = self.keys.find(kid, now).ok_or(Rejected::from(Refused::UnknownKey))?;
        let claims = presented.verify(&key, &self.policy.tokens.expected(), now)?;
        let verified = Arc::new(Verified { kid: kid.to_owned(), claims: Arc::new(claims) });
        self.tokens.0.insert(digest, Arc::clone(&verified));
        Ok(verified)
    }

    /// Signs the pair of tokens for one generation of a session.
    pub(crate) fn issue_tokens(&self, issue: &Issue<'_>) -> Result<TokenPair, SigningError> {
        let now = issue.at;
        let policy = &self.policy.tokens;
        let grant = Grant {
            account: issue.account,
            session_id: issue.session_id,
            scope: issue.scope,
            // A session born after a cut-off that lies ahead of the clock is no reason to speak of the future.
            authenticated_at: issue.authenticated_at.min(now),
        };
        let claims = grant.to_json(policy, now, policy.access_ttl).map_err(SigningError::new)?;
        Ok(TokenPair {
            session_id: issue.session_id,
            access: AccessToken(self.keys.sign(&claims, now)?),
            access_ttl: policy.access_ttl,
            refresh: RefreshToken::issue(&self.master, issue.session_id, issue.generation),
            refresh_ttl: issue.expires_at.since(now),
            scope: issue.scope.clone(),
        })
    }
}

/// For which generation of which session tokens are made.
#[derive(Debug)]
pub(crate) struct Issue<'a> {
    pub(crate) at: Timestamp,
    pub(crate) account: &'a Account,
    pub(crate) session_id: SessionId,
    pub(crate) generation: u64,
    pub(crate) scope: &'a Scopes,
    pub(crate) authenticated_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}
