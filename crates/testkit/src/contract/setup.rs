//! The link that makes the first administrator.

use std::{sync::Arc, time::Duration};

use vestibule_core::{
    ports::store::{AccountChange, AccountDeleted, Activity, Insertion, Store},
    values::{
        account::NewAccount,
        link::LinkDigest,
        scope::{ADMIN, Scopes},
    },
};

use super::{
    StoreFixture,
    administration::deletion,
    at_once,
    samples::{at, new_account, register},
};

const TTL: Duration = Duration::from_hours(1);

async fn issue(store: &dyn Store) -> LinkDigest {
    let (_, digest) = LinkDigest::of_new_token();
    assert!(store.issue_setup_link(digest, at(0).plus(TTL)).await.unwrap());
    digest
}

fn admin(name: &str) -> NewAccount {
    NewAccount { permissions: Scopes::read(ADMIN), confirmed: true, ..new_account(name) }
}

/// The newest is good, in time, and for one administrator.
pub async fn a_setup_link_is_good_in_time_until_a_newer_one_or_an_administrator_comes(
    fixture: &impl StoreFixture,
) {
    let store = fixture.open().await;
    let old = issue(&*store).await;
    assert!(store.is_setup_link_good(old, at(0)).await.unwrap());
    let link = issue(&*store).await;
    assert!(!store.is_setup_link_good(old, at(0)).await.unwrap());
    let end = at(0).plus(TTL);
    assert!(store.is_setup_link_good(link, at(0)).await.unwrap());
    let later = end.plus(TTL);
    for late in [end, later] {
        assert!(!store.is_setup_link_good(link, late).await.unwrap());
    }
    for (digest, created_at) in [(old, at(0)), (link, end), (link, later)] {
        let late = NewAccount { created_at, ..admin("boss") };
        assert_eq!(store.insert_first_admin(digest, late).await.unwrap(), None);
    }
    let made = store.insert_first_admin(link, admin("boss")).await.unwrap();
    let Some(Insertion::Inserted { account, .. }) = made else { panic!("{made:?}") };
    assert_eq!(store.find_account(account.id).await.unwrap(), Some(account));
    assert!(!store.is_setup_link_good(link, at(0)).await.unwrap());
    assert_eq!(store.insert_first_admin(link, admin("eve")).await.unwrap(), None);
    let (_, late) = LinkDigest::of_new_token();
    assert!(!store.issue_setup_link(late, end).await.unwrap(), "there is an administrator");
    assert!(!store.is_setup_link_good(late, at(0)).await.unwrap());
}

/// A used link is gone, also where its administrator is.
pub async fn a_used_setup_link_does_not_come_back(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let link = issue(&*store).await;
    let boss = admin("boss");
    let id = boss.id;
    assert!(store.insert_first_admin(link, boss).await.unwrap().is_some());
    let deleted = store.delete_account(deletion(id, at(1))).await.unwrap();
    assert!(matches!(deleted, AccountDeleted::Deleted { .. }), "{deleted:?}");
    assert!(!store.is_setup_link_good(link, at(0)).await.unwrap());
    assert_eq!(store.insert_first_admin(link, admin("eve")).await.unwrap(), None);
}

/// However an administrator came to be, and whether they may be used.
pub async fn a_setup_link_is_dead_beside_any_administrator(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let link = issue(&*store).await;
    let ada = register(&*store, "ada").await;
    assert!(store.is_setup_link_good(link, at(0)).await.unwrap(), "accounts alone do not matter");
    store.insert_permission(ada.id, ADMIN).await.unwrap();
    let banned = AccountChange {
        active: Some(Activity::Disabled),
        keeps_an_admin: false,
        ..AccountChange::of(ada.id, at(0))
    };
    store.change_account(banned).await.unwrap();
    assert!(!store.is_setup_link_good(link, at(0)).await.unwrap());
    assert_eq!(store.insert_first_admin(link, admin("boss")).await.unwrap(), None);
}

/// Somebody else's name is no reason to start the server again.
pub async fn a_taken_name_leaves_the_setup_link_good(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let link = issue(&*store).await;
    let _ = register(&*store, "ada").await;
    let taken = store.insert_first_admin(link, admin("ada")).await.unwrap();
    assert_eq!(taken, Some(Insertion::Taken { email: true, username: true }));
    let made = store.insert_first_admin(link, admin("boss")).await.unwrap();
    assert!(matches!(made, Some(Insertion::Inserted { .. })), "{made:?}");
}

/// T20: many posts at once make one administrator.
pub async fn t20_a_setup_link_makes_one_administrator_of_many(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let link = issue(&*store).await;
    let other = fixture.open().await;
    let made = at_once(32, |number| {
        let store = Arc::clone(if number % 2 == 0 { &store } else { &other });
        async move { store.insert_first_admin(link, admin(&format!("boss{number}"))).await.unwrap() }
    })
    .await;
    assert_eq!(made.iter().filter(|made| made.is_some()).count(), 1, "{made:?}");
    assert_eq!(store.list_accounts(0, 100).await.unwrap().len(), 1);
}
