//! The signing keys: made at first start, rotated, published as a JWK set (RFC 7517 §5).
//!
//! A new key signs at once; the old ones verify until the last token they signed has expired. Private parts are
//! stored wrapped with `secret_key`.

pub mod signing;

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::Duration,
};

use serde_json::{Value, json};

use self::signing::{BadSigningKey, SigningKey};
use crate::{
    Auth,
    ports::{
        audit::{AuditEvent, AuditKind},
        clock::Timestamp,
        store::{Store, StoreError, StoredSigningKey},
    },
    token::{
        SigningError,
        jws::{Algorithm, VerifyingKey},
    },
    values::secret::MasterKeys,
};

/// An unknown `kid` makes us read the keys anew, but no stranger can make us do so more often than this.
const UNKNOWN_KID_PAUSE: Duration = Duration::from_secs(1);

/// The keys in force, exchanged as a whole.
#[derive(Debug)]
pub(crate) struct KeyRing {
    keys: RwLock<Arc<KeySet>>,
    last_reload: RwLock<Option<Timestamp>>,
}

#[derive(Debug)]
struct KeySet {
    signing: SigningKey,
    verifying: HashMap<String, LiveKey>,
    /// Kids in the order they are listed: the newest first.
    order: Vec<String>,
}

#[derive(Debug)]
struct LiveKey {
    key: Arc<VerifyingKey>,
    jwk: Value,
    created_at: Timestamp,
    verifies_until: Option<Timestamp>,
}

