//! Accounts: made once, found by key.

use vestibule_core::{
    ports::store::Insertion,
    values::{
        account::{Account, AccountId, NewAccount},
        email::Email,
        scope::Scopes,
        session::NewSession,
        username::{LoginName, UsernamePolicy},
    },
};

use super::{
    StoreFixture, at_once,
    samples::{at, hash, new_account, new_session, register, rotated, rotation},
};

/// What is written is what is read.
pub async fn an_account_comes_back_as_it_was_made(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let new = NewAccount {
        email: Email::parse("Ada@Bücher.example").unwrap(),
        confirmed: true,
        permissions: Scopes::read("admin users:read"),
        ..new_account("Ada_L")
    };
    let Insertion::Inserted { account, .. } = store.insert_account(new.clone(), None).await.unwrap() else {
        panic!("nothing is taken yet");
    };
    let expected = Account {
        id: new.id,
        email: "Ada@Bücher.example".to_owned(),
        username: Some("Ada_L".to_owned()),
        full_name: Some("Ada Lovelace".to_owned()),
        active: true,
        confirmed: true,
        permissions: Scopes::read("admin users:read"),
        created_at: at(0),
        last_login_at: None,
        stored_profile: None,
    };
    assert_eq!(account, expected);
    assert_eq!(store.find_account(new.id).await.unwrap(), Some(expected));
    assert_eq!(store.find_account(AccountId::new(at(0))).await.unwrap(), None);
}

/// No user name, no full name, no password; and two accounts may both lack a user name.
pub async fn what_is_optional_may_be_missing(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    for name in ["ada", "bob"] {
        let new = NewAccount { username: None, full_name: None, password_hash: None, ..new_account(name) };
        let inserted = store.insert_account(new.clone(), None).await.unwrap();
        assert!(matches!(inserted, Insertion::Inserted { .. }), "{inserted:?}");
        let account = store.find_account(new.id).await.unwrap().unwrap();
        assert_eq!((account.username, account.full_name), (None, None));
        let name = LoginName::Email(format!("{name}@example.com"));
        let credentials = store.find_credentials(&name).await.unwrap().unwrap();
        // T53: nothing a hasher could be asked to compare with.
        assert_eq!(credentials.password_hash, None);
    }
}

/// Which name is taken is said for both, without regard to case, and nothing is written.
pub async fn taken_names_are_told_apart(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    register(&*store, "Ada").await;
    let policy = UsernamePolicy::default();
    for (email, username, expected) in [
        ("ADA@example.com", "bob", Insertion::Taken { email: true, username: false }),
        ("bob@example.com", "aDa", Insertion::Taken { email: false, username: true }),
        ("ada@Example.com", "ADA", Insertion::Taken { email: true, username: true }),
    ] {
        let new = NewAccount {
            email: Email::parse(email).unwrap(),
            username: Some(policy.parse_exempt(username).unwrap()),
            ..new_account("other")
        };
        let id = new.id;
        assert_eq!(store.insert_account(new, None).await.unwrap(), expected);
        assert_eq!(store.find_account(id).await.unwrap(), None);
    }
    let bob = LoginName::Username("bob".to_owned());
    assert!(store.find_credentials(&bob).await.unwrap().is_none());
}

/// Sixty-four people register one name at the same time: one has it, the others are told.
pub async fn parallel_registrations_of_one_name_make_one_account(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let answers = at_once(64, |_| {
        let store = store.clone();
        async move { store.insert_account(new_account("ada"), None).await.unwrap() }
    })
    .await;
    let made = answers.iter().filter(|answer| matches!(answer, Insertion::Inserted { .. })).count();
    let taken = Insertion::Taken { email: true, username: true };
    assert_eq!((made, answers.iter().filter(|&answer| *answer == taken).count()), (1, 63));
}

