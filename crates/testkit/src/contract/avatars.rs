//! Pictures of accounts.

use vestibule_core::{
    ports::store::{AccountChange, Activity, Avatar},
    values::account::AccountId,
};

use super::{
    StoreFixture,
    administration::deletion,
    at_once,
    samples::{at, register},
};

/// A picture, one for each number; as large as they come.
#[must_use]
pub fn avatar(number: u8) -> Avatar {
    Avatar {
        bytes: (0..=255).cycle().take(600_000).map(|byte: u8| byte.wrapping_add(number)).collect(),
        media_type: "image/png".to_owned(),
        etag: format!("{number:032x}"),
        changed_at: at(i64::from(number)),
    }
}

/// One an account, and of no account that may not be used.
pub async fn a_picture_takes_the_place_of_the_one_before(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, bob) = (register(&*store, "ada").await.id, register(&*store, "bob").await.id);
    assert_eq!(store.find_avatar(ada).await.unwrap(), None);
    assert!(!store.delete_avatar(ada).await.unwrap());
    for number in [1, 2] {
        assert!(store.put_avatar(ada, avatar(number)).await.unwrap());
        assert_eq!(store.find_avatar(ada).await.unwrap(), Some(avatar(number)));
    }
    assert_eq!(store.find_avatar(bob).await.unwrap(), None);
    let nobody = AccountId::new(at(9));
    assert!(!store.put_avatar(nobody, avatar(3)).await.unwrap());
    assert_eq!(store.find_avatar(nobody).await.unwrap(), None);

    for (activity, shown) in [(Activity::Disabled, None), (Activity::Enabled, Some(avatar(2)))] {
        let change = AccountChange { active: Some(activity), ..AccountChange::of(ada, at(3)) };
        store.change_account(change).await.unwrap();
        assert_eq!(store.find_avatar(ada).await.unwrap(), shown);
    }
    assert!(store.delete_avatar(ada).await.unwrap());
    assert_eq!(store.find_avatar(ada).await.unwrap(), None);
}

/// Better-auth GHSA-2vg6-77g8-24mp: not even the picture that was set at the same time.
pub async fn t24_no_picture_outlives_its_account(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    for _ in 0..4 {
        let ada = register(&*store, "ada").await.id;
        at_once(6, |number| {
            let store = store.clone();
            async move {
                if number == 3 {
                    store.delete_account(deletion(ada, at(5))).await.unwrap();
                } else {
                    store.put_avatar(ada, avatar(1)).await.unwrap();
                }
            }
        })
        .await;
        assert!(!store.delete_avatar(ada).await.unwrap());
    }
}
