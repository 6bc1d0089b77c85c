//! Registrations that wait for the proof of their address: links without an account.

use vestibule::{
    async_trait,
    core::{
        ports::{
            Timestamp,
            store::{Insertion, KeptRegistration, NewErrand, Registrations, SealedRegistration, StoreError},
        },
        values::{
            account::NewAccount,
            link::{LinkDigest, LinkPurpose},
        },
    },
};

use super::{LinkRow, MemoryStore, State};

#[async_trait]
impl Registrations for MemoryStore {
    async fn keep_registration(
        &self,
        kept: KeptRegistration,
        errand: Option<NewErrand>,
    ) -> Result<(), StoreError> {
        let mut state = self.lock()?;
        state.keep_link(kept.link, Some(kept.sealed));
        state.queue(errand);
        Ok(())
    }

    async fn find_registration(
        &self,
        digest: LinkDigest,
        now: Timestamp,
    ) -> Result<Option<SealedRegistration>, StoreError> {
        let state = self.lock()?;
        let row = state.good_registration(digest, now);
        Ok(row.and_then(|row| {
            let sealed = row.registration.clone()?;
            Some(SealedRegistration { account_id: row.link.account_id, sealed })
        }))
    }

    async fn complete_registration(
        &self,
        digest: LinkDigest,
        account: NewAccount,
        now: Timestamp,
    ) -> Result<Option<Insertion>, StoreError> {
        let mut state = self.lock()?;
        let Some(row) = state.good_registration(digest, now) else { return Ok(None) };
        let email = row.link.email.canonical().to_owned();
        let draft = match state.draft(&account)? {
            // Without its user name, where that was taken meanwhile.
            Err(Insertion::Taken { email: false, .. }) => {
                state.draft(&NewAccount { username: None, ..account })?
            }
            draft => draft,
        };
        // The first proof of an address is the only one; whoever asked for an account besides has none.
        state.links.retain(|_, LinkRow { link, .. }| {
            link.purpose != LinkPurpose::Register || link.email.canonical() != email
        });
        Ok(Some(match draft {
            Ok(draft) => Insertion::Inserted { account: state.insert(draft), ended: None },
            Err(taken) => taken,
        }))
    }
}

impl State {
    fn good_registration(&self, digest: LinkDigest, now: Timestamp) -> Option<&LinkRow> {
        let row = self.links.get(&digest)?;
        (row.link.purpose == LinkPurpose::Register && row.link.expires_at > now).then_some(row)
    }
}
