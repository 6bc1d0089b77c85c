//! Registrations that wait for the proof of their address.

use std::{sync::Arc, time::Duration};

use vestibule_core::{
    ports::store::{Insertion, KeptRegistration, SealedRegistration, Store},
    values::{
        account::{AccountId, NewAccount},
        email::Email,
        link::{LinkPurpose, NewLink},
        username::LoginName,
    },
};

use super::{
    StoreFixture, at_once,
    errands::errand,
    proofs::link,
    samples::{at, new_account},
};

const TTL: Duration = Duration::from_hours(1);

/// A registration to be kept, for `ada@example.com`.
pub(super) fn registration(account_id: AccountId, number: u8) -> KeptRegistration {
    let link = NewLink { purpose: LinkPurpose::Register, ..link(account_id) };
    KeptRegistration { link, sealed: vec![number; 3] }
}

async fn keep(store: &dyn Store, account: &NewAccount, number: u8) -> KeptRegistration {
    let mut kept = registration(account.id, number);
    kept.link.email = account.email.clone();
    store.keep_registration(kept.clone(), Some(errand(u128::from(number), 0))).await.unwrap();
    kept
}

async fn find(store: &dyn Store, name: &str) -> Option<AccountId> {
    let found = store.find_credentials(&LoginName::read(name)).await.unwrap();
    found.map(|found| found.account.id)
}

/// What was asked for is found until the link expires, and the account is made once, under the id it was promised.
pub async fn a_registration_waits_for_its_proof(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = NewAccount { confirmed: true, ..new_account("ada") };
    let kept = keep(&*store, &ada, 1).await;
    let digest = kept.link.digest;
    assert_eq!(find(&*store, "ada@example.com").await, None, "nothing is made before the proof");
    assert_eq!(store.count_errands().await.unwrap().waiting, 1);
    let sealed = SealedRegistration { account_id: ada.id, sealed: vec![1; 3] };
    assert_eq!(store.find_registration(digest, at(1)).await.unwrap(), Some(sealed));
    assert_eq!(store.find_registration(digest, at(0).plus(TTL)).await.unwrap(), None);
    assert_eq!(store.find_link(digest, LinkPurpose::Confirm, at(1)).await.unwrap(), None);
    let late = store.complete_registration(digest, ada.clone(), at(0).plus(TTL)).await.unwrap();
    assert_eq!(late, None);
    let made = store.complete_registration(digest, ada.clone(), at(1)).await.unwrap();
    assert!(
        matches!(made, Some(Insertion::Inserted { account, .. }) if account.id == ada.id && account.confirmed)
    );
    assert_eq!(store.complete_registration(digest, ada.clone(), at(1)).await.unwrap(), None);
    assert_eq!(store.find_registration(digest, at(1)).await.unwrap(), None);
    assert_eq!(find(&*store, "ada").await, Some(ada.id));
}

/// The code of a registration is asked for as that of a confirmation, and only as that.
pub async fn a_registration_has_a_code(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let kept = keep(&*store, &new_account("ada"), 1).await;
    let count = |purpose| store.count_code_attempt("ada@example.com", purpose, 2, at(1));
    assert!(count(LinkPurpose::Reset).await.unwrap().is_empty());
    for left in [1, 1, 0] {
        let found = count(LinkPurpose::Confirm).await.unwrap();
        assert_eq!(found.len(), left);
        assert!(found.iter().all(|code| code.digest == kept.link.digest));
    }
}

/// T52: several may ask for one address; the first proof wins, also where all come at once, and ends the others.
pub async fn t52_one_of_many_registrations_of_an_address_wins(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let mut asked = Vec::new();
    for number in 0..8 {
        let email = Email::parse("shared@example.com").unwrap();
        let account = NewAccount { email, ..new_account(&format!("ada{number}")) };
        let kept = keep(&*store, &account, number).await;
        asked.push((kept.link.digest, account));
    }
    let asked = Arc::new(asked);
    let outcomes = at_once(8, |number| {
        let (store, asked) = (Arc::clone(&store), Arc::clone(&asked));
        async move {
            let (digest, account) = asked[number].clone();
            store.complete_registration(digest, account, at(1)).await.unwrap()
        }
    })
    .await;
    let made = outcomes.iter().filter(|made| matches!(made, Some(Insertion::Inserted { .. }))).count();
    assert_eq!(made, 1, "{outcomes:?}");
    let [first, second] = [new_account("eve"), new_account("eve")];
    let (one, other) = (keep(&*store, &first, 10).await, keep(&*store, &second, 11).await);
    assert!(store.complete_registration(one.link.digest, first, at(1)).await.unwrap().is_some());
    assert_eq!(store.complete_registration(other.link.digest, second, at(1)).await.unwrap(), None);
    for (digest, _) in &*asked {
        assert_eq!(store.find_registration(*digest, at(1)).await.unwrap(), None);
    }
}

/// A name that was taken meanwhile costs the name, and an address that was taken meanwhile the account.
pub async fn a_registration_meets_names_that_were_taken_meanwhile(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let wanted = NewAccount { email: Email::parse("late@example.com").unwrap(), ..new_account("ada") };
    let (nameless, too_late) = (keep(&*store, &wanted, 1).await, keep(&*store, &new_account("bob"), 2).await);
    for name in ["ada", "bob"] {
        let taken = store.insert_account(new_account(name), None).await.unwrap();
        assert!(matches!(taken, Insertion::Inserted { .. }));
    }
    let made = store.complete_registration(nameless.link.digest, wanted.clone(), at(1)).await.unwrap();
    assert!(matches!(made, Some(Insertion::Inserted { account, .. }) if account.username.is_none()));
    assert_eq!(find(&*store, "late@example.com").await, Some(wanted.id));
    let second = NewAccount { id: AccountId::new(at(5)), ..new_account("bob") };
    let made = store.complete_registration(too_late.link.digest, second, at(1)).await.unwrap();
    assert_eq!(made, Some(Insertion::Taken { email: true, username: true }));
}
