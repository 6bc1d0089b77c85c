//! Devices: new once, known for their time, no more than there is room for.

use std::time::Duration;

use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{
            Acquaintance, Arrival, KnownDevice, MAX_KNOWN_DEVICES, NewDeviceLetter, Opening,
            PasswordReplacement, SessionOpening, Store,
        },
    },
    values::{
        account::{AccountId, NewAccount},
        device::DeviceId,
    },
};

use super::{
    StoreFixture,
    administration::deletion,
    at_once,
    errands::errand,
    proofs::replacement,
    samples::{at, hash, new_account, new_session, opening, register},
};

/// A device, one for each number.
fn device(number: u8) -> DeviceId {
    DeviceId::from_bytes([number; 16])
}

/// A login by a device that shows nothing for itself, known for 100 milliseconds from `born` on; two letters at most are
/// sent after the beginning.
fn arrival(number: u8, born: i64) -> Arrival {
    let letter = NewDeviceLetter {
        errand: errand(u128::from(number) << 64 | u128::from(born.unsigned_abs()), born),
        limit: 2,
        since: at(-1),
    };
    Arrival {
        device: Acquaintance { device: device(number), until: at(born + 100) },
        suffices: at(born),
        devices_since: Timestamp::EPOCH,
        given: None,
        letter: Some(letter),
    }
}

fn by(account: AccountId, born: i64, arrival: Arrival) -> SessionOpening {
    SessionOpening { arrival: Some(arrival), ..opening(new_session(account, at(born))) }
}

/// Logs in, and says whether the owner is told.
async fn is_told(store: &dyn Store, account: AccountId, born: i64, arrival: Arrival) -> bool {
    match store.open_session(by(account, born, arrival)).await.unwrap() {
        Opening::Opened { is_told, .. } => is_told,
        Opening::Refused => panic!("a good login is refused"),
    }
}

async fn letters(store: &dyn Store) -> u64 {
    store.count_errands().await.unwrap().waiting
}

async fn known(store: &dyn Store, account: AccountId, now: i64) -> Vec<DeviceId> {
    let known = store.list_known_devices(account, at(now)).await.unwrap();
    known.into_iter().map(|known| known.device).collect()
}

/// And is new once more when its time is over, whether or not it has been cleaned away.
pub async fn a_new_device_is_told_of_once_and_known_for_its_time(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, bob) = (register(&*store, "ada").await.id, register(&*store, "bob").await.id);
    assert!(is_told(&*store, ada, 1, arrival(1, 1)).await);
    assert!(!is_told(&*store, ada, 2, arrival(1, 2)).await);
    assert!(!is_told(&*store, ada, 100, arrival(1, 100)).await, "its time begins with what was told");
    assert!(is_told(&*store, bob, 2, arrival(1, 2)).await, "it is known to one account");
    let row = KnownDevice { device: device(1), since: at(1), until: at(101), told_at: Some(at(1)) };
    assert_eq!(store.list_known_devices(ada, at(100)).await.unwrap(), [row]);
    assert_eq!(known(&*store, ada, 101).await, []);
    assert_eq!(letters(&*store).await, 2);

    assert!(is_told(&*store, ada, 101, arrival(1, 101)).await);
    assert_eq!(letters(&*store).await, 3);
    assert_eq!(known(&*store, ada, 150).await, [device(1)]);
}

/// Of those that come at the same moment, too.
pub async fn of_many_logins_by_a_new_device_one_is_told_of(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    let told = at_once(12, |number| {
        let store = std::sync::Arc::clone(&store);
        async move { is_told(&*store, ada, 7, Arrival { given: Some(given(number)), ..arrival(1, 7) }).await }
    });
    assert_eq!(told.await.into_iter().filter(|is_told| *is_told).count(), 1);
    assert_eq!(letters(&*store).await, 1);
    // Each browser is known by the number it was given.
    assert_eq!(known(&*store, ada, 8).await.len(), 13);
}

fn given(number: usize) -> Acquaintance {
    let number = u8::try_from(number).unwrap() + 100;
    Acquaintance { device: device(number), until: at(5000) }
}

/// What is not told is not remembered either, however many come at once, so that it is told when there is room for it.
pub async fn letters_beyond_their_limit_leave_no_trace(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    let told = at_once(9, |number| {
        let store = std::sync::Arc::clone(&store);
        let number = u8::try_from(number).unwrap();
        async move { is_told(&*store, ada, 5, arrival(number, 5)).await }
    });
    assert_eq!(told.await.into_iter().filter(|is_told| *is_told).count(), 2);
    assert_eq!((letters(&*store).await, known(&*store, ada, 6).await.len()), (2, 2));
    let known_by_now = known(&*store, ada, 6).await;
    let untold = (0..9).find(|number| !known_by_now.contains(&device(*number))).unwrap();
    assert!(!is_told(&*store, ada, 6, arrival(untold, 6)).await);
    let later = |born| {
        let mut arrival = arrival(untold, born);
        if let Some(letter) = &mut arrival.letter {
            letter.since = at(5);
        }
        arrival
    };
    assert!(is_told(&*store, ada, 7, later(7)).await);
    assert!(!is_told(&*store, ada, 8, later(8)).await);
}

