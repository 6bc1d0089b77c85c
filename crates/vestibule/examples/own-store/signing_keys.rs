//! Signing keys: one signs, the others verify for a while.

use std::cmp::Reverse;

use vestibule::{
    async_trait,
    core::ports::{
        Timestamp,
        store::{SigningKeys, StoreError, StoredSigningKey},
    },
};

use super::MemoryStore;

#[async_trait]
impl SigningKeys for MemoryStore {
    async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        let mut keys = self.lock()?.signing_keys.clone();
        keys.sort_by_key(|key| Reverse((key.created_at, key.kid.clone())));
        Ok(keys)
    }

    async fn insert_first_signing_key(&self, key: StoredSigningKey) -> Result<bool, StoreError> {
        let mut state = self.lock()?;
        let is_first = state.signing_keys.iter().all(|other| other.verifies_until.is_some());
        if is_first {
            state.signing_keys.push(key);
            state.told.look_again();
        }
        Ok(is_first)
    }

    async fn rotate_signing_key(
        &self,
        key: StoredSigningKey,
        others_until: Timestamp,
    ) -> Result<(), StoreError> {
        let mut state = self.lock()?;
        if state.signing_keys.iter().any(|other| other.kid == key.kid) {
            return Err(StoreError::Broken("two keys have one id".into()));
        }
        // An end before the new key's birth means that the others are compromised, the retired ones with them.
        let is_compromise = others_until <= key.created_at;
        for other in &mut state.signing_keys {
            let is_longer = |until| is_compromise && until > others_until;
            if other.verifies_until.is_none_or(is_longer) {
                other.verifies_until = Some(others_until);
            }
        }
        state.signing_keys.push(key);
        state.told.look_again();
        Ok(())
    }

    async fn update_wrapped_key(&self, kid: &str, from: Vec<u8>, to: Vec<u8>) -> Result<(), StoreError> {
        let mut state = self.lock()?;
        if let Some(key) = state.signing_keys.iter_mut().find(|key| key.kid == kid && key.wrapped == from) {
            key.wrapped = to;
        }
        Ok(())
    }
}
