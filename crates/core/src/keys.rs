//! The signing keys: made at first start, rotated, published as a JWK set (RFC 7517 §5).
//!
//! A new key signs at once; the old ones verify until the last token they signed has expired. Private parts are
//! stored wrapped with `secret_key`.

pub(crate) mod ring;

use std::time::Duration;

use serde_json::{Value, json};

pub use vestibule_token::signing;

use self::signing::{BadSigningKey, SigningKey};
use crate::{
    Auth,
    ports::{
        audit::{AuditEvent, AuditKind},
        clock::Timestamp,
        store::StoreError,
    },
    token::jws::Algorithm,
};

/// A key as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The key's id.
    pub kid: String,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it verifies; `None` for the one that signs.
    pub verifies_until: Option<Timestamp>,
}

/// Why the keys could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The stored keys were wrapped with another secret.
    #[error(
        "the signing keys in the database cannot be opened with this secret_key; set the secret_key the database was \
         made with (after a rotation, list the old one in previous_secret_keys)"
    )]
    WrongSecret,
    /// A stored key is no key.
    #[error("signing key {kid} in the database is damaged: {source}")]
    Damaged {
        /// The key's id.
        kid: String,
        /// What is wrong with it.
        source: BadSigningKey,
    },
    /// A key could not be made.
    #[error("a signing key could not be made: {0}")]
    Generate(BadSigningKey),
    /// A stored key is still wrapped with a previous secret: whoever serves has not been restarted with the new one.
    #[error(
        "the running server still uses the previous secret_key and could not open a new key; restart it with the \
         current one first"
    )]
    ServerHasOldSecret,
    /// The key comes from a file, so the database's are not in use.
    #[error(
        "the signing key comes from tokens.signing_key_file and is rotated there: replace the file and restart the \
         server, which ends every access token at once; sessions go on, by refreshing"
    )]
    FromFile,
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Auth {
    /// The public keys that verify our tokens, as a JWK set.
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({ "keys": self.keys.public(self.clock.now()) })
    }

    /// The keys, the newest first.
    #[must_use]
    pub fn list_keys(&self) -> Vec<KeyInfo> {
        self.keys.list()
    }

    /// Makes a new key that signs from now on.
    ///
    /// The old ones verify until the last token they signed has expired; with `is_compromised`, not a moment longer.
    ///
    /// # Errors
    /// [`KeyError::FromFile`] where the key is the operator's file; [`KeyError::ServerHasOldSecret`] where a server that
    /// runs could not open the new key; otherwise an outage.
    pub async fn rotate_keys(&self, is_compromised: bool) -> Result<KeyInfo, KeyError> {
        if self.is_key_from_file {
            return Err(KeyError::FromFile);
        }
        let now = self.clock.now();
        if ring::has_old_wrap(&self.master, &self.store.list_signing_keys().await?)? {
            return Err(KeyError::ServerHasOldSecret);
        }
        let key = SigningKey::generate(self.policy.tokens.algorithm).map_err(KeyError::Generate)?;
        // Another node may sign with the old key for the second it takes to learn of the new one.
        let reach = self.policy.tokens.access_reach() + Duration::from_secs(2);
        let others_until = if is_compromised { now } else { now.plus(reach) };
        self.store.rotate_signing_key(ring::wrap(&key, &self.master, now)?, others_until).await?;
        self.reload_keys().await?;
        let detail = if is_compromised { "compromised" } else { "scheduled" };
        self.audit.write_now(AuditEvent::of_operator(now, AuditKind::KeyRotation, None, detail)).await;
        Ok(KeyInfo {
            kid: key.kid().to_owned(),
            algorithm: key.algorithm(),
            created_at: now,
            verifies_until: None,
        })
    }

    /// Reads the keys anew, because another process may have rotated them.
    pub(crate) async fn reload_keys(&self) -> Result<(), KeyError> {
        if !self.is_key_from_file {
            self.keys.reload(self.store.as_ref(), &self.master).await?;
        }
        Ok(())
    }

    pub(crate) async fn reload_keys_for_unknown_kid(&self, now: Timestamp) -> Result<(), StoreError> {
        if self.is_key_from_file || !self.keys.may_reload(now) {
            return Ok(());
        }
        match self.reload_keys().await {
            Ok(()) => Ok(()),
            // While the store is away, a token that names a key we do not know stays a token we do not know.
            Err(error) => {
                tracing::warn!(%error, "the signing keys could not be read again for an unknown kid");
                Ok(())
            }
        }
    }
}