/// What has proved itself is written down without a word, and again when it would soon be forgotten.
pub async fn a_device_in_use_stays_known(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    let proven =
        |born: i64, suffices: i64| Arrival { suffices: at(suffices), letter: None, ..arrival(1, born) };
    let until = async |now: i64| store.list_known_devices(ada, at(now)).await.unwrap()[0].until;
    assert!(!is_told(&*store, ada, 1, proven(1, 90)).await);
    assert_eq!(until(2).await, at(101));
    assert!(!is_told(&*store, ada, 10, proven(10, 99)).await);
    assert_eq!(until(11).await, at(101), "it is known for long enough");
    assert!(!is_told(&*store, ada, 20, proven(20, 101)).await);
    let row = KnownDevice { device: device(1), since: at(1), until: at(120), told_at: None };
    assert_eq!(store.list_known_devices(ada, at(21)).await.unwrap(), [row]);
    // Where it shows nothing for itself, it is known all the same.
    let program = Arrival { suffices: at(190), ..arrival(1, 90) };
    assert!(!is_told(&*store, ada, 90, program).await);
    assert_eq!((until(91).await, letters(&*store).await), (at(190), 0));
}

/// A new password by mail makes strangers of them all.
pub async fn devices_are_forgotten_with_the_password(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    assert!(is_told(&*store, ada, 1, arrival(1, 1)).await);
    assert!(
        store
            .replace_password(PasswordReplacement { now: at(10), ..replacement(ada) })
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(known(&*store, ada, 11).await, []);
    let again = |born| SessionOpening {
        verified: hash(9),
        ..by(ada, born, Arrival { devices_since: at(10), ..arrival(1, born) })
    };
    for (born, expected) in [(12, true), (13, false)] {
        let opened = store.open_session(again(born)).await.unwrap();
        assert!(matches!(opened, Opening::Opened { is_told, .. } if is_told == expected), "{born}");
    }
    assert_eq!(known(&*store, ada, 14).await, [device(1)]);
}

/// A login that is refused leaves neither a letter nor a device.
pub async fn a_refused_login_is_not_told_of(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    let wrong = SessionOpening { verified: hash(1), ..by(ada, 1, arrival(1, 1)) };
    assert_eq!(store.open_session(wrong).await.unwrap(), Opening::Refused);
    assert_eq!((letters(&*store).await, known(&*store, ada, 2).await), (0, Vec::new()));
}

/// Whoever registers is known; nobody is told.
pub async fn an_account_comes_with_its_first_devices(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let devices = vec![
        Acquaintance { device: device(1), until: at(50) },
        Acquaintance { device: device(2), until: at(90) },
    ];
    let new = NewAccount { devices, ..new_account("ada") };
    let ada = new.id;
    store.insert_account(new, None).await.unwrap();
    assert_eq!(known(&*store, ada, 1).await, [device(1), device(2)]);
    assert!(!is_told(&*store, ada, 1, arrival(1, 1)).await);
    assert!(is_told(&*store, ada, 51, arrival(1, 51)).await);
    assert_eq!(letters(&*store).await, 1);
}

/// The ones that would be forgotten first go; the one that has just come stays in any case.
pub async fn a_hundred_devices_are_known_of_an_account(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, bob) = (register(&*store, "ada").await.id, register(&*store, "bob").await.id);
    let silent = |number: u8, until: i64| Arrival {
        device: Acquaintance { device: device(number), until: at(until) },
        letter: None,
        ..arrival(number, 1)
    };
    assert!(!is_told(&*store, bob, 1, silent(1, 2000)).await);
    for number in 0..120 {
        assert!(!is_told(&*store, ada, 1, silent(number, 1000 + i64::from(number))).await);
    }
    assert!(!is_told(&*store, ada, 1, silent(200, 500)).await, "known for the shortest time of all");
    let left = known(&*store, ada, 2).await;
    assert!(left.len() <= MAX_KNOWN_DEVICES as usize + 1, "{}", left.len());
    assert!(left.contains(&device(200)) && left.contains(&device(119)) && !left.contains(&device(0)));
    assert_eq!(known(&*store, bob, 2).await, [device(1)]);
}

/// T24: of an account that is deleted nothing is known, and what is out of date goes batch by batch.
pub async fn t24_devices_go_with_their_account_and_with_time(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, bob) = (register(&*store, "ada").await.id, register(&*store, "bob").await.id);
    for number in 0..5 {
        let arrival = Arrival { letter: None, ..arrival(number, i64::from(number)) };
        assert!(!is_told(&*store, ada, 1, arrival.clone()).await);
        assert!(!is_told(&*store, bob, 1, arrival).await);
    }
    let moment = at(0).plus(Duration::from_millis(102));
    let mut removed = Vec::new();
    for _ in 0..4 {
        removed.push(store.delete_expired(moment, at(-1), 4).await.unwrap());
    }
    assert_eq!(removed, [4, 2, 0, 0]);
    assert_eq!(known(&*store, bob, 3).await.len(), 2);
    store.delete_account(deletion(bob, at(4))).await.unwrap();
    assert_eq!((known(&*store, bob, 3).await.len(), known(&*store, ada, 3).await.len()), (0, 2));
    let left = store.delete_expired(at(500), at(-1), 100).await.unwrap();
    assert_eq!(left, 2, "what was the deleted account's is gone from the table");
}