/// The session of a registration exists with its account, and neither without the other.
pub async fn a_first_session_comes_with_its_account_or_not_at_all(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let new = new_account("ada");
    let session = new_session(new.id, at(1));
    let id = session.id;
    let inserted = store.insert_account(new.clone(), Some(session)).await.unwrap();
    assert!(matches!(inserted, Insertion::Inserted { ended: None, .. }));
    let sessions = store.list_sessions(new.id, at(2)).await.unwrap();
    assert_eq!(sessions.iter().map(|session| session.id).collect::<Vec<_>>(), [id]);
    assert_eq!(rotated(&*store, rotation(id, 0, at(2))).await.generation, 1);

    // What the first session replaces ends with the account's beginning, and lives on without it.
    let again = new_account("ada");
    let session = NewSession { replaces: Some(id), ..new_session(again.id, at(1)) };
    let taken = store.insert_account(again.clone(), Some(session)).await.unwrap();
    assert!(matches!(taken, Insertion::Taken { .. }));
    assert_eq!(store.list_sessions(again.id, at(2)).await.unwrap(), []);
    assert_eq!(store.list_sessions(new.id, at(2)).await.unwrap().len(), 1);
    let other = new_account("bob");
    let session = NewSession { replaces: Some(id), ..new_session(other.id, at(1)) };
    let inserted = store.insert_account(other, Some(session)).await.unwrap();
    assert!(matches!(inserted, Insertion::Inserted { ended: Some(ended), .. } if ended.id == id));
    assert_eq!(store.list_sessions(new.id, at(2)).await.unwrap(), []);
}

/// By address and by user name, in canonical form; what belongs to nobody finds nothing.
pub async fn credentials_are_found_by_either_name(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let account = register(&*store, "Ada").await;
    for name in ["ada", "ADA", "ada@example.com", "ADA@EXAMPLE.COM"] {
        let found = store.find_credentials(&LoginName::read(name)).await.unwrap().unwrap();
        assert_eq!((found.account, found.password_hash), (account.clone(), Some(hash(0))), "{name}");
        assert!(found.cutoff_at < at(0));
    }
    for nobody in ["bob", "bob@example.com", "a\0b", "", "ad", "ada' OR '1'='1", "%"] {
        assert!(store.find_credentials(&LoginName::read(nobody)).await.unwrap().is_none(), "{nobody:?}");
    }

    // The later of the two cut-offs counts.
    let cutoff = async || {
        let name = LoginName::Username("ada".to_owned());
        store.find_credentials(&name).await.unwrap().unwrap().cutoff_at
    };
    store.cut_off_account(account.id, at(5)).await.unwrap();
    assert_eq!(cutoff().await, at(5));
    store.cut_off_everyone(at(3)).await.unwrap();
    assert_eq!(cutoff().await, at(5));
    store.cut_off_everyone(at(7)).await.unwrap();
    assert_eq!(cutoff().await, at(7));
}

/// Of many that replace the same hash one does.
pub async fn a_password_hash_is_replaced_by_one_of_many(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let id = register(&*store, "ada").await.id;
    let answers = at_once(16, |number| {
        let store = store.clone();
        async move { store.update_password_hash(id, hash(0), hash(number + 1)).await.unwrap() }
    })
    .await;
    let winner = answers.iter().position(|&is_replaced| is_replaced).unwrap();
    assert_eq!(answers.iter().filter(|&&is_replaced| is_replaced).count(), 1);
    let found = store.find_credentials(&LoginName::Username("ada".to_owned())).await.unwrap().unwrap();
    assert_eq!(found.password_hash, Some(hash(winner + 1)));
    assert!(!store.update_password_hash(AccountId::new(at(0)), hash(0), hash(1)).await.unwrap());
}

/// Permissions given at the same time are all there; giving one twice changes nothing.
pub async fn permissions_add_up(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let id = register(&*store, "ada").await.id;
    at_once(16, |number| {
        let store = store.clone();
        async move { store.insert_permission(id, &format!("p{}", number / 2)).await.unwrap().unwrap() }
    })
    .await;
    let account = store.insert_permission(id, "p0").await.unwrap().unwrap();
    assert_eq!(account.permissions, Scopes::read("p0 p1 p2 p3 p4 p5 p6 p7"));
    assert_eq!(store.find_account(id).await.unwrap(), Some(account));
    assert_eq!(store.insert_permission(AccountId::new(at(0)), "admin").await.unwrap(), None);
}
