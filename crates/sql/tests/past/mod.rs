//! What only SQL past the store can do to a database: what older versions left, other tools wrote or a backup brought.

use async_trait::async_trait;
use vestibule_core::{
    ports::store::{Progress, Rotation, Store, StoreError},
    values::session::SessionId,
};
use vestibule_testkit::contract::{
    StoreFixture,
    samples::{all_revoked, at, log_in, register, revoked_since, rotated, rotation},
    search::search,
};

/// A database that can be reached past the store.
#[async_trait]
pub(crate) trait Reachable: StoreFixture {
    /// Runs SQL.
    async fn execute(&self, sql: &str);
}

/// Makes a test of every case.
macro_rules! past_the_store {
    ($fixture:ty; $($case:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let fixture = <$fixture as vestibule_testkit::contract::StoreFixture>::fresh().await;
                crate::past::$case(&fixture).await;
            }
        )+
    };
    ($fixture:ty) => {
        $crate::past::past_the_store! { $fixture;
            older_accounts_become_searchable
            numbers_that_went_back_are_read_from_their_beginning
            stamps_that_are_missing_are_told_with_what_to_do
            a_refresh_looks_at_the_account_too
        }
    };
}
pub(crate) use past_the_store;

async fn found(store: &dyn Store, text: &str) -> Vec<String> {
    let page = store.search_accounts(search(text)).await.unwrap();
    let mut names: Vec<_> = page.accounts.into_iter().filter_map(|account| account.username).collect();
    names.sort_unstable();
    names
}

/// Those made before there was a search, or by a node that knows of none, a batch at a time.
pub(crate) async fn older_accounts_become_searchable(fixture: &impl Reachable) {
    let store = fixture.open().await;
    for name in ["ada", "adam", "bob"] {
        register(&*store, name).await;
    }
    fixture.execute("DELETE FROM username_part").await;
    fixture.execute("UPDATE account SET is_searchable = 0").await;
    assert_eq!(found(&*store, "ada").await, Vec::<String>::new());
    assert_eq!(store.delete_expired(at(0), at(0), 2).await.unwrap(), 2);
    assert_eq!(store.delete_expired(at(0), at(0), 2).await.unwrap(), 1);
    assert_eq!(store.delete_expired(at(0), at(0), 2).await.unwrap(), 0);
    assert_eq!(found(&*store, "ada").await, ["ada", "adam"]);
}

/// One stamp of all that went back by one is enough.
pub(crate) async fn numbers_that_went_back_are_read_from_their_beginning(fixture: &impl Reachable) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    for id in [log_in(&*store, ada, at(1)).await, log_in(&*store, ada, at(2)).await] {
        store.revoke_session(id, None, at(3)).await.unwrap().unwrap();
    }
    let read_on = async |progress: &Progress| {
        let read = revoked_since(&*store, progress, at(3)).await;
        (read.sessions.len(), read.progress)
    };
    // Beyond every number that was given away, so that going back by one loses none.
    fixture.execute("UPDATE change_stamp SET version = version + 1 WHERE shard = 7").await;
    let progress = all_revoked(&*store, at(3)).await.progress;
    assert_eq!(read_on(&progress).await.0, 0);
    fixture.execute("UPDATE change_stamp SET version = version - 1 WHERE shard = 7").await;
    let (count, progress) = read_on(&progress).await;
    assert_eq!(count, 2);
    assert_eq!(read_on(&progress).await.0, 0);
}

/// Nothing of ours deletes a stamp: there is nothing to do but to go back to before it was deleted.
pub(crate) async fn stamps_that_are_missing_are_told_with_what_to_do(fixture: &impl Reachable) {
    let store = fixture.open().await;
    fixture.execute("DELETE FROM change_stamp").await;
    let error = store.list_revocations(&Progress::default(), at(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Broken(_)), "{error}");
    assert!(error.to_string().contains("restore a backup"), "{error}");
}

/// Whoever disables or deletes an account by hand ends no session of it; a refresh is refused all the same, and neither
/// proves a theft nor ends the session.
pub(crate) async fn a_refresh_looks_at_the_account_too(fixture: &impl Reachable) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    let id: SessionId = log_in(&*store, ada, at(0)).await;
    rotated(&*store, rotation(id, 0, at(1))).await;
    rotated(&*store, rotation(id, 1, at(2))).await;
    let refused = async |generation| {
        let outcome = store.rotate_session(rotation(id, generation, at(3))).await.unwrap();
        assert_eq!(outcome, Rotation::Refused);
    };
    fixture.execute("UPDATE account SET active = 0").await;
    for generation in [0, 1, 2] {
        refused(generation).await;
    }
    assert_eq!(all_revoked(&*store, at(3)).await.sessions, []);
    fixture.execute("UPDATE account SET active = 1").await;
    assert_eq!(rotated(&*store, rotation(id, 2, at(4))).await.generation, 3);
    fixture.execute("DELETE FROM account").await;
    refused(3).await;
}
