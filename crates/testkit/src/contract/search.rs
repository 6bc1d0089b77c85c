//! Accounts and audit events found.

use vestibule_core::{
    ports::{
        audit::{AuditBatch, AuditEvent, AuditKind},
        store::{AccountChange, AccountSearch, AuditSearch, Store},
    },
    values::{account::AccountId, username::UsernamePolicy},
};

use super::{
    StoreFixture,
    administration::deletion,
    samples::{at, event, new_account, register},
};

/// A search for the first twenty accounts whose names contain `text`.
#[must_use]
pub fn search(text: &str) -> AccountSearch {
    AccountSearch { username: text.to_owned(), skip: 0, limit: 20, bound: 1000 }
}

async fn found(store: &dyn Store, text: &str) -> Vec<String> {
    let page = store.search_accounts(search(text)).await.unwrap();
    assert_eq!(page.total, page.accounts.len() as u64, "{text:?}");
    let mut names: Vec<_> = page.accounts.into_iter().map(|account| account.username.unwrap()).collect();
    names.sort_unstable();
    names
}

/// A plain text anywhere in the name, in any case; nothing in it is a pattern.
pub async fn accounts_are_found_by_any_part_of_their_name(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    for name in ["Ada_Lovelace", "adada", "bob-7", "aaaaaaaaaaaaaaaaaaaa", "x_y"] {
        register(&*store, name).await;
    }
    let nameless = vestibule_core::values::account::NewAccount { username: None, ..new_account("nameless") };
    store.insert_account(nameless, None).await.unwrap();
    for (text, names) in [
        ("ada", &["Ada_Lovelace", "adada"][..]),
        ("ADA", &["Ada_Lovelace", "adada"]),
        ("lace", &["Ada_Lovelace"]),
        ("ada_lovelace", &["Ada_Lovelace"]),
        ("ada_lovelacex", &[]),
        ("a", &["Ada_Lovelace", "aaaaaaaaaaaaaaaaaaaa", "adada"]),
        ("aaaaaaaaaaaaaaaaaaaa", &["aaaaaaaaaaaaaaaaaaaa"]),
        ("-", &["bob-7"]),
        ("7", &["bob-7"]),
        ("_", &["Ada_Lovelace", "x_y"]),
        ("x_", &["x_y"]),
        ("%", &[]),
        ("a%a", &[]),
        ("a_a", &[]),
        ("a?", &[]),
        ("*", &[]),
        ("[a]", &[]),
        ("\\", &[]),
        ("'", &[]),
        ("\0", &[]),
        (" ada", &[]),
        ("ä", &[]),
        ("\u{10ffff}", &[]),
        ("nameless", &[]),
    ] {
        assert_eq!(found(&*store, text).await, names, "{text:?}");
    }
    assert_eq!(store.search_accounts(search("")).await.unwrap().total, 6, "everybody");
}

/// A page of them, how many there are, and never more than the bound.
pub async fn what_is_found_comes_in_pages_within_a_bound(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    for number in 0..25 {
        // Each has the text twice and is found once.
        register(&*store, &format!("ab{number:02}ab")).await;
    }
    for text in ["ab", ""] {
        let page = |skip| AccountSearch { skip, limit: 10, ..search(text) };
        let mut names = Vec::new();
        for (skip, count) in [(0, 10), (10, 10), (20, 5), (30, 0)] {
            let page = store.search_accounts(page(skip)).await.unwrap();
            assert_eq!((page.total, page.accounts.len()), (25, count), "{text} {skip}");
            names.extend(page.accounts.into_iter().map(|account| account.username.unwrap()));
        }
        names.dedup();
        assert_eq!(names.len(), 25, "{names:?}");
    }
    let bounded = |skip| AccountSearch { bound: 12, skip, limit: 10, ..search("") };
    let first = store.search_accounts(bounded(0)).await.unwrap();
    assert_eq!((first.total, first.accounts.len()), (12, 10));
    assert_eq!(store.search_accounts(bounded(10)).await.unwrap().accounts.len(), 2);
    let few = AccountSearch { bound: 12, ..search("ab") };
    assert!(store.search_accounts(few).await.unwrap().total <= 12);
}

