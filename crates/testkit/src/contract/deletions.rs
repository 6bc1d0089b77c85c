//! Accounts that their owners delete.

use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{
            AccountChange, AccountChanged, Activity, Announcer, DeletionRequest, DeletionRequested, Opening,
            PendingDeletion, Rotation, Store,
        },
    },
    values::{account::AccountId, scope::ADMIN, username::LoginName},
};

use super::{
    StoreFixture, at_once,
    errands::errand,
    proofs::link,
    samples::{all_revoked, at, hash, log_in, new_session, opening, register, rotation},
};

/// A deletion asked for with the password that samples have.
#[must_use]
pub fn deletion_request(id: AccountId, now: Timestamp, deletes_at: Timestamp) -> DeletionRequest {
    DeletionRequest { id, verified: hash(0), deletes_at, errands: Vec::new(), now }
}

async fn pending(store: &dyn Store, id: AccountId, now: i64, deletes_at: i64) {
    let outcome = store.request_deletion(deletion_request(id, at(now), at(deletes_at))).await.unwrap();
    assert!(matches!(outcome, DeletionRequested::Pending(_)), "{outcome:?}");
}

async fn deletion_of(store: &dyn Store, name: &str) -> Option<PendingDeletion> {
    store.find_credentials(&LoginName::read(name)).await.unwrap().unwrap().deletion
}

fn activity(id: AccountId, activity: Activity, now: i64) -> AccountChange {
    AccountChange { active: Some(activity), ..AccountChange::of(id, at(now)) }
}

/// At once, to be told to every node; what was mailed is worth nothing, and what tells of it is queued.
pub async fn an_account_waits_out_of_use_for_its_deletion(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    assert_eq!(deletion_of(&*store, "ada").await, None);
    let session = log_in(&*store, ada, at(1)).await;
    let link = link(ada);
    assert!(store.issue_link(link.clone(), Some(errand(1, 0))).await.unwrap());
    let request = DeletionRequest { errands: vec![errand(2, 0)], ..deletion_request(ada, at(10), at(50)) };
    let outcome = store.request_deletion(request).await.unwrap();
    let DeletionRequested::Pending(cutoff) = outcome else { panic!("{outcome:?}") };
    assert_eq!((cutoff.account_id, cutoff.at), (ada, at(10)));
    assert_eq!(all_revoked(&*store, at(11)).await.accounts, [cutoff]);
    assert_eq!(store.count_errands().await.unwrap().waiting, 2);
    assert!(!store.find_account(ada).await.unwrap().unwrap().active);
    let told = Some(PendingDeletion { at: at(50), may_be_restored: true });
    assert_eq!(deletion_of(&*store, "ada").await, told);
    assert_eq!(store.rotate_session(rotation(session, 0, at(11))).await.unwrap(), Rotation::Refused);
    assert_eq!(store.open_session(opening(new_session(ada, at(11)))).await.unwrap(), Opening::Refused);
    assert_eq!(store.find_link(link.digest, link.purpose, at(3)).await.unwrap(), None);
    assert!(!store.issue_link(link, Some(errand(3, 0))).await.unwrap());
    let again = store.request_deletion(deletion_request(ada, at(12), at(60))).await.unwrap();
    assert_eq!(again, DeletionRequested::Refused, "once is enough");
    assert_eq!(deletion_of(&*store, "ada").await, told);
    assert_eq!(store.delete_due_accounts(at(49), 10, Announcer::default()).await.unwrap(), []);
}

/// Whoever has another one by now has not asked.
pub async fn only_whoever_has_the_password_deletes(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    let session = log_in(&*store, ada, at(1)).await;
    for request in [
        DeletionRequest {
            verified: hash(7),
            errands: vec![errand(1, 0)],
            ..deletion_request(ada, at(10), at(50))
        },
        deletion_request(AccountId::new(at(0)), at(10), at(50)),
    ] {
        assert_eq!(store.request_deletion(request).await.unwrap(), DeletionRequested::Refused);
    }
    assert_eq!(store.count_errands().await.unwrap().waiting, 0);
    assert_eq!(deletion_of(&*store, "ada").await, None);
    assert!(matches!(
        store.rotate_session(rotation(session, 0, at(11))).await.unwrap(),
        Rotation::Rotated(_)
    ));
}

/// T15, authentik CVE-2025-64708: not a moment later, whether anybody has cleaned up or not.
pub async fn an_account_is_taken_back_in_time_by_its_owner(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    assert_eq!(
        store.restore_account(ada, at(1), Announcer::default()).await.unwrap(),
        None,
        "there is nothing to take back"
    );
    let session = log_in(&*store, ada, at(1)).await;
    pending(&*store, ada, 10, 50).await;
    assert_eq!(store.restore_account(ada, at(50), Announcer::default()).await.unwrap(), None);
    let restored = store.restore_account(ada, at(49), Announcer::default()).await.unwrap().unwrap();
    assert!(restored.active);
    assert_eq!(store.restore_account(ada, at(49), Announcer::default()).await.unwrap(), None);
    assert_eq!(deletion_of(&*store, "ada").await, None);
    assert_eq!(store.delete_due_accounts(at(1000), 10, Announcer::default()).await.unwrap(), []);
    assert_eq!(store.rotate_session(rotation(session, 0, at(49))).await.unwrap(), Rotation::Refused);
    log_in(&*store, ada, at(51)).await;
}

