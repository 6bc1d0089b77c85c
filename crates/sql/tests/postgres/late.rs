//! What is committed late, and what must be heard of while every connection is in use.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{Client, NoTls};
use vestibule_core::ports::store::{Progress, StoreError, prelude::*};
use vestibule_sql::{PostgresOptions, PostgresStore};
use vestibule_testkit::{
    contract::samples::{all_revoked, at, log_in, new_session, opening, register, revoked_since},
    servers::{Database, PostgresServer},
};

/// How long anything may take before a test gives up; no test waits for it to pass.
const DEADLINE: Duration = Duration::from_secs(30);

/// A connection past the store.
async fn connect(database: &Database<'_>) -> Client {
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Waits until so many statements wait for a lock.
async fn wait_for_waiting(client: &Client, count: i64) {
    let sql = "SELECT count(*) FROM pg_stat_activity \
               WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let waiting = async {
        while client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, waiting).await.unwrap();
}

/// A logout gave its session a number, and before it could raise its stamp another transaction did, was committed, and
/// was read: a look that goes on from there still finds the logout.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_was_overtaken_is_not_missed() {
    let database = PostgresServer::shared().fresh_database();
    let store = super::open(&database.url()).await;
    let ada = register(&*store, "ada").await.id;
    let id = log_in(&*store, ada, at(1)).await;
    let (overtaking, watching) = (connect(&database).await, connect(&database).await);
    let before = all_revoked(&*store, at(2)).await.progress;

    overtaking.batch_execute("BEGIN; UPDATE change_stamp SET version = version + 1").await.unwrap();
    let late = Arc::clone(&store);
    let late = tokio::spawn(async move { late.revoke_session(id, None, at(2)).await });
    wait_for_waiting(&watching, 1).await;
    overtaking.batch_execute("COMMIT").await.unwrap();
    assert!(timeout(DEADLINE, late).await.unwrap().unwrap().unwrap().is_some());

    // What somebody has read who looked between the two.
    let between = before.as_slice().iter().map(|(number, id)| (number + 1, *id)).collect();
    let found = revoked_since(&*store, &Progress::new(between), at(2)).await;
    assert_eq!(found.sessions.iter().map(|revoked| revoked.id).collect::<Vec<_>>(), [id]);
    store.close().await;
}

/// Every connection of the pool waits for a lock; what others revoked is noticed and read all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_node_hears_of_revocations_like_an_idle_one() {
    let database = PostgresServer::shared().fresh_database();
    let mut options = PostgresOptions::parse(&database.url()).unwrap();
    options.connections = NonZeroUsize::new(6).unwrap();
    options.acquire_timeout = DEADLINE;
    let busy = PostgresStore::open(options).await.unwrap();
    let other = super::open(&database.url()).await;
    let ada = register(&*busy, "ada").await.id;
    let id = log_in(&*busy, ada, at(1)).await;
    // Both connections that look-ups share are made by the first that need them.
    for _ in 0..2 {
        busy.is_changed_elsewhere().await.unwrap();
    }
    let progress = all_revoked(&*busy, at(2)).await.progress;

    let (locking, watching) = (connect(&database).await, connect(&database).await);
    locking.batch_execute("BEGIN; UPDATE account SET active = active").await.unwrap();
    let waiting: Vec<JoinHandle<Result<_, StoreError>>> = (0..6)
        .map(|number| {
            let busy = Arc::clone(&busy);
            tokio::spawn(async move { busy.open_session(opening(new_session(ada, at(3 + number)))).await })
        })
        .collect();
    wait_for_waiting(&watching, 3).await;

    other.revoke_session(id, None, at(4)).await.unwrap().unwrap();
    let catching_up = async {
        assert!(busy.is_changed_elsewhere().await.unwrap());
        assert!(!busy.is_changed_elsewhere().await.unwrap());
        let found = revoked_since(&*busy, &progress, at(4)).await;
        assert_eq!(found.sessions.len(), 1);
        busy.list_signing_keys().await.unwrap();
    };
    timeout(DEADLINE / 3, catching_up).await.unwrap();
    locking.batch_execute("COMMIT").await.unwrap();
    for login in waiting {
        timeout(DEADLINE, login).await.unwrap().unwrap().unwrap();
    }
    for store in [busy, other] {
        store.close().await;
    }
}