impl LiveKey {
    fn is_live(&self, now: Timestamp) -> bool {
        self.verifies_until.is_none_or(|until| now < until)
    }
}

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
    /// The key comes from a file, so the database's are not in use.
    #[error(
        "the signing key comes from tokens.signing_key_file and is rotated there: replace the file and restart the \
         server"
    )]
    FromFile,
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl KeyRing {
    /// A ring of one key that the operator keeps in a file.
    pub(crate) fn of_one(key: SigningKey, now: Timestamp) -> Self {
        let live = LiveKey {
            key: Arc::new(key.verifying().clone()),
            jwk: key.jwk().clone(),
            created_at: now,
            verifies_until: None,
        };
        let order = vec![key.kid().to_owned()];
        let verifying = HashMap::from([(key.kid().to_owned(), live)]);
        Self::new(KeySet { signing: key, verifying, order })
    }

    /// The ring that the store keeps; makes the first key where there is none.
    pub(crate) async fn load(
        store: &dyn Store,
        master: &MasterKeys,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<Self, KeyError> {
        let mut stored = store.list_signing_keys().await?;
        if stored.is_empty() {
            let first = wrap(&SigningKey::generate(algorithm).map_err(KeyError::Generate)?, master, now)?;
            store.insert_first_signing_key(first).await?;
            stored = store.list_signing_keys().await?;
        }
        let set = open(store, master, &stored).await?;
        Ok(Self::new(set))
    }

    fn new(keys: KeySet) -> Self {
        Self { keys: RwLock::new(Arc::new(keys)), last_reload: RwLock::new(None) }
    }

    fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn replace(&self, keys: KeySet) {
        *self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(keys);
    }

    pub(crate) fn is_known(&self, kid: &str) -> bool {
        self.current().verifying.contains_key(kid)
    }

    pub(crate) fn is_live(&self, kid: &str, now: Timestamp) -> bool {
        self.current().verifying.get(kid).is_some_and(|key| key.is_live(now))
    }

    pub(crate) fn find(&self, kid: &str, now: Timestamp) -> Option<Arc<VerifyingKey>> {
        let keys = self.current();
        keys.verifying.get(kid).filter(|key| key.is_live(now)).map(|key| Arc::clone(&key.key))
    }

    pub(crate) fn sign(&self, payload: &[u8]) -> Result<String, SigningError> {
        self.current().signing.sign(payload)
    }

    /// Whether `kid`s we do not know may be looked for now; the one who asks first is the one who looks.
    fn may_reload(&self, now: Timestamp) -> bool {
        let mut last = self.last_reload.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let may = last.is_none_or(|last| now.since(last) >= UNKNOWN_KID_PAUSE || now < last);
        if may {
            *last = Some(now);
        }
        may
    }
}

async fn open(
    store: &dyn Store,
    master: &MasterKeys,
    stored: &[StoredSigningKey],
) -> Result<KeySet, KeyError> {
    let mut verifying = HashMap::new();
    let mut order = Vec::new();
    let mut signing = None;
    for row in stored {
        let opened = master.unwrap(&row.kid, &row.wrapped).map_err(|_| KeyError::WrongSecret)?;
        let damaged = |source| KeyError::Damaged { kid: row.kid.clone(), source };
        let algorithm = Algorithm::read(&row.algorithm).ok_or_else(|| damaged(BadSigningKey::Unsupported))?;
        let key = SigningKey::from_pem(&opened.secret, algorithm).map_err(damaged)?;
        if opened.is_outdated {
            let rewrapped = master.wrap(&row.kid, &opened.secret).map_err(|_| KeyError::WrongSecret)?;
            store.update_wrapped_key(&row.kid, row.wrapped.clone(), rewrapped).await?;
        }
        let live = LiveKey {
            key: Arc::new(key.verifying().clone()),
            jwk: key.jwk().clone(),
            created_at: row.created_at,
            verifies_until: row.verifies_until,
        };
        verifying.insert(row.kid.clone(), live);
        order.push(row.kid.clone());
        if row.verifies_until.is_none() && signing.is_none() {
            signing = Some(key);
        }
    }
    match signing {
        Some(signing) => Ok(KeySet { signing, verifying, order }),
        None => Err(KeyError::Damaged { kid: "(the signing one)".into(), source: BadSigningKey::Missing }),
    }
}

fn wrap(key: &SigningKey, master: &MasterKeys, now: Timestamp) -> Result<StoredSigningKey, KeyError> {
    Ok(StoredSigningKey {
        kid: key.kid().to_owned(),
        algorithm: key.algorithm().as_str().to_owned(),
        wrapped: master.wrap(key.kid(), key.pem()).map_err(|_| KeyError::WrongSecret)?,
        created_at: now,
        verifies_until: None,
    })
}

impl Auth {
    /// The public keys that verify our tokens, as a JWK set.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let (keys, now) = (self.keys.current(), self.clock.now());
        let live =
            |kid: &String| keys.verifying.get(kid).filter(|key| key.is_live(now)).map(|key| key.jwk.clone());
        json!({ "keys": keys.order.iter().filter_map(live).collect::<Vec<_>>() })
    }

    /// The keys, the newest first.
    #[must_use]
    pub fn list_keys(&self) -> Vec<KeyInfo> {
        let keys = self.keys.current();
        let describe = |kid: &String| {
            keys.verifying.get(kid).map(|key| KeyInfo {
                kid: kid.clone(),
                algorithm: key.key.algorithm(),
                created_at: key.created_at,
                verifies_until: key.verifies_until,
            })
        };
        keys.order.iter().filter_map(describe).collect()
    }

    /// Makes a new key that signs from now on.
    ///
    /// The old ones verify until the last token they signed has expired; with `is_compromised`, not a moment longer.
    ///
    /// # Errors
    /// [`KeyError::FromFile`] where the key is the operator's file; otherwise an outage.
    pub async fn rotate_keys(&self, is_compromised: bool) -> Result<KeyInfo, KeyError> {
        if self.is_key_from_file {
            return Err(KeyError::FromFile);
        }
        let now = self.clock.now();
        let key = SigningKey::generate(self.policy.tokens.algorithm).map_err(KeyError::Generate)?;
        // Another node may sign with the old key for the second it takes to learn of the new one.
        let reach = self.policy.tokens.access_reach() + Duration::from_secs(2);
        let others_until = if is_compromised { now } else { now.plus(reach) };
        self.store.rotate_signing_key(wrap(&key, &self.master, now)?, others_until).await?;
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
            let stored = self.store.list_signing_keys().await?;
            self.keys.replace(open(self.store.as_ref(), &self.master, &stored).await?);
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
