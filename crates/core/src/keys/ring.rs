//! The keys in force: one signs, several verify; exchanged as a whole when the store has others.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::Value;

use super::{
    KeyError, KeyInfo,
    signing::{BadSigningKey, SigningKey},
};
use crate::{
    ports::{
        clock::Timestamp,
        store::{Store, StoredSigningKey},
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
    /// Keys that the store has retired although they could not be opened again: filled only where that happens.
    retired: RwLock<HashMap<String, Timestamp>>,
    /// Whether the store holds keys that this process cannot open.
    is_behind: AtomicBool,
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
        may_rewrap: bool,
    ) -> Result<Self, KeyError> {
        let mut stored = store.list_signing_keys().await?;
        if stored.is_empty() {
            let first = wrap(&SigningKey::generate(algorithm).map_err(KeyError::Generate)?, master, now)?;
            store.insert_first_signing_key(first).await?;
            stored = store.list_signing_keys().await?;
        }
        let rewrap = may_rewrap.then_some(store);
        Ok(Self::new(open(master, &stored, rewrap).await?))
    }

    fn new(keys: KeySet) -> Self {
        Self {
            keys: RwLock::new(Arc::new(keys)),
            last_reload: RwLock::new(None),
            retired: RwLock::default(),
            is_behind: AtomicBool::new(false),
        }
    }

    fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, keys: KeySet) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// Retires what the store says is retired, without a key that opens anything.
    fn retire(&self, stored: &[StoredSigningKey]) {
        for row in stored {
            if let Some(until) = row.verifies_until {
                self.retired.write().unwrap_or_else(PoisonError::into_inner).insert(row.kid.clone(), until);
            }
        }
    }

    fn is_retired(&self, kid: &str, now: Timestamp) -> bool {
        let retired = self.retired.read().unwrap_or_else(PoisonError::into_inner);
        retired.get(kid).is_some_and(|until| now >= *until)
    }

    pub(crate) fn is_known(&self, kid: &str) -> bool {
        self.current().verifying.contains_key(kid)
    }

    pub(crate) fn is_live(&self, kid: &str, now: Timestamp) -> bool {
        !self.is_retired(kid, now) && self.current().verifying.get(kid).is_some_and(|key| key.is_live(now))
    }

    pub(crate) fn find(&self, kid: &str, now: Timestamp) -> Option<Arc<VerifyingKey>> {
        let keys = self.current();
        let key = keys.verifying.get(kid).filter(|key| key.is_live(now) && !self.is_retired(kid, now));
        key.map(|key| Arc::clone(&key.key))
    }

    /// Signs a payload; refuses where the key has been retired and its successor cannot be opened.
    pub(crate) fn sign(&self, payload: &[u8], now: Timestamp) -> Result<String, SigningError> {
        let keys = self.current();
        if self.is_retired(keys.signing.kid(), now) {
            return Err(SigningError::new(
                "the signing key has been retired and its successor cannot be opened",
            ));
        }
        keys.signing.sign(payload)
    }

    /// Takes over what the store holds now. Where its keys cannot be opened, those it has retired are retired all the
    /// same, and this process is behind until it can.
    pub(super) async fn reload(&self, store: &dyn Store, master: &MasterKeys) -> Result<(), KeyError> {
        let stored = store.list_signing_keys().await?;
        let opened = open(master, &stored, None).await;
        self.is_behind.store(opened.is_err(), Ordering::Relaxed);
        match opened {
            Ok(keys) => {
                if keys.signing.kid() != self.current().signing.kid() {
                    tracing::info!(kid = keys.signing.kid(), "signing keys changed; this one signs now");
                }
                self.replace(keys);
                Ok(())
            }
            Err(error) => {
                self.retire(&stored);
                Err(error)
            }
        }
    }

    /// Whether the store holds keys that this process cannot open.
    pub(crate) fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Relaxed)
    }

    /// The public halves that still verify, the newest first.
    pub(super) fn public(&self, now: Timestamp) -> Vec<Value> {
        let keys = self.current();
        let live = |kid: &String| {
            keys.verifying.get(kid).filter(|key| key.is_live(now) && !self.is_retired(kid, now))
        };
        keys.order.iter().filter_map(live).map(|key| key.jwk.clone()).collect()
    }

    /// The keys as an operator sees them, the newest first.
    pub(super) fn list(&self) -> Vec<KeyInfo> {
        let keys = self.current();
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

    /// Whether `kid`s we do not know may be looked for now; the one who asks first is the one who looks.
    pub(super) fn may_reload(&self, now: Timestamp) -> bool {
        let mut last = self.last_reload.write().unwrap_or_else(PoisonError::into_inner);
        let may = last.is_none_or(|last| now.since(last) >= UNKNOWN_KID_PAUSE || now < last);
        if may {
            *last = Some(now);
        }
        may
    }
}

/// Opens the stored keys; wraps anew, into `rewrap`, those that a previous secret had wrapped.
async fn open(
    master: &MasterKeys,
    stored: &[StoredSigningKey],
    rewrap: Option<&dyn Store>,
) -> Result<KeySet, KeyError> {
    let mut verifying = HashMap::new();
    let mut order = Vec::new();
    let mut signing = None;
    for row in stored {
        let opened = master.unwrap(&row.kid, &row.wrapped).map_err(|_| KeyError::WrongSecret)?;
        let damaged = |source| KeyError::Damaged { kid: row.kid.clone(), source };
        let algorithm = Algorithm::read(&row.algorithm).ok_or_else(|| damaged(BadSigningKey::Unsupported))?;
        let key = SigningKey::from_pem(&opened.secret, algorithm).map_err(damaged)?;
        if let Some(store) = rewrap.filter(|_| opened.is_outdated) {
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

pub(super) fn wrap(
    key: &SigningKey,
    master: &MasterKeys,
    now: Timestamp,
) -> Result<StoredSigningKey, KeyError> {
    Ok(StoredSigningKey {
        kid: key.kid().to_owned(),
        algorithm: key.algorithm().as_str().to_owned(),
        wrapped: master.wrap(key.kid(), key.pem()).map_err(|_| KeyError::WrongSecret)?,
        created_at: now,
        verifies_until: None,
    })
}

/// Whether a stored key is still wrapped with a previous secret.
pub(super) fn has_old_wrap(master: &MasterKeys, stored: &[StoredSigningKey]) -> Result<bool, KeyError> {
    for row in stored {
        if master.unwrap(&row.kid, &row.wrapped).map_err(|_| KeyError::WrongSecret)?.is_outdated {
            return Ok(true);
        }
    }
    Ok(false)
}
