//! What others are told of, and what happens where they cannot be.

use vestibule_core::{
    ports::store::{
        AccountChange, AccountDeletion, Activity, Announcer, DeletionRequested, Insertion, StoreError,
    },
    values::{
        account::{AccountId, NewAccount},
        link::LinkDigest,
        scope::{ADMIN, Scopes},
        username::UsernamePolicy,
    },
};

use super::{
    StoreFixture,
    administration::deletion,
    deletions::deletion_request,
    registrations::registration,
    samples::{at, log_in, new_account, register, rotated, rotation},
    search::search,
};

fn deaf() -> Announcer {
    Announcer::new(|_| Err(StoreError::Broken("there is no telling it".into())))
}

/// No account, and neither the link nor the name is used up.
pub async fn an_account_that_cannot_be_told_of_is_not_made(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let untold = NewAccount { announcer: deaf(), ..new_account("ada") };
    let gone = async |id: AccountId| store.find_account(id).await.unwrap().is_none();
    assert!(store.insert_account(untold.clone(), None).await.is_err());
    assert!(gone(untold.id).await);

    let kept = registration(untold.id, 1);
    store.keep_registration(kept.clone(), None).await.unwrap();
    assert!(store.complete_registration(kept.link.digest, untold.clone(), at(1)).await.is_err());
    assert!(gone(untold.id).await);
    let told = NewAccount { announcer: Announcer::default(), ..untold };
    let made = store.complete_registration(kept.link.digest, told, at(1)).await.unwrap();
    assert!(matches!(made, Some(Insertion::Inserted { .. })), "{made:?}");

    let (_, link) = LinkDigest::of_new_token();
    assert!(store.issue_setup_link(link, at(50)).await.unwrap());
    let boss = NewAccount { permissions: Scopes::read(ADMIN), ..new_account("boss") };
    let untold = NewAccount { announcer: deaf(), ..boss.clone() };
    assert!(store.insert_first_admin(link, untold).await.is_err());
    assert!(gone(boss.id).await);
    assert!(store.insert_first_admin(link, boss).await.unwrap().is_some());
}

/// The account stays as it was, with its sessions and its name.
pub async fn a_change_that_cannot_be_told_of_is_not_made(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await;
    let session = log_in(&*store, ada.id, at(1)).await;
    let before = store.find_account(ada.id).await.unwrap().unwrap();
    let renamed = AccountChange {
        username: Some(Some(UsernamePolicy::default().parse_exempt("countess").unwrap())),
        active: Some(Activity::Disabled),
        announcer: deaf(),
        ..AccountChange::of(ada.id, at(2))
    };
    assert!(store.change_account(renamed).await.is_err());
    let deleted = AccountDeletion { announcer: deaf(), ..deletion(ada.id, at(2)) };
    assert!(store.delete_account(deleted).await.is_err());
    assert_eq!(store.find_account(ada.id).await.unwrap(), Some(before.clone()));
    assert_eq!(store.search_accounts(search("ada")).await.unwrap().accounts, [before]);
    assert_eq!(store.search_accounts(search("countess")).await.unwrap().total, 0);
    assert_eq!(rotated(&*store, rotation(session, 0, at(3))).await.generation, 1);

    let pending = store.request_deletion(deletion_request(ada.id, at(4), at(50))).await.unwrap();
    assert!(matches!(pending, DeletionRequested::Pending(_)), "{pending:?}");
    assert!(store.restore_account(ada.id, at(5), deaf()).await.is_err());
    assert!(!store.find_account(ada.id).await.unwrap().unwrap().active);
    assert!(store.delete_due_accounts(at(50), 10, deaf()).await.is_err());
    assert!(store.find_account(ada.id).await.unwrap().is_some());
    assert_eq!(store.delete_due_accounts(at(50), 10, Announcer::default()).await.unwrap().len(), 1);
}
