//! What administrators do with accounts.

use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{
            AccountChange, AccountChanged, AccountDeleted, AccountDeletion, Activity, Announcer, Occurrence,
            Opening, PermissionChange, Rotation, Store,
        },
    },
    values::{
        account::{Account, AccountId, FullName},
        email::Email,
        link::{LinkPurpose, NewLink},
        scope::{ADMIN, Scopes},
        username::{LoginName, Username, UsernamePolicy},
    },
};

use super::{
    StoreFixture, at_once,
    errands::errand,
    proofs::link,
    samples::{ACCESS_TTL, all_revoked, at, log_in, new_session, opening, register, rotated, rotation},
};

/// A deletion that asks nobody to stay.
#[must_use]
pub fn deletion(id: AccountId, now: Timestamp) -> AccountDeletion {
    AccountDeletion { id, keeps_an_admin: false, announcer: Announcer::default(), now }
}

fn activity(id: AccountId, activity: Activity, now: Timestamp) -> AccountChange {
    AccountChange { active: Some(activity), ..AccountChange::of(id, now) }
}

fn name(name: &str) -> Username {
    UsernamePolicy::default().parse_exempt(name).unwrap()
}

async fn changed(store: &dyn Store, change: AccountChange) -> Account {
    match store.change_account(change).await.unwrap() {
        AccountChanged::Changed { after, .. } => after,
        other => panic!("{other:?}"),
    }
}

/// At once, to be told to every node, and for good.
pub async fn a_ban_ends_every_session_and_an_unban_brings_none_back(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await;
    let id = log_in(&*store, ada.id, at(10)).await;
    let banned = store.change_account(activity(ada.id, Activity::Toggled, at(20))).await.unwrap();
    let AccountChanged::Changed { before, after, cutoff: Some(cutoff) } = banned else {
        panic!("{banned:?}");
    };
    assert!(before.active && !after.active);
    assert_eq!((cutoff.account_id, cutoff.at), (ada.id, at(20)));
    assert_eq!(all_revoked(&*store, at(21)).await.accounts, [cutoff]);
    assert_eq!(store.rotate_session(rotation(id, 0, at(21))).await.unwrap(), Rotation::Refused);
    assert_eq!(store.open_session(opening(new_session(ada.id, at(21)))).await.unwrap(), Opening::Refused);
    assert!(!changed(&*store, activity(ada.id, Activity::Disabled, at(22))).await.active);

    assert!(changed(&*store, activity(ada.id, Activity::Toggled, at(30))).await.active);
    assert_eq!(store.rotate_session(rotation(id, 0, at(31))).await.unwrap(), Rotation::Refused);
    let after = log_in(&*store, ada.id, at(31)).await;
    let enabled = store.change_account(activity(ada.id, Activity::Enabled, at(32))).await.unwrap();
    assert!(matches!(enabled, AccountChanged::Changed { cutoff: None, .. }), "nothing ends twice");
    assert_eq!(rotated(&*store, rotation(after, 0, at(33))).await.generation, 1);
    let nobody = store.change_account(activity(AccountId::new(at(0)), Activity::Enabled, at(1))).await;
    assert_eq!(nobody.unwrap(), AccountChanged::Unknown);
}

/// Whichever comes first, no session lives on.
pub async fn a_login_beside_a_ban_is_refused_or_ended(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    at_once(16, |number| {
        let store = store.clone();
        async move {
            if number == 8 {
                store.change_account(activity(ada, Activity::Disabled, at(20))).await.unwrap();
            } else {
                store.open_session(opening(new_session(ada, at(30)))).await.unwrap();
            }
        }
    })
    .await;
    changed(&*store, activity(ada, Activity::Enabled, at(40))).await;
    assert_eq!(store.list_sessions(ada, at(41)).await.unwrap(), []);
}

