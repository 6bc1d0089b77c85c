//! What nodes tell each other, to be quicker than their polls.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::time::timeout;
use vestibule_core::ports::store::{Store, prelude::*};
use vestibule_testkit::{contract::samples::at, servers::PostgresServer};

/// How long anything may take before a test gives up; no test waits for it to pass.
const DEADLINE: Duration = Duration::from_secs(30);

/// Changes things on one handle until the other hears of it: what is told while nobody listens is lost.
pub(crate) async fn is_heard(teller: &dyn Store, hearer: &dyn Store) {
    let mut heard = pin!(hearer.hear_of_changes());
    let telling = async {
        loop {
            teller.cut_off_everyone(at(1)).await.unwrap();
            if timeout(Duration::from_millis(50), &mut heard).await.is_ok() {
                return;
            }
        }
    };
    timeout(DEADLINE, telling).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_heard_of_on_both_sides_and_again_on_another_connection() {
    let database = PostgresServer::shared().fresh_database();
    let (one, other) = (super::open(&database.url()).await, super::open(&database.url()).await);
    let listening = Arc::clone(&one);
    // Who never listens tells nothing.
    let listening = tokio::spawn(async move { listening.hear_of_changes().await });
    is_heard(&*one, &*other).await;
    is_heard(&*other, &*one).await;
    timeout(DEADLINE, listening).await.unwrap().unwrap();
    database.psql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND query LIKE '%vestibule_change'",
    );
    // The first may be left from before.
    for _ in 0..2 {
        is_heard(&*one, &*other).await;
    }
    for store in [one, other] {
        store.close().await;
    }
}

/// Where there is no connection to spare, or a pooler in between, nothing is heard; the stamps tell all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_listen_asks() {
    let database = PostgresServer::shared().fresh_database();
    let mut options = vestibule_sql::PostgresOptions::parse(&database.url()).unwrap();
    options.prepared = false;
    let deaf = vestibule_sql::PostgresStore::open(options).await.unwrap();
    let other = super::open(&database.url()).await;
    deaf.is_changed_elsewhere().await.unwrap();
    other.cut_off_everyone(at(1)).await.unwrap();
    assert!(timeout(Duration::ZERO, deaf.hear_of_changes()).await.is_err());
    assert!(deaf.is_changed_elsewhere().await.unwrap());
    let listeners = "SELECT count(*) FROM pg_stat_activity \
                     WHERE datname = current_database() AND query LIKE '%vestibule_change'";
    assert_eq!(database.psql(listeners), "0");
}
