//! Letters to owners whose names others change.

use std::sync::Arc;

use crate::{
    Auth,
    confirmation::recipient,
    outbox::{Errand, Letter, seal},
    ports::{
        clock::Timestamp,
        store::{AccountChange, Announcer, NewErrand, Occurrence, StoreError},
    },
    values::{account::Account, language::Language, message::Content, secret::MasterKeys},
};

/// What writing takes; it goes into the transaction, which alone knows what was before.
struct Scribe {
    master: Arc<MasterKeys>,
    language: Option<Language>,
    at: Timestamp,
}

impl Auth {
    /// Has the owner told of another user name or address by the transaction that changes it.
    pub(super) async fn with_letters(&self, change: AccountChange) -> Result<AccountChange, StoreError> {
        if !self.sends_mail() || (change.email.is_none() && change.username.is_none()) {
            return Ok(change);
        }
        let Some(account) = self.store.find_account(change.id).await? else { return Ok(change) };
        let language = self.credentials_of(&account).await?.and_then(|found| found.language);
        let scribe = Scribe { master: Arc::clone(&self.master), language, at: change.now };
        let others = change.announcer.clone();
        let announcer = Announcer::new(move |occurrence| {
            let mut errands = others.errands(occurrence)?;
            if let Occurrence::Changed { before, after } = occurrence {
                errands.extend(scribe.letters(before, after)?);
            }
            Ok(errands)
        });
        Ok(AccountChange { announcer, ..change })
    }
}

impl Scribe {
    /// All of them go to the address that the account had: whoever reads that one is the owner as far as we know.
    fn letters(&self, before: &Account, after: &Account) -> Result<Vec<NewErrand>, StoreError> {
        let mut contents = Vec::new();
        // Of a name that was taken away, no letter tells what it is now.
        if let Some(new) = after.username.clone().filter(|_| before.username != after.username) {
            contents.push(Content::UsernameChanged { old: before.username.clone(), new });
        }
        if before.email != after.email {
            contents.push(Content::AddressChanged { new: after.email.clone() });
        }
        let letter = |content| Letter::to(recipient(before, self.language), self.at, content);
        contents
            .into_iter()
            .map(|content| seal(&self.master, &Errand::Deliver(letter(content)), self.at))
            .collect()
    }
}
