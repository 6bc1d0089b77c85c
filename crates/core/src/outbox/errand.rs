//! What is to be done, as it is kept: sealed, so that nobody reads in a stolen database whom a letter was for.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    Auth,
    ports::{
        clock::Timestamp,
        notifier::Event,
        store::{ClaimedErrand, NewErrand, StoreError},
    },
    register::Applicant,
    values::{
        account::AccountId,
        language::Language,
        message::{Content, Message},
        secret::{MasterKeys, time_ordered_id},
    },
};

/// What errands that tell of events are called in metrics and the log.
pub(super) const ANNOUNCEMENT: &str = "webhook";

/// What is to be done.
#[derive(Serialize, Deserialize)]
#[serde(tag = "errand", rename_all = "snake_case")]
pub(crate) enum Errand {
    /// Deliver a message.
    Deliver(Letter),
    /// Help somebody who says that they have forgotten their password, if there is such an account.
    Remind {
        /// The address, as given.
        email: String,
        /// The caller's address, for the audit log.
        address: String,
    },
    /// Take a registration further that tells nobody whether its address has an account.
    Register(Applicant),
    /// Tell other systems of an event.
    Announce(Event),
}

/// A message as it is kept.
#[derive(Serialize, Deserialize)]
pub(crate) struct Letter {
    account_id: Option<[u8; 16]>,
    to: String,
    username: Option<String>,
    language: Option<String>,
    at: i64,
    content: Content,
}

/// Whom a message is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipient<'a> {
    pub(crate) account_id: AccountId,
    pub(crate) email: &'a str,
    pub(crate) username: Option<&'a str>,
    pub(crate) language: Option<Language>,
}

impl Letter {
    pub(crate) fn to(recipient: Recipient<'_>, at: Timestamp, content: Content) -> Self {
        Self {
            account_id: Some(*recipient.account_id.as_uuid().as_bytes()),
            to: recipient.email.to_owned(),
            username: recipient.username.map(str::to_owned),
            language: recipient.language.map(|language| language.tag().to_owned()),
            at: at.as_millis(),
            content,
        }
    }

    pub(super) fn into_message(self) -> Message {
        Message {
            to: self.to,
            username: self.username,
            language: self.language.as_deref().and_then(Language::read).unwrap_or_default(),
            at: Timestamp::from_millis(self.at),
            content: self.content,
        }
    }
}

/// Seals an errand that is due at once.
pub(crate) fn seal(master: &MasterKeys, errand: &Errand, now: Timestamp) -> Result<NewErrand, StoreError> {
    let id = time_ordered_id(now);
    let plain = serde_json::to_vec(errand).map_err(|error| StoreError::Broken(error.into()))?;
    let plain = Zeroizing::new(plain);
    let sealed = master.seal_errand(&id, &plain).map_err(|error| StoreError::Broken(error.into()))?;
    // An announcement outlives the account that it is about.
    let account_id = describe(errand).1.filter(|_| !matches!(errand, Errand::Announce(_)));
    Ok(NewErrand { id, sealed, account_id, created_at: now, due_at: now })
}

impl Auth {
    /// Whether anything is told by mail here.
    #[must_use]
    pub fn sends_mail(&self) -> bool {
        self.mailer.is_some()
    }

    /// A message as an errand; `None` where nothing is told by mail.
    pub(crate) fn letter(
        &self,
        recipient: Recipient<'_>,
        now: Timestamp,
        content: Content,
    ) -> Result<Option<NewErrand>, StoreError> {
        if !self.sends_mail() {
            return Ok(None);
        }
        self.errand(&Errand::Deliver(Letter::to(recipient, now, content)), now).map(Some)
    }

    /// Seals an errand that is due at once.
    pub(crate) fn errand(&self, errand: &Errand, now: Timestamp) -> Result<NewErrand, StoreError> {
        seal(&self.master, errand, now)
    }

    pub(super) fn open_errand(&self, claimed: &ClaimedErrand) -> Result<Errand, String> {
        let plain =
            self.master.open_errand(&claimed.id, &claimed.sealed).map_err(|error| error.to_string())?;
        // What serde says of it could repeat a part of it.
        serde_json::from_slice(&plain)
            .map_err(|_| "it is of a kind that this version does not know".to_owned())
    }
}

/// What an errand is called in metrics and the log, and whose it is.
pub(super) fn describe(errand: &Errand) -> (&'static str, Option<AccountId>) {
    match errand {
        Errand::Deliver(letter) => {
            let account_id = letter.account_id.map(Uuid::from_bytes).map(AccountId::from_uuid);
            (letter.content.kind(), account_id)
        }
        Errand::Remind { .. } => ("remind", None),
        Errand::Register(_) => ("register", None),
        Errand::Announce(event) => (ANNOUNCEMENT, Some(AccountId::from_uuid(event.account_id))),
    }
}
