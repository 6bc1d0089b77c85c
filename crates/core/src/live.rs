//! Connections that stay open, such as a `WebSocket` or an event stream: until when their caller counts.
//!
//! A request is checked once, when it comes; a connection may be there for hours. A [`TokenWatch`] tells when its token
//! stops to count: its session is revoked, here or on another node, its account is disabled, its key is withdrawn, or it
//! expires. Stores nothing. It learns of revocations when this node does: at once of its own, within a second of others'
//! while the store answers, and of those it missed once the store answers again.
//!
//! Defends against a logout that leaves the logged-out connected.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use zeroize::Zeroizing;

use crate::{
    Auth,
    token::{TokenError, claims::AccessClaims},
};

/// How often a token is looked at although nothing was heard: it may have expired, by a clock that was turned too.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// The least time between two looks, so that many revocations do not make as many looks of every connection.
const BREATH: Duration = Duration::from_millis(100);

/// Looks after the token of a connection that stays open.
pub struct TokenWatch {
    auth: Arc<Auth>,
    token: Zeroizing<String>,
    claims: Arc<AccessClaims>,
    changes: watch::Receiver<()>,
}

impl fmt::Debug for TokenWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenWatch").field("session_id", &self.claims.session_id).finish_non_exhaustive()
    }
}

impl Auth {
    /// Verifies an access token as [`Self::verify_access_token`] does, and goes on looking after it.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn watch_access_token(self: &Arc<Self>, token: &str) -> Result<TokenWatch, TokenError> {
        // Before it is verified: what is revoked between the two must be heard, too.
        let changes = self.revocations.subscribe();
        let claims = self.verify_access_token(token).await?;
        Ok(TokenWatch { auth: Arc::clone(self), token: Zeroizing::new(token.to_owned()), claims, changes })
    }
}

impl TokenWatch {
    /// What the token says.
    #[must_use]
    pub const fn claims(&self) -> &Arc<AccessClaims> {
        &self.claims
    }

    /// Waits until the token no longer counts, and says why. While the store is away it counts as before.
    ///
    /// May be dropped and called again at any time.
    pub async fn ended(&mut self) -> TokenError {
        loop {
            match self.auth.verify_access_token(&self.token).await {
                Ok(_) | Err(TokenError::Store(_)) => {}
                Err(ended) => return ended,
            }
            sleep(BREATH).await;
            // Either is a reason to look again.
            let _ = timeout(LOOK_PAUSE, self.changes.changed()).await;
        }
    }
}