/// A ban in between is no less a ban.
pub async fn an_administrator_brings_it_back_and_can_forbid_its_owner_to(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, bob) = (register(&*store, "ada").await.id, register(&*store, "bob").await.id);
    for id in [ada, bob] {
        pending(&*store, id, 10, 50).await;
    }
    for change in [Activity::Enabled, Activity::Toggled] {
        let outcome = store.change_account(activity(ada, change, 11)).await.unwrap();
        assert!(matches!(outcome, AccountChanged::Changed { after, .. } if after.active));
        assert_eq!(deletion_of(&*store, "ada").await, None);
        pending(&*store, ada, 12, 50).await;
    }
    let renamed = AccountChange { full_name: Some(None), ..AccountChange::of(bob, at(13)) };
    store.change_account(renamed).await.unwrap();
    let told = |may_be_restored| Some(PendingDeletion { at: at(50), may_be_restored });
    assert_eq!(deletion_of(&*store, "bob").await, told(true));
    store.change_account(activity(bob, Activity::Disabled, 14)).await.unwrap();
    assert_eq!(deletion_of(&*store, "bob").await, told(false));
    assert_eq!(store.restore_account(bob, at(15), Announcer::default()).await.unwrap(), None);
    store.change_account(activity(bob, Activity::Enabled, 16)).await.unwrap();
    assert_eq!(deletion_of(&*store, "bob").await, None);
}

/// However many try at once.
pub async fn the_last_administrator_cannot_delete_themselves(fixture: &impl StoreFixture) {
    let handles = [fixture.open().await, fixture.open().await];
    let (ada, bob) = (register(&*handles[0], "ada").await.id, register(&*handles[0], "bob").await.id);
    for id in [ada, bob] {
        handles[0].insert_permission(id, ADMIN).await.unwrap().unwrap();
    }
    let outcomes = at_once(2, |number| {
        let (store, id) = (handles[number].clone(), [ada, bob][number]);
        async move { store.request_deletion(deletion_request(id, at(1), at(50))).await.unwrap() }
    })
    .await;
    let refused = outcomes.iter().filter(|outcome| **outcome == DeletionRequested::LastAdmin).count();
    assert_eq!(refused, 1, "{outcomes:?}");
}

/// Better-auth GHSA-2vg6-77g8-24mp: neither sessions, links, letters nor the names outlive the account; batch by batch.
pub async fn t24_accounts_go_when_their_time_has_come_with_all_that_is_theirs(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let mut ids = Vec::new();
    for (name, deletes_at) in [("ada", 30), ("bob", 20), ("eve", 40), ("kim", 99)] {
        let id = register(&*store, name).await.id;
        log_in(&*store, id, at(1)).await;
        pending(&*store, id, 10, deletes_at).await;
        ids.push(id);
    }
    let letter =
        |number, account_id| vestibule_core::ports::store::NewErrand { account_id, ..errand(number, 0) };
    store.queue_errand(letter(1, Some(ids[0]))).await.unwrap();
    store.queue_errand(letter(2, Some(ids[3]))).await.unwrap();
    store.queue_errand(letter(3, None)).await.unwrap();
    let gone = async |now, batch| {
        let gone = store.delete_due_accounts(at(now), batch, Announcer::default()).await.unwrap();
        gone.into_iter().map(|account| account.id).collect::<Vec<_>>()
    };
    assert_eq!(gone(40, 2).await, [ids[1], ids[0]], "those that waited for longest");
    assert_eq!(gone(40, 2).await, [ids[2]]);
    assert_eq!(gone(40, 2).await, []);
    assert_eq!(store.count_errands().await.unwrap().waiting, 2, "that to somebody else, and that to nobody");
    for id in &ids[..3] {
        assert_eq!(store.find_account(*id).await.unwrap(), None);
    }
    assert!(store.find_account(ids[3]).await.unwrap().is_some());
    register(&*store, "ada").await;
}

/// On as many nodes as there may be.
pub async fn whoever_comes_first_of_a_return_and_a_deletion_wins(fixture: &impl StoreFixture) {
    let stores = [fixture.open().await, fixture.open().await];
    for _ in 0..4 {
        let ada = register(&*stores[0], "ada").await.id;
        pending(&*stores[0], ada, 10, 50).await;
        let outcomes = at_once(8, |number| {
            let store = stores[number % 2].clone();
            async move {
                if number == 3 {
                    return store.restore_account(ada, at(49), Announcer::default()).await.unwrap().is_some();
                }
                store.delete_due_accounts(at(50), 10, Announcer::default()).await.unwrap().len() == 1
            }
        })
        .await;
        assert_eq!(outcomes.iter().filter(|is_done| **is_done).count(), 1, "{outcomes:?}");
        let is_there = stores[0].find_account(ada).await.unwrap().is_some();
        assert_eq!(is_there, outcomes[3]);
        if is_there {
            stores[0].delete_account(super::administration::deletion(ada, at(60))).await.unwrap();
        }
    }
}
