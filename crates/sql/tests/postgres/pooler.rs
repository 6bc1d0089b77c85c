//! Behind a pooler that gives each transaction another connection, where no statement can stay prepared.

use std::{num::NonZeroUsize, sync::Arc};

use vestibule_core::ports::store::{Rotation, prelude::*};
use vestibule_sql::{PostgresOptions, PostgresStore, postgres::OpenError};
use vestibule_testkit::{
    contract::{
        outages::call_every_method,
        samples::{all_revoked, at, log_in, register, rotated, rotation},
    },
    servers::{Database, PgBouncer, PostgresServer},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_handles_share_what_a_pooler_has() {
    let server = PostgresServer::start();
    let database = server.fresh_database();
    let pooler = PgBouncer::start(&server);
    let mut options = PostgresOptions::parse(&database.url_at(pooler.address())).unwrap();
    options.prepared = false;
    let mut handles = Vec::new();
    for _ in 0..3 {
        handles.push(PostgresStore::open(options.clone()).await.unwrap());
    }
    let tasks: Vec<_> = (0..64)
        .map(|number| {
            let store = Arc::clone(&handles[number % 3]);
            tokio::spawn(async move {
                let account = register(&*store, &format!("ada{number}")).await.id;
                let session = log_in(&*store, account, at(1)).await;
                rotated(&*store, rotation(session, 0, at(2))).await;
                assert!(store.find_account(account).await.unwrap().is_some());
                store.revoke_session(session, Some(account), at(3)).await.unwrap().unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for store in &handles {
        assert!(store.is_changed_elsewhere().await.unwrap());
        assert_eq!(all_revoked(&**store, at(3)).await.sessions.len(), 64);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_stays_prepared_where_it_must_not() {
    let database = PostgresServer::shared().fresh_database();
    let mut options = PostgresOptions::parse(&database.url()).unwrap();
    options.prepared = false;
    // One connection: what it keeps is what there is.
    options.connections = NonZeroUsize::MIN;
    let store = PostgresStore::open(options).await.unwrap();
    for (method, outcome) in call_every_method(&*store).await {
        assert!(outcome.is_ok(), "{method}: {outcome:?}");
    }
    let account = register(&*store, "ada").await;
    let session = log_in(&*store, account.id, at(1)).await;
    rotated(&*store, rotation(session, 0, at(2))).await;
    rotated(&*store, rotation(session, 1, at(3))).await;
    let reuse = store.rotate_session(rotation(session, 0, at(4))).await.unwrap();
    assert!(matches!(reuse, Rotation::ReuseDetected(_)), "{reuse:?}");
    store.close().await;
}

async fn refusal(pooler: &PgBouncer, database: &Database<'_>, name: &str, is_prepared: bool) -> OpenError {
    let url = database
        .url_at(pooler.address())
        .replace(database.name(), name)
        .replace("vestibule@", "vestibule:secret@");
    let mut options = PostgresOptions::parse(&url).unwrap();
    options.prepared = is_prepared;
    let error = PostgresStore::open(options).await.unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
    error
}

/// Whether the pooler says that it does not keep what belongs to a connection, or keeps quiet about it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_is_noticed_where_statements_would_stay_prepared() {
    let server = PostgresServer::shared();
    let database = server.fresh_database();
    for lines in ["", "ignore_startup_parameters = options\n"] {
        let pooler = PgBouncer::start_with(server, lines);
        let error = refusal(&pooler, &database, database.name(), true).await;
        assert!(matches!(error, OpenError::Pooled { .. }), "{lines}: {error}");
        assert!(error.to_string().ends_with("Set postgres.prepared to false."), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_in_the_url_is_no_sign_of_a_pooler() {
    let database = PostgresServer::shared().fresh_database();
    super::open(&format!("{}?options=-cstatement_timeout%3D1234", database.url())).await.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_will_not_pass_is_named_through_a_pooler_too() {
    let server = PostgresServer::shared();
    let database = server.fresh_database();
    let any = PgBouncer::start(server);
    let error = refusal(&any, &database, "nowhere", false).await;
    assert!(matches!(error, OpenError::Missing { .. }), "{error}");
    let strict = PgBouncer::start_with(server, "auth_type = md5\nauth_file = /dev/null\n");
    let error = refusal(&strict, &database, database.name(), false).await;
    assert!(matches!(error, OpenError::LoginRefused { .. }), "{error}");
}
