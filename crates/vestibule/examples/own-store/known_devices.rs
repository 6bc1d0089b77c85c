//! The devices that have logged in to accounts.

use std::cmp::Reverse;

use vestibule::{
    async_trait,
    core::{
        ports::{
            Timestamp,
            store::{Acquaintance, Arrival, KnownDevice, KnownDevices, MAX_KNOWN_DEVICES, StoreError},
        },
        values::{account::AccountId, device::DeviceId},
    },
};

use super::{MemoryStore, State};

#[async_trait]
impl KnownDevices for MemoryStore {
    async fn list_known_devices(
        &self,
        account_id: AccountId,
        now: Timestamp,
    ) -> Result<Vec<KnownDevice>, StoreError> {
        let state = self.lock()?;
        let devices = state.devices.get(&account_id).into_iter().flatten();
        let mut known: Vec<_> = devices.filter(|one| state.is_known(account_id, one, now)).cloned().collect();
        known.sort_by_key(|one| (Reverse(one.since), *one.device.as_bytes()));
        Ok(known)
    }
}

impl State {
    /// Remembers what a login brought along; says whether its owner is told.
    pub(super) fn arrive(&mut self, id: AccountId, arrival: Arrival, now: Timestamp) -> bool {
        let known = self.find_device(id, arrival.device.device).filter(|one| self.is_known(id, one, now));
        let is_told = match (known, arrival.letter) {
            (Some(known), _) if known.until > arrival.suffices => false,
            (None, Some(letter)) => {
                let devices = self.devices.get(&id).into_iter().flatten();
                let told = devices.filter(|one| one.told_at.is_some_and(|at| at > letter.since)).count();
                let has_room = told < letter.limit as usize;
                if has_room {
                    let Acquaintance { device, until } = arrival.device;
                    self.put_device(id, KnownDevice { device, since: now, until, told_at: Some(now) });
                    self.queue([letter.errand]);
                }
                has_room
            }
            _ => {
                self.note_device(id, arrival.device, now);
                false
            }
        };
        if let Some(given) = arrival.given {
            self.note_device(id, given, now);
        }
        is_told
    }

    /// Remembers a device without a word.
    pub(super) fn note_device(&mut self, id: AccountId, noted: Acquaintance, now: Timestamp) {
        let Acquaintance { device, until } = noted;
        let before = self.find_device(id, device);
        let told_at = before.and_then(|one| one.told_at);
        let since = before.filter(|one| self.is_known(id, one, now)).map_or(now, |one| one.since);
        self.put_device(id, KnownDevice { device, since, until, told_at });
    }

    /// Removes devices that are known no more.
    pub(super) fn delete_devices(&mut self, now: Timestamp, limit: usize) -> usize {
        let mut room = limit;
        for devices in self.devices.values_mut() {
            devices.retain(|one| {
                let goes = room > 0 && one.until <= now;
                room -= usize::from(goes);
                !goes
            });
        }
        self.devices.retain(|_, devices| !devices.is_empty());
        limit - room
    }

    fn find_device(&self, id: AccountId, device: DeviceId) -> Option<&KnownDevice> {
        self.devices.get(&id)?.iter().find(|one| one.device == device)
    }

    /// Not what was known before every device of the account was forgotten.
    fn is_known(&self, id: AccountId, one: &KnownDevice, now: Timestamp) -> bool {
        one.until > now && self.accounts.get(&id).is_some_and(|row| one.since > row.devices_since)
    }

    /// The one that will be forgotten first makes room, but not for itself.
    fn put_device(&mut self, id: AccountId, new: KnownDevice) {
        let devices = self.devices.entry(id).or_default();
        devices.retain(|one| one.device != new.device);
        if devices.len() >= MAX_KNOWN_DEVICES as usize {
            let first = devices.iter().map(|one| one.until).min();
            let place = devices.iter().position(|one| Some(one.until) == first);
            place.map(|place| devices.swap_remove(place));
        }
        devices.push(new);
    }
}