/// A name that is taken stops everything else.
pub async fn what_is_changed_is_changed_together_or_not_at_all(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, _bob) = (register(&*store, "ada").await, register(&*store, "bob").await);
    let full = |email: &str, username: &str| AccountChange {
        email: Some(Email::parse(email).unwrap()),
        username: Some(Some(name(username))),
        full_name: Some(None),
        active: None,
        confirmed: Some(true),
        permissions: Some(PermissionChange::Set(Scopes::read("read"))),
        ..AccountChange::of(ada.id, at(5))
    };
    for (email, username, taken) in [
        ("BOB@example.com", "other", (true, false)),
        ("other@example.com", "BOB", (false, true)),
        ("bob@example.com", "bob", (true, true)),
    ] {
        let outcome = store.change_account(full(email, username)).await.unwrap();
        assert_eq!(outcome, AccountChanged::Taken { email: taken.0, username: taken.1 });
        assert_eq!(store.find_account(ada.id).await.unwrap().unwrap(), ada);
    }
    let after = changed(&*store, full("Countess@example.com", "ADA")).await;
    let expected = Account {
        email: "Countess@example.com".into(),
        username: Some("ADA".into()),
        full_name: None,
        confirmed: true,
        permissions: Scopes::read("read"),
        ..ada.clone()
    };
    assert_eq!(after, expected, "one's own name in another case is not taken");
    assert_eq!(store.find_account(ada.id).await.unwrap().unwrap(), expected);
    let found = store.find_credentials(&LoginName::read("countess@example.com")).await.unwrap().unwrap();
    assert_eq!(found.account, expected);
    assert!(store.find_credentials(&LoginName::read("ada@example.com")).await.unwrap().is_none());

    let nameless = AccountChange { username: Some(None), ..AccountChange::of(ada.id, at(6)) };
    assert_eq!(changed(&*store, nameless).await.username, None);
    assert!(store.find_credentials(&LoginName::read("ada")).await.unwrap().is_none());
    let named = FullName::parse("Ada King").unwrap();
    let titled = AccountChange { full_name: Some(named), ..AccountChange::of(ada.id, at(7)) };
    assert_eq!(changed(&*store, titled).await.full_name.as_deref(), Some("Ada King"));
}

/// Nobody is told of what did not happen.
pub async fn what_tells_of_a_change_is_queued_with_it(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, _) = (register(&*store, "ada").await.id, register(&*store, "bob").await);
    let rename = |to, id| AccountChange {
        username: Some(Some(name(to))),
        errand: Some(errand(id, 0)),
        ..AccountChange::of(ada, at(1))
    };
    let taken = store.change_account(rename("bob", 1)).await.unwrap();
    assert_eq!(taken, AccountChanged::Taken { email: false, username: true });
    assert_eq!(store.count_errands().await.unwrap().waiting, 0);
    assert_eq!(changed(&*store, rename("countess", 2)).await.username.as_deref(), Some("countess"));
    assert_eq!(store.count_errands().await.unwrap().waiting, 1);
    let announcer = Announcer::new(|occurrence| {
        Ok(match occurrence {
            Occurrence::Changed { before, after } => {
                assert_ne!(before.username, after.username);
                vec![errand(10, 0), errand(11, 0)]
            }
            Occurrence::Deleted { account, .. } => {
                assert_eq!(account.unwrap().username.as_deref(), Some("lovelace"));
                vec![errand(12, 0)]
            }
            _ => Vec::new(),
        })
    });
    let renaming = AccountChange { announcer: announcer.clone(), ..rename("lovelace", 3) };
    let _ = changed(&*store, renaming).await;
    assert_eq!(store.count_errands().await.unwrap().waiting, 4);
    let gone = store.delete_account(AccountDeletion { announcer, ..deletion(ada, at(2)) }).await.unwrap();
    assert!(matches!(gone, AccountDeleted::Deleted { .. }));
    assert_eq!(store.count_errands().await.unwrap().waiting, 5);
}

/// Whoever reads the old mailbox must not get in by it.
pub async fn a_new_address_is_unproved_and_ends_the_links_to_the_old_one(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    let proved = AccountChange { confirmed: Some(true), ..AccountChange::of(ada, at(1)) };
    assert!(changed(&*store, proved).await.confirmed);
    let to =
        |email| AccountChange { email: Some(Email::parse(email).unwrap()), ..AccountChange::of(ada, at(2)) };
    assert!(changed(&*store, to("ADA@example.com")).await.confirmed, "the same mailbox");
    let link = NewLink { purpose: LinkPurpose::Confirm, ..link(ada) };
    assert!(store.issue_link(link.clone(), Some(errand(1, 0))).await.unwrap());
    let is_good = async || store.find_link(link.digest, link.purpose, at(3)).await.unwrap().is_some();
    assert!(is_good().await);
    assert!(!changed(&*store, to("new@example.com")).await.confirmed);
    assert!(!is_good().await);
}

