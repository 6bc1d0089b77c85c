//! A server that makes fewer connections than the pool may have.

use std::sync::Arc;

use vestibule_sql::{PostgresOptions, PostgresStore, postgres::OpenError};
use vestibule_testkit::{
    contract::samples::{at, log_in, register, rotated, rotation},
    servers::PostgresServer,
};

/// Those that there are come back; nobody is turned away for want of another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_there_are_serve_where_there_are_no_more() {
    let server = PostgresServer::start();
    let database = server.fresh_database();
    let store = super::open(&database.url()).await;
    database.psql("ALTER ROLE vestibule CONNECTION LIMIT 6");
    let tasks: Vec<_> = (0..24)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let account = register(&*store, &format!("ada{number}")).await.id;
                let session = log_in(&*store, account, at(1)).await;
                for generation in 0..10 {
                    rotated(&*store, rotation(session, generation, at(2))).await;
                    assert!(store.find_account(account).await.unwrap().is_some());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_is_full_is_named_as_such() {
    let server = PostgresServer::start();
    let database = server.fresh_database();
    database.psql("ALTER ROLE vestibule CONNECTION LIMIT 0");
    let error = PostgresStore::open(PostgresOptions::parse(&database.url()).unwrap()).await.unwrap_err();
    assert!(matches!(error, OpenError::Full { .. }), "{error}");
    let sentence = error.to_string();
    assert!(sentence.contains("max_connections") && sentence.contains("postgres.connections"), "{sentence}");
}
