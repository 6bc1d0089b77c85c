//! What other systems are told of accounts: events, queued by the transaction that they tell of.
//!
//! Stores an errand for each event that somebody wants, sealed; it belongs to no account, so that it outlives the one it
//! tells of. Steered by what the notifier wants. A node that dies at any moment loses none.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::{
    Auth,
    outbox::{Errand, seal},
    ports::{
        clock::Timestamp,
        notifier::{Event, EventKind, Facts, Notifier},
        store::{Announcer, NewErrand, Occurrence, StoreError},
    },
    values::{account::Account, secret::MasterKeys},
};

/// What announcing takes; it goes into the transaction.
#[derive(Clone)]
struct Herald {
    notifier: Arc<dyn Notifier>,
    master: Arc<MasterKeys>,
    at: Timestamp,
}

impl Auth {
    fn herald(&self, at: Timestamp) -> Option<Herald> {
        let notifier = Arc::clone(self.notifier.as_ref()?);
        Some(Herald { notifier, master: Arc::clone(&self.master), at })
    }

    /// The errands of an event about an account that is known beforehand.
    pub(crate) fn announce(
        &self,
        kind: EventKind,
        account: &Account,
        now: Timestamp,
    ) -> Result<Vec<NewErrand>, StoreError> {
        let Some(herald) = self.herald(now) else { return Ok(Vec::new()) };
        Ok(herald.tell(kind, account, Map::new())?.into_iter().collect())
    }

    /// The errands of an address that is proved, which may be another one than before.
    pub(crate) fn announce_confirmation(
        &self,
        before: &Account,
        email: &str,
        now: Timestamp,
    ) -> Result<Vec<NewErrand>, StoreError> {
        let Some(herald) = self.herald(now) else { return Ok(Vec::new()) };
        let after = Account { email: email.to_owned(), confirmed: true, ..before.clone() };
        herald.tell_changes(before, &after)
    }

    /// Announces whatever a change comes to.
    pub(crate) fn announcer(&self, now: Timestamp) -> Announcer {
        let Some(herald) = self.herald(now) else { return Announcer::default() };
        Announcer::new(move |occurrence| match occurrence {
            Occurrence::Inserted(account) => {
                Ok(herald.tell(EventKind::Registered, account, Map::new())?.into_iter().collect())
            }
            Occurrence::Changed { before, after } => herald.tell_changes(before, after),
            Occurrence::Deleted { id, account } => {
                let facts = account.map(Facts::from);
                let event = herald.event(EventKind::Deleted, *id.as_uuid(), facts, Map::new());
                Ok(herald.queue(event)?.into_iter().collect())
            }
        })
    }
}

impl Herald {
    /// An event for each thing that a receiver would want to know by itself.
    fn tell_changes(&self, before: &Account, after: &Account) -> Result<Vec<NewErrand>, StoreError> {
        let mut errands = Vec::new();
        let mut tell = |is_so: bool, kind, name: &str, previous: Value| -> Result<(), StoreError> {
            if is_so {
                let previous = Map::from_iter([(name.to_owned(), previous)]);
                errands.extend(self.tell(kind, after, previous)?);
            }
            Ok(())
        };
        tell(before.email != after.email, EventKind::EmailChanged, "email", json!(before.email))?;
        tell(!before.confirmed && after.confirmed, EventKind::EmailConfirmed, "confirmed", json!(false))?;
        tell(
            before.username != after.username,
            EventKind::UsernameChanged,
            "username",
            json!(before.username),
        )?;
        let full_name = json!(before.full_name);
        tell(before.full_name != after.full_name, EventKind::FullNameChanged, "full_name", full_name)?;
        let permissions = json!(before.permissions.iter().collect::<Vec<_>>());
        tell(
            before.permissions != after.permissions,
            EventKind::PermissionsChanged,
            "permissions",
            permissions,
        )?;
        tell(before.active && !after.active, EventKind::Disabled, "active", json!(true))?;
        tell(!before.active && after.active, EventKind::Enabled, "active", json!(false))?;
        Ok(errands)
    }

    fn tell(
        &self,
        kind: EventKind,
        account: &Account,
        previous: Map<String, Value>,
    ) -> Result<Option<NewErrand>, StoreError> {
        self.queue(self.event(kind, *account.id.as_uuid(), Some(Facts::from(account)), previous))
    }

    fn event(
        &self,
        kind: EventKind,
        account_id: uuid::Uuid,
        account: Option<Facts>,
        previous: Map<String, Value>,
    ) -> Event {
        Event { kind, at: self.at.to_rfc3339(), account_id, account, previous }
    }

    fn queue(&self, event: Event) -> Result<Option<NewErrand>, StoreError> {
        if !self.notifier.wants(event.kind) {
            return Ok(None);
        }
        seal(&self.master, &Errand::Announce(event), self.at).map(Some)
    }
}
