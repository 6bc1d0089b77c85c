//! The devices that have logged in to an account: one statement decides whether one is new, and its letter goes with it.

use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{Acquaintance, Arrival, KnownDevice, MAX_KNOWN_DEVICES, NewDeviceLetter, StoreError},
    },
    values::{account::AccountId, device::DeviceId},
};

use crate::{
    errands,
    failure::broken,
    statement::{oldest, statements},
    tx::{Tx, row},
};

row! { DeviceRow { device: Vec<u8>, known_since: Timestamp, known_until: Timestamp, told_at: Option<Timestamp> } }
row! {
    /// How many devices an account had, one more or less.
    CountRow { remembered: i64 }
}
row! {
    /// Until when a device is known, where it is.
    KnownRow { known_until: Option<Timestamp> }
}

/// How many devices of an account are remembered, asked by the statement that adds one.
macro_rules! remembered {
    () => {
        "(SELECT COUNT(*) FROM known_device AS others WHERE others.account_id = $1) AS remembered"
    };
}

/// Until when the device `$device` of the account that a statement updates is known; NULL for a stranger.
macro_rules! known_until {
    ($device:literal) => {
        concat!(
            "(SELECT known_device.known_until FROM known_device WHERE known_device.account_id = account.id \
             AND known_device.device = ",
            $device,
            " AND known_device.known_since > account.devices_since) AS known_until"
        )
    };
}
pub(crate) use known_until;

statements! {
    // New is what this inserts, or finds forgotten; of two logins at once the second finds what the first has inserted.
    // Letters are counted where they are written, so that none is sent that does not count, and none counts that is not
    // sent.
    NOTE_NEW_DEVICE: CountRow = concat!(
        "INSERT INTO known_device (account_id, device, known_since, known_until, told_at) \
         SELECT $1, $2, $3, $4, $3 WHERE (SELECT COUNT(*) FROM known_device AS told \
         WHERE told.account_id = $1 AND told.told_at > $5) < $6 \
         ON CONFLICT (account_id, device) DO UPDATE SET known_since = excluded.known_since, \
         known_until = excluded.known_until, told_at = excluded.told_at \
         WHERE known_device.known_until <= $3 OR known_device.known_since <= $7 RETURNING ", remembered!());
    NOTE_DEVICE: CountRow = concat!(
        "INSERT INTO known_device (account_id, device, known_since, known_until, told_at) \
         VALUES ($1, $2, $3, $4, NULL) ON CONFLICT (account_id, device) DO UPDATE SET known_since = \
         CASE WHEN known_device.known_until <= $3 OR known_device.known_since <= $5 THEN excluded.known_since \
         ELSE known_device.known_since END, known_until = excluded.known_until RETURNING ", remembered!());
    // The one that was just written down stays, however soon it will be forgotten. The limit only satisfies SQLite, which
    // has no OFFSET without one.
    FORGET_OLDEST_DEVICES: () =
        "DELETE FROM known_device WHERE account_id = $1 AND device IN (SELECT oldest.device \
         FROM known_device AS oldest WHERE oldest.account_id = $1 AND oldest.device <> $2 \
         ORDER BY oldest.known_until DESC, oldest.device LIMIT 1000000 OFFSET $3)";
    LIST_KNOWN_DEVICES: DeviceRow =
        "SELECT known_device.device, known_device.known_since, known_device.known_until, known_device.told_at \
         FROM known_device JOIN account ON account.id = known_device.account_id \
         WHERE known_device.account_id = $1 AND known_device.known_until > $2 \
         AND known_device.known_since > account.devices_since \
         ORDER BY known_device.known_since DESC, known_device.device";
    DELETE_DEVICES_OF_ACCOUNT: () = "DELETE FROM known_device WHERE account_id = $1";
    DELETE_EXPIRED_DEVICES: () = concat!("DELETE FROM known_device WHERE (account_id, device) IN ",
        oldest!("account_id, device", "FROM known_device WHERE known_until <= $1 ORDER BY known_until"));
}

