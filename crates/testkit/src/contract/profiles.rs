//! What applications keep with accounts.

use vestibule_core::{
    ports::store::{AccountChange, AccountChanged, Activity, Insertion, PermissionChange, Store},
    values::{
        account::{Account, AccountId, NewAccount},
        email::Email,
        profile::{MAX_PROFILE, ProfileText},
        scope::Scopes,
        username::{LoginName, UsernamePolicy},
    },
};

use super::{
    StoreFixture,
    administration::deletion,
    at_once,
    samples::{at, log_in, new_account, register, rotated, rotation},
};

/// A profile, one for each number; as long as they come, with what a database could take amiss.
fn profile(number: usize) -> ProfileText {
    let frame = format!(r#"{{"number":{number},"quote":"'\u0000\\\" $1 ?2 ","text":""}}"#).len();
    let text = "é".repeat((MAX_PROFILE - frame) / 2);
    ProfileText::stored(format!(r#"{{"number":{number},"quote":"'\u0000\\\" $1 ?2 ","text":"{text}"}}"#))
}

fn change(id: AccountId, number: usize) -> AccountChange {
    AccountChange { profile: Some(profile(number)), ..AccountChange::of(id, at(1)) }
}

async fn insert(store: &dyn Store, name: &str, profile: Option<ProfileText>) -> Account {
    let new = NewAccount { profile, ..new_account(name) };
    match store.insert_account(new, None).await.unwrap() {
        Insertion::Inserted { account, .. } => account,
        taken @ Insertion::Taken { .. } => panic!("{taken:?}"),
    }
}

async fn stored(store: &dyn Store, id: AccountId) -> Option<ProfileText> {
    store.find_account(id).await.unwrap().unwrap().stored_profile
}

/// To the letter, wherever the account comes back.
pub async fn a_profile_comes_back_as_it_was_written(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = insert(&*store, "ada", Some(profile(1))).await;
    assert_eq!(ada.stored_profile, Some(profile(1)));
    assert_eq!(stored(&*store, ada.id).await, Some(profile(1)));
    let found = store.find_credentials(&LoginName::Username("ada".into())).await.unwrap().unwrap();
    assert_eq!(found.account.stored_profile, Some(profile(1)));
    let session = log_in(&*store, ada.id, at(1)).await;
    let account = rotated(&*store, rotation(session, 0, at(2))).await.account;
    assert_eq!(account.stored_profile, Some(profile(1)));
    assert_eq!(store.list_accounts(0, 9).await.unwrap()[0].stored_profile, Some(profile(1)));

    let changed = store.change_account(change(ada.id, 2)).await.unwrap();
    let AccountChanged::Changed { before, after, cutoff: None } = changed else { panic!("{changed:?}") };
    assert_eq!((before.stored_profile, &after.stored_profile), (Some(profile(1)), &Some(profile(2))));
    assert_eq!(store.find_account(ada.id).await.unwrap(), Some(after));

    let bob = register(&*store, "bob").await;
    assert_eq!(bob.stored_profile, None);
    let changed = store.change_account(change(bob.id, 3)).await.unwrap();
    assert!(matches!(changed, AccountChanged::Changed { .. }), "{changed:?}");
    assert_eq!(stored(&*store, bob.id).await, Some(profile(3)));
    assert_eq!(stored(&*store, ada.id).await, Some(profile(2)), "it is another one's");
    let nobody = store.change_account(change(AccountId::new(at(0)), 4)).await.unwrap();
    assert_eq!(nobody, AccountChanged::Unknown);
}

/// Also of an application that keeps none and so never names it.
pub async fn a_profile_outlives_every_other_change(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = insert(&*store, "ada", Some(profile(1))).await.id;
    let of = || AccountChange::of(ada, at(1));
    let name = UsernamePolicy::default().parse_exempt("countess").unwrap();
    for change in [
        of(),
        AccountChange { email: Some(Email::parse("countess@example.com").unwrap()), ..of() },
        AccountChange { username: Some(Some(name)), ..of() },
        AccountChange { full_name: Some(None), ..of() },
        AccountChange { confirmed: Some(true), ..of() },
        AccountChange { permissions: Some(PermissionChange::Set(Scopes::read("read"))), ..of() },
        AccountChange { active: Some(Activity::Disabled), ..of() },
        AccountChange { active: Some(Activity::Enabled), ..of() },
    ] {
        let changed = store.change_account(change).await.unwrap();
        let AccountChanged::Changed { after, .. } = changed else { panic!("{changed:?}") };
        assert_eq!(after.stored_profile, Some(profile(1)));
    }
    let _ = store.insert_permission(ada, "write").await.unwrap();
    let _ = store.unlock_account(ada).await.unwrap();
    assert_eq!(stored(&*store, ada).await, Some(profile(1)));
}

/// The last one's, and never a part of one and a part of another; what else is changed at that moment is not lost.
pub async fn of_many_profiles_at_once_one_is_kept_whole(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = insert(&*store, "ada", None).await.id;
    at_once(16, |number| {
        let store = store.clone();
        async move {
            let change = if number == 5 {
                AccountChange { confirmed: Some(true), ..AccountChange::of(ada, at(1)) }
            } else {
                change(ada, number)
            };
            let changed = store.change_account(change).await.unwrap();
            assert!(matches!(changed, AccountChanged::Changed { .. }), "{changed:?}");
        }
    })
    .await;
    let account = store.find_account(ada).await.unwrap().unwrap();
    assert!(account.confirmed, "two changes of different things do not lose each other");
    let kept = account.stored_profile.unwrap();
    assert!((0..16).any(|number| number != 5 && kept == profile(number)), "{kept:?}");
}

/// Not even into an account of the same name.
pub async fn t24_no_profile_outlives_its_account(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = insert(&*store, "ada", Some(profile(1))).await.id;
    store.delete_account(deletion(ada, at(5))).await.unwrap();
    let changed = store.change_account(change(ada, 2)).await.unwrap();
    assert_eq!(changed, AccountChanged::Unknown);
    assert_eq!(register(&*store, "ada").await.stored_profile, None);
}