/// However many there are at once.
pub async fn changes_of_permissions_do_not_lose_each_other(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    let change = |change| AccountChange { permissions: Some(change), ..AccountChange::of(ada, at(1)) };
    changed(&*store, change(PermissionChange::Set(Scopes::read("old older")))).await;
    at_once(16, |number| {
        let store = store.clone();
        let one = match number {
            7 => PermissionChange::Remove(Scopes::read("old nothing")),
            _ => PermissionChange::Add(Scopes::read(&format!("p{number} older"))),
        };
        let change = change(one);
        async move { changed(&*store, change).await }
    })
    .await;
    let permissions = store.find_account(ada).await.unwrap().unwrap().permissions;
    let expected: Scopes = (0..16)
        .filter(|number| *number != 7)
        .map(|number| format!("p{number}"))
        .chain(["older".into()])
        .collect();
    assert_eq!(permissions, expected);
    let cleared = changed(&*store, change(PermissionChange::Set(Scopes::none()))).await;
    assert!(cleared.permissions.is_empty());
}

/// Whatever is done to it, by whomever, and however many do so at once.
pub async fn the_last_administrator_stays(fixture: &impl StoreFixture) {
    let handles = [fixture.open().await, fixture.open().await];
    let store = &*handles[0];
    let (ada, bob) = (register(store, "ada").await.id, register(store, "bob").await.id);
    for id in [ada, bob] {
        store.insert_permission(id, ADMIN).await.unwrap().unwrap();
    }
    let outcomes = at_once(2, |number| {
        let (store, id) = (handles[number].clone(), [ada, bob][number]);
        async move { store.change_account(activity(id, Activity::Disabled, at(1))).await.unwrap() }
    })
    .await;
    let refused = outcomes.iter().filter(|outcome| **outcome == AccountChanged::LastAdmin).count();
    assert_eq!(refused, 1, "{outcomes:?}");
    let last = if outcomes[0] == AccountChanged::LastAdmin { ada } else { bob };

    let demoted = PermissionChange::Remove(Scopes::read(ADMIN));
    for change in [
        activity(last, Activity::Toggled, at(2)),
        AccountChange { permissions: Some(demoted.clone()), ..AccountChange::of(last, at(2)) },
        AccountChange {
            permissions: Some(PermissionChange::Set(Scopes::none())),
            ..AccountChange::of(last, at(2))
        },
    ] {
        assert_eq!(store.change_account(change).await.unwrap(), AccountChanged::LastAdmin);
    }
    let kept = AccountDeletion { keeps_an_admin: true, ..deletion(last, at(2)) };
    assert_eq!(store.delete_account(kept).await.unwrap(), AccountDeleted::LastAdmin);
    assert!(store.find_account(last).await.unwrap().unwrap().active);
    let renamed = AccountChange { username: Some(Some(name("boss"))), ..AccountChange::of(last, at(3)) };
    changed(store, renamed).await;
    let by_operator =
        AccountChange { permissions: Some(demoted), keeps_an_admin: false, ..AccountChange::of(last, at(4)) };
    assert!(changed(store, by_operator).await.permissions.is_empty());
}

/// Better-auth GHSA-2vg6-77g8-24mp: sessions outlived the user.
pub async fn t24_nothing_outlives_a_deletion_but_the_memory_of_its_sessions(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, bob) = (register(&*store, "ada").await, register(&*store, "bob").await.id);
    let ids = [log_in(&*store, ada.id, at(1)).await, log_in(&*store, ada.id, at(2)).await];
    let bobs = log_in(&*store, bob, at(2)).await;
    let link = link(ada.id);
    assert!(store.issue_link(link.clone(), Some(errand(1, 0))).await.unwrap());
    assert!(store.find_link(link.digest, link.purpose, at(3)).await.unwrap().is_some());
    let beginning = all_revoked(&*store, at(3)).await.progress;

    let AccountDeleted::Deleted { account, mut ended } =
        store.delete_account(deletion(ada.id, at(10))).await.unwrap()
    else {
        panic!("a deletion is refused");
    };
    assert_eq!(account.id, ada.id);
    ended.sort_unstable_by_key(|session| session.id.created_at());
    assert_eq!(ended.iter().map(|session| session.id).collect::<Vec<_>>(), ids);
    let told = super::samples::revoked_since(&*store, &beginning, at(11)).await;
    assert_eq!(told.sessions.len(), 2, "the other nodes are told");
    let until = at(2).plus(ACCESS_TTL);
    assert_eq!(
        all_revoked(&*store, until.minus(std::time::Duration::from_millis(1))).await.sessions.len(),
        1
    );
    for id in ids {
        assert_eq!(store.rotate_session(rotation(id, 0, at(11))).await.unwrap(), Rotation::Refused);
        assert_eq!(store.find_session_owner(id, at(11)).await.unwrap(), None);
    }
    assert_eq!(store.find_account(ada.id).await.unwrap(), None);
    assert_eq!(store.find_link(link.digest, link.purpose, at(3)).await.unwrap(), None);
    assert_eq!(rotated(&*store, rotation(bobs, 0, at(11))).await.generation, 1);
    assert_eq!(store.delete_account(deletion(ada.id, at(12))).await.unwrap(), AccountDeleted::Unknown);
    // Nothing of it stands in the way of a new account of the same name.
    register(&*store, "ada").await;
}