/// Writes down what a login brought along; says whether its owner is told. The account is locked.
pub(crate) async fn arrive<T: Tx>(
    tx: &mut T,
    account_id: AccountId,
    arrival: &Arrival,
    known: &KnownRow,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let notes = Notes { account_id, now, devices_since: arrival.devices_since };
    let known_until = known.known_until.filter(|until| *until > now);
    let is_told = match (known_until, &arrival.letter) {
        (Some(until), _) if until > arrival.suffices => false,
        (None, Some(letter)) => notes.tell(tx, &arrival.device, letter).await?,
        _ => notes.note(tx, &arrival.device).await.map(|()| false)?,
    };
    if let Some(given) = &arrival.given {
        notes.note(tx, given).await?;
    }
    Ok(is_told)
}

/// Writes down the devices that an account is made with.
pub(crate) async fn note_first<T: Tx>(
    tx: &mut T,
    account_id: AccountId,
    devices: &[Acquaintance],
    now: Timestamp,
) -> Result<(), StoreError> {
    let notes = Notes { account_id, now, devices_since: Timestamp::EPOCH };
    for device in devices {
        notes.note(tx, device).await?;
    }
    Ok(())
}

/// Whose devices are written down, and when.
struct Notes {
    account_id: AccountId,
    now: Timestamp,
    /// What was known at or before this moment is known no more.
    devices_since: Timestamp,
}

impl Notes {
    async fn tell<T: Tx>(
        &self,
        tx: &mut T,
        device: &Acquaintance,
        letter: &NewDeviceLetter,
    ) -> Result<bool, StoreError> {
        let params = [
            (&self.account_id).into(),
            (&device.device).into(),
            self.now.into(),
            device.until.into(),
            letter.since.into(),
            i64::from(letter.limit).into(),
            self.devices_since.into(),
        ];
        let Some(count) = tx.opt(&NOTE_NEW_DEVICE, &params).await? else { return Ok(false) };
        self.make_room(tx, device, &count).await?;
        errands::queue_errand(tx, &letter.errand).await.map(|()| true)
    }

    async fn note<T: Tx>(&self, tx: &mut T, device: &Acquaintance) -> Result<(), StoreError> {
        let params = [
            (&self.account_id).into(),
            (&device.device).into(),
            self.now.into(),
            device.until.into(),
            self.devices_since.into(),
        ];
        match tx.opt(&NOTE_DEVICE, &params).await? {
            Some(count) => self.make_room(tx, device, &count).await,
            None => Ok(()),
        }
    }

    async fn make_room<T: Tx>(
        &self,
        tx: &mut T,
        newest: &Acquaintance,
        count: &CountRow,
    ) -> Result<(), StoreError> {
        if count.remembered < i64::from(MAX_KNOWN_DEVICES) {
            return Ok(());
        }
        let others = i64::from(MAX_KNOWN_DEVICES.saturating_sub(1));
        let params = [(&self.account_id).into(), (&newest.device).into(), others.into()];
        tx.exec(&FORGET_OLDEST_DEVICES, &params).await.map(drop)
    }
}

/// The devices by which an account is known, the newest first.
pub(crate) async fn list_known_devices<T: Tx>(
    tx: &mut T,
    account_id: AccountId,
    now: Timestamp,
) -> Result<Vec<KnownDevice>, StoreError> {
    let rows = tx.all(&LIST_KNOWN_DEVICES, &[(&account_id).into(), now.into()]).await?;
    let read = |row: DeviceRow| {
        let device = row.device.try_into().map_err(|_| broken("a device of another length"))?;
        Ok(KnownDevice {
            device: DeviceId::from_bytes(device),
            since: row.known_since,
            until: row.known_until,
            told_at: row.told_at,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Forgets every device of an account.
pub(crate) async fn delete_devices_of<T: Tx>(tx: &mut T, id: AccountId) -> Result<(), StoreError> {
    tx.exec(&DELETE_DEVICES_OF_ACCOUNT, &[(&id).into()]).await.map(drop)
}

/// Removes devices that are known no more.
pub(crate) async fn delete_expired<T: Tx>(tx: &mut T, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
    tx.exec(&DELETE_EXPIRED_DEVICES, &[now.into(), limit.into()]).await
}
