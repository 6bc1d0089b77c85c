//! Mailed links: good once, for a while, for one account and one address.

use vestibule::{
    async_trait,
    core::{
        ports::{
            Timestamp,
            store::{AddressConfirmation, Confirmed, FoundLink, LinkCode, NewErrand, Proofs, StoreError},
        },
        values::{
            account::AccountId,
            link::{LinkDigest, LinkPurpose, NewLink},
        },
    },
};

use super::{LinkRow, MemoryStore, State};

#[async_trait]
impl Proofs for MemoryStore {
    async fn issue_link(&self, link: NewLink, errand: Option<NewErrand>) -> Result<bool, StoreError> {
        let mut state = self.lock()?;
        let row = state.accounts.get(&link.account_id).filter(|row| row.account.active);
        // Whoever has changed the password meanwhile wants no link of the old one's.
        let is_meant = row.is_some_and(|row| link.verified.is_none() || link.verified == row.password_hash);
        // Nobody's account is behind a decoy.
        let is_kept = link.purpose == LinkPurpose::Decoy || is_meant;
        if is_kept {
            state.keep_link(link, None);
            state.queue(errand);
        }
        Ok(is_kept)
    }

    async fn find_link(
        &self,
        digest: LinkDigest,
        purpose: LinkPurpose,
        now: Timestamp,
    ) -> Result<Option<FoundLink>, StoreError> {
        let state = self.lock()?;
        let Some(link) = state.good_link(digest, purpose, now) else { return Ok(None) };
        let row = state.accounts.get(&link.account_id).filter(|row| {
            // Whoever reads a mailbox that was the account's once has no more say in it.
            purpose != LinkPurpose::Reset || row.email.canonical() == link.email.canonical()
        });
        Ok(row.map(|row| FoundLink {
            account: row.account.clone(),
            language: row.language,
            email: link.email.as_typed().to_owned(),
        }))
    }

    async fn count_code_attempt(
        &self,
        email_canonical: &str,
        purpose: LinkPurpose,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<LinkCode>, StoreError> {
        let mut guard = self.lock()?;
        let State { links, accounts, .. } = &mut *guard;
        let is_active = |id: &AccountId| accounts.get(id).is_some_and(|row| row.account.active);
        let is_meant = |link: &NewLink| match link.purpose {
            // There is no account yet.
            LinkPurpose::Register => purpose == LinkPurpose::Confirm,
            LinkPurpose::Decoy => purpose == LinkPurpose::Reset,
            own => own == purpose && is_active(&link.account_id),
        };
        let mut codes = Vec::new();
        for LinkRow { link, code_attempts, .. } in links.values_mut() {
            let is_good = link.email.canonical() == email_canonical && link.expires_at > now;
            if is_good && is_meant(link) && *code_attempts < limit {
                *code_attempts += 1;
                codes.push(LinkCode { digest: link.digest, code_mac: link.code_mac.to_vec() });
            }
        }
        Ok(codes)
    }

    async fn confirm_address(&self, confirmation: AddressConfirmation) -> Result<Confirmed, StoreError> {
        let mut state = self.lock()?;
        let Some(used) = state.use_link(confirmation.digest, LinkPurpose::Confirm, confirmation.now) else {
            return Ok(Confirmed::Refused);
        };
        let id = used.account_id;
        if state.taken(Some(id), Some(&used.email), None).0 {
            return Ok(Confirmed::Taken);
        }
        // Looked at when the account had another address.
        if state.accounts.get(&id).is_none_or(|row| row.account.email != confirmation.from) {
            return Ok(Confirmed::Refused);
        }
        state.change(id, |row| {
            used.email.as_typed().clone_into(&mut row.account.email);
            row.email = used.email;
            row.account.confirmed = true;
        });
        let account = state.accounts.get(&id).map(|row| row.account.clone());
        if account.as_ref().is_some_and(|account| account.email != confirmation.from) {
            state.delete_other_ways_in(id);
        }
        state.queue(confirmation.errands);
        Ok(account.map_or(Confirmed::Refused, Confirmed::Confirmed))
    }
}

impl State {
    /// Keeps a link in place of the older one of its purpose.
    pub(super) fn keep_link(&mut self, link: NewLink, registration: Option<Vec<u8>>) {
        let is_older = |older: &NewLink| older.account_id == link.account_id && older.purpose == link.purpose;
        self.links.retain(|_, row| !is_older(&row.link));
        self.links.insert(link.digest, LinkRow { link, code_attempts: 0, registration });
    }

    /// Takes a link out, if it is good.
    pub(super) fn use_link(
        &mut self,
        digest: LinkDigest,
        purpose: LinkPurpose,
        now: Timestamp,
    ) -> Option<NewLink> {
        self.good_link(digest, purpose, now)?;
        self.links.remove(&digest).map(|row| row.link)
    }

    fn good_link(&self, digest: LinkDigest, purpose: LinkPurpose, now: Timestamp) -> Option<&NewLink> {
        let link = self.links.get(&digest).map(|row| &row.link)?;
        let is_good = link.purpose == purpose && link.expires_at > now && self.is_active(link.account_id);
        is_good.then_some(link)
    }

    /// Who changes the password or the address wants nobody to hold another way in: neither a reset, nor what would lead the
    /// account to somebody else's mailbox.
    pub(super) fn delete_other_ways_in(&mut self, id: AccountId) {
        let Some(row) = self.accounts.get(&id) else { return };
        let own = row.email.canonical();
        self.links.retain(|_, LinkRow { link, .. }| {
            link.account_id != id || (link.purpose != LinkPurpose::Reset && link.email.canonical() == own)
        });
    }

    fn is_active(&self, id: AccountId) -> bool {
        self.accounts.get(&id).is_some_and(|row| row.account.active)
    }
}