/// Whichever comes first, no session lives on.
pub async fn a_login_beside_a_deletion_is_refused_or_ended(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    for round in 0..4 {
        let ada = register(&*store, "ada").await.id;
        let opened = at_once(8, |number| {
            let store = store.clone();
            async move {
                if number == 4 {
                    store.delete_account(deletion(ada, at(round + 20))).await.unwrap();
                    return None;
                }
                let session = new_session(ada, at(round + 30));
                let id = session.id;
                let opening = store.open_session(opening(session)).await.unwrap();
                matches!(opening, Opening::Opened { .. }).then_some(id)
            }
        })
        .await;
        let told = all_revoked(&*store, at(round + 40)).await;
        for id in opened.into_iter().flatten() {
            assert!(told.sessions.iter().any(|session| session.id == id), "{told:?}");
            assert_eq!(store.rotate_session(rotation(id, 0, at(40))).await.unwrap(), Rotation::Refused);
        }
    }
}

/// The notice goes, the cut-off stays.
pub async fn a_blackout_has_a_notice_that_can_be_taken_down(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    let id = log_in(&*store, ada, at(10)).await;
    assert_eq!(store.find_blackout_notice().await.unwrap(), None);
    assert!(!store.delete_blackout_notice().await.unwrap());
    assert_eq!(store.black_out(at(10)).await.unwrap(), at(10));
    assert_eq!(store.find_blackout_notice().await.unwrap(), Some(at(10)));
    assert!(store.delete_blackout_notice().await.unwrap());
    assert_eq!(store.find_blackout_notice().await.unwrap(), None);
    assert_eq!(all_revoked(&*store, at(11)).await.everyone, at(10));
    assert_eq!(store.rotate_session(rotation(id, 0, at(11))).await.unwrap(), Rotation::Refused);
    log_in(&*store, ada, at(11)).await;
    assert_eq!(store.black_out(at(12)).await.unwrap(), at(12));
    assert_eq!(store.find_blackout_notice().await.unwrap(), Some(at(12)));
}

/// However many unlock at once, each of it counts; a stranger's id is nobody's.
pub async fn counters_begin_anew_with_each_unlocking_and_reset(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    register(&*store, "bob").await;
    let unlocks = async |name: &str| {
        let found = store.find_credentials(&LoginName::read(name)).await.unwrap().unwrap();
        (found.unlocks, found.devices_since)
    };
    assert_eq!(unlocks("ada").await, (0, Timestamp::EPOCH));
    let unlocked = at_once(8, |_| {
        let store = std::sync::Arc::clone(&store);
        async move { store.unlock_account(ada).await.unwrap() }
    });
    assert!(unlocked.await.into_iter().all(|was_there| was_there));
    assert_eq!(unlocks("ada").await, (8, Timestamp::EPOCH));
    assert_eq!(unlocks("ada@example.com").await.0, 8);
    assert_eq!(unlocks("bob").await.0, 0);
    assert!(!store.unlock_account(AccountId::new(at(0))).await.unwrap());
}

/// The last disabled first, and since when.
pub async fn disabled_accounts_are_listed(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let mut ids = Vec::new();
    for (number, name) in ["ada", "bob", "eve", "joe"].into_iter().enumerate() {
        let id = register(&*store, name).await.id;
        let now = at(i64::try_from(number).unwrap() * 10);
        changed(&*store, activity(id, Activity::Disabled, now)).await;
        // Once more changes nothing.
        changed(&*store, activity(id, Activity::Disabled, at(1000))).await;
        ids.push(id);
    }
    changed(&*store, activity(ids[1], Activity::Enabled, at(50))).await;
    let listed = store.list_disabled_accounts(10).await.unwrap();
    let found: Vec<_> = listed.iter().map(|one| (one.id, one.disabled_at)).collect();
    assert_eq!(found, [(ids[3], at(30)), (ids[2], at(20)), (ids[0], at(0))]);
    assert_eq!(listed[0].username.as_deref(), Some("joe"));
    assert_eq!(store.list_disabled_accounts(1).await.unwrap(), listed[..1]);
}