/// What is found is what names are now.
pub async fn a_search_follows_renames_and_deletions(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    let to = |name: &str| {
        let name = UsernamePolicy::default().parse_exempt(name).unwrap();
        AccountChange { username: Some(Some(name)), ..AccountChange::of(ada, at(1)) }
    };
    store.change_account(to("countess")).await.unwrap();
    assert_eq!(found(&*store, "ad").await, Vec::<String>::new());
    assert_eq!(found(&*store, "ountes").await, ["countess"]);
    store.change_account(to("COUNTESS")).await.unwrap();
    assert_eq!(found(&*store, "ountes").await, ["COUNTESS"]);
    store
        .change_account(AccountChange { username: Some(None), ..AccountChange::of(ada, at(1)) })
        .await
        .unwrap();
    assert_eq!(found(&*store, "ountes").await, Vec::<String>::new());
    store.change_account(to("ada")).await.unwrap();
    assert_eq!(found(&*store, "da").await, ["ada"]);
    store.delete_account(deletion(ada, at(2))).await.unwrap();
    assert_eq!(found(&*store, "da").await, Vec::<String>::new());
    // Nothing is left that a new owner of the name would stumble over.
    register(&*store, "ada").await;
    assert_eq!(found(&*store, "da").await, ["ada"]);
}

/// In the order they were made in.
pub async fn accounts_are_listed_page_by_page(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let id = AccountId::new(at(number));
        let new = vestibule_core::values::account::NewAccount { id, ..new_account(&format!("user{number}")) };
        store.insert_account(new, None).await.unwrap();
        ids.push(id);
    }
    for (skip, limit, expected) in
        [(0, 2, &ids[..2]), (2, 2, &ids[2..4]), (4, 2, &ids[4..]), (5, 2, &[]), (0, 100, &ids[..])]
    {
        let listed = store.list_accounts(skip, limit).await.unwrap();
        assert_eq!(listed.iter().map(|account| account.id).collect::<Vec<_>>(), expected);
    }
    assert_eq!(store.list_accounts(u32::MAX, 100).await.unwrap(), []);
}

/// And by all of them together, the newest first.
pub async fn audit_events_are_found_by_account_kind_and_time(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, bob) = (AccountId::new(at(0)), AccountId::new(at(0)));
    let mut events = Vec::new();
    for moment in 0..4 {
        for (account_id, kind) in
            [(Some(ada), AuditKind::Login), (Some(bob), AuditKind::Ban), (Some(ada), AuditKind::Kick)]
        {
            events.push(AuditEvent { kind, ..event(at(moment), account_id) });
        }
    }
    store.record_audit(AuditBatch::new(events)).await.unwrap();
    let all = AuditSearch { limit: 100, ..AuditSearch::default() };
    for (search, moments) in [
        (all.clone(), &[3, 3, 3, 2, 2, 2, 1, 1, 1, 0, 0, 0][..]),
        (AuditSearch { limit: 2, ..all.clone() }, &[3, 3]),
        (AuditSearch { account_id: Some(bob), ..all.clone() }, &[3, 2, 1, 0]),
        (AuditSearch { kind: Some("kick".into()), limit: 3, ..all.clone() }, &[3, 2, 1]),
        (AuditSearch { account_id: Some(ada), kind: Some("kick".into()), ..all.clone() }, &[3, 2, 1, 0]),
        (AuditSearch { account_id: Some(bob), kind: Some("kick".into()), ..all.clone() }, &[]),
        (
            AuditSearch { account_id: Some(bob), since: Some(at(1)), until: Some(at(3)), ..all.clone() },
            &[2, 1],
        ),
        (AuditSearch { kind: Some("ban".into()), since: Some(at(2)), ..all.clone() }, &[3, 2]),
        (AuditSearch { until: Some(at(1)), ..all.clone() }, &[0, 0, 0]),
        (AuditSearch { kind: Some("nothing".into()), ..all }, &[]),
    ] {
        let found = store.search_audit(search.clone()).await.unwrap();
        let expected: Vec<_> = moments.iter().map(|moment| at(*moment)).collect();
        assert_eq!(found.iter().map(|record| record.at).collect::<Vec<_>>(), expected, "{search:?}");
    }
}
