//! T58 with real faults: a full disk, a COMMIT that fails, a panic, a writer that is gone.

use std::sync::{Arc, mpsc};

use tempfile::TempDir;
use vestibule_core::ports::{
    audit::AuditBatch,
    store::{Insertion, Progress, StoreError, prelude::*},
};
use vestibule_testkit::contract::{
    outages::{WRITES, call_every_method},
    samples::{at, event, new_account, register},
};

use super::{SqliteOptions, SqliteStore, group, writer::Operation};

fn open() -> (TempDir, Arc<SqliteStore>) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(SqliteOptions::serve(folder.path().join("vestibule.db"))).unwrap();
    (folder, store)
}

fn is_outage<R>(outcome: &Result<R, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Unavailable(_)))
}

/// Runs something on the writer's own connection.
async fn on_writer(store: &SqliteStore, sql: &'static str) -> Result<(), StoreError> {
    store
        .engine
        .writer
        .run(async move |tx: &mut super::SqliteTx<'_>| {
            tx.connection().execute_batch(sql).map_err(super::failure::store_error)
        })
        .await
}

#[tokio::test]
async fn t58_a_full_disk_is_an_outage_and_nothing_is_half_done() {
    let (_folder, store) = open();
    register(&*store, "ada").await;
    on_writer(&store, "PRAGMA max_page_count = 1").await.unwrap();
    let mut outages = 0;
    for number in 0..200 {
        let events = (0..20).map(|millis| event(at(millis), None)).collect();
        outages += usize::from(is_outage(&store.record_audit(AuditBatch::new(events)).await));
        let new = new_account(&format!("name{number}"));
        let id = new.id;
        let inserted = store.insert_account(new, None).await;
        // What was answered is there, what was not is not.
        let found = store.find_account(id).await.unwrap();
        match inserted {
            Ok(Insertion::Inserted { account, .. }) => assert_eq!(found, Some(account)),
            Ok(taken @ Insertion::Taken { .. }) => panic!("{taken:?}"),
            Err(StoreError::Unavailable(_)) => assert_eq!(found, None),
            Err(broken) => panic!("{broken}"),
        }
    }
    assert!(outages > 0);
    let events = store.list_audit(None, 10_000).await.unwrap().len();
    assert_eq!(events % 20, 0, "a batch is recorded whole or not at all");

    on_writer(&store, "PRAGMA max_page_count = 1073741823").await.unwrap();
    register(&*store, "bob").await;
}

#[tokio::test]
async fn t58_a_failed_commit_is_an_outage_for_the_whole_group() {
    let (_folder, store) = open();
    let refuse_commits = async |tx: &mut super::SqliteTx<'_>| {
        tx.connection().commit_hook(Some(|| true)).map_err(super::failure::store_error)
    };
    // A commit hook that says yes turns the COMMIT into a ROLLBACK, its own group's first of all.
    assert!(is_outage(&store.engine.writer.run(refuse_commits).await));
    for (method, outcome) in call_every_method(&*store).await {
        let needs_a_commit = WRITES.contains(&method) || method == "ping";
        assert_eq!(is_outage(&outcome), needs_a_commit, "{method}: {outcome:?}");
    }
    let new = new_account("ada");
    let id = new.id;
    assert!(store.insert_account(new, None).await.is_err());
    assert_eq!(store.find_account(id).await.unwrap(), None);

    let allow_commits = async |tx: &mut super::SqliteTx<'_>| {
        tx.connection().commit_hook(None::<fn() -> bool>).map_err(super::failure::store_error)
    };
    store.engine.writer.run(allow_commits).await.unwrap();
    store.ping().await.unwrap();
}

#[tokio::test]
async fn a_panic_costs_only_its_own_operation() {
    let (_folder, store) = open();
    let panicking = store.engine.writer.run(async |tx: &mut super::SqliteTx<'_>| -> Result<(), StoreError> {
        tx.connection()
            .execute_batch("DELETE FROM migration_lease; INSERT INTO global_cutoff VALUES (1, 7)")
            .unwrap();
        panic!("as a bug would");
    });
    let (new, id) = (new_account("ada"), new_account("ada").id);
    let (panicked, inserted) = tokio::join!(panicking, store.insert_account(new, None));
    assert!(matches!(panicked, Err(StoreError::Broken(_))));
    assert!(matches!(inserted, Ok(Insertion::Inserted { .. })));
    assert_eq!(store.find_account(id).await.unwrap(), None, "another id, only to see that reads go on");
    let everyone = store.list_revocations(&Progress::default(), at(0)).await.unwrap().everyone;
    assert_eq!(everyone.as_millis(), 0, "what it had done is undone");
    store.ping().await.unwrap();
}

#[tokio::test]
async fn a_panic_in_a_reader_does_not_close_it() {
    let (_folder, store) = open();
    let account = register(&*store, "ada").await;
    let panicked = store
        .engine
        .readers
        .read_blocking(async |_: &mut super::SqliteTx<'_>| -> Result<(), StoreError> {
            panic!("as a bug would")
        })
        .await;
    assert!(matches!(panicked, Err(StoreError::Broken(_))));
    store.list_audit(None, 1).await.unwrap();
    assert_eq!(store.find_account(account.id).await.unwrap(), Some(account));
}

#[tokio::test]
async fn t58_a_dead_writer_is_an_outage_and_readiness_says_so() {
    let (_folder, store) = open();
    let account = register(&*store, "ada").await;
    store.engine.writer.close().await;
    for (method, outcome) in call_every_method(&*store).await {
        let needs_the_writer = WRITES.contains(&method) || ["ping", "is_changed_elsewhere"].contains(&method);
        assert_eq!(is_outage(&outcome), needs_the_writer, "{method}: {outcome:?}");
    }
    assert_eq!(store.find_account(account.id).await.unwrap(), Some(account));
}

/// Leaves the transaction as an engine does that gave it up.
struct GivenUp(mpsc::Sender<Option<String>>);
/// Goes well.
struct Good(mpsc::Sender<Option<String>>);

impl Operation for GivenUp {
    fn run(&mut self, connection: &mut rusqlite::Connection) -> bool {
        connection.execute_batch("ROLLBACK").is_ok()
    }

    fn answer(self: Box<Self>, outage: Option<&str>) {
        self.0.send(outage.map(str::to_owned)).unwrap();
    }
}

impl Operation for Good {
    fn run(&mut self, connection: &mut rusqlite::Connection) -> bool {
        connection.execute_batch("INSERT INTO good VALUES (1)").is_ok()
    }

    fn answer(self: Box<Self>, outage: Option<&str>) {
        self.0.send(outage.map(str::to_owned)).unwrap();
    }
}

#[test]
fn t58_a_transaction_that_sqlite_gave_up_is_an_outage_for_its_whole_group() {
    let mut connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE TABLE good (id BIGINT)").unwrap();
    let (answers, answered) = mpsc::channel();
    let good = || Box::new(Good(answers.clone()));
    let mut operations: Vec<Box<dyn Operation>> = vec![good(), Box::new(GivenUp(answers.clone())), good()];
    group::run(&mut connection, &mut operations);
    let outages: Vec<_> = answered.try_iter().collect();
    assert_eq!(outages.len(), 3);
    assert!(outages.iter().all(Option::is_some), "{outages:?}");
    assert!(connection.is_autocommit());
    let kept: i64 = connection.query_row("SELECT COUNT(*) FROM good", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 0);

    operations.push(good());
    group::run(&mut connection, &mut operations);
    assert_eq!(answered.try_iter().collect::<Vec<_>>(), [None]);
}
