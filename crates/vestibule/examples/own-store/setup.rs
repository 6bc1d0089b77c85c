//! The link that makes the first administrator.

use vestibule::{
    async_trait,
    core::{
        ports::{
            Timestamp,
            store::{Insertion, Setup, StoreError},
        },
        values::{account::NewAccount, link::LinkDigest, scope::ADMIN},
    },
};

use super::{MemoryStore, State};

#[async_trait]
impl Setup for MemoryStore {
    async fn issue_setup_link(&self, digest: LinkDigest, expires_at: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.lock()?;
        let is_kept = !state.has_admin();
        if is_kept {
            state.setup_link = Some((digest, expires_at));
        }
        Ok(is_kept)
    }

    async fn is_setup_link_good(&self, digest: LinkDigest, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.lock()?.is_setup_link_good(digest, now))
    }

    async fn insert_first_admin(
        &self,
        digest: LinkDigest,
        account: NewAccount,
    ) -> Result<Option<Insertion>, StoreError> {
        let mut state = self.lock()?;
        if !state.is_setup_link_good(digest, account.created_at) {
            return Ok(None);
        }
        let draft = match state.draft(&account)? {
            Ok(draft) => draft,
            // Somebody else's name is no reason for another link.
            Err(taken) => return Ok(Some(taken)),
        };
        state.setup_link = None;
        Ok(Some(Insertion::Inserted { account: state.insert(draft), ended: None }))
    }
}

impl State {
    fn is_setup_link_good(&self, digest: LinkDigest, now: Timestamp) -> bool {
        let is_kept = self.setup_link.is_some_and(|(kept, expires_at)| kept == digest && expires_at > now);
        is_kept && !self.has_admin()
    }

    /// Whoever may administrate was made so, banned or not.
    fn has_admin(&self) -> bool {
        self.accounts.values().any(|row| row.account.permissions.contains(ADMIN))
    }
}
