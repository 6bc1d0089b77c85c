//! Several hosts in one URL: each has its own time, and the one that takes writes is found.

use std::{sync::Arc, time::Duration};

use vestibule_core::ports::store::prelude::*;
use vestibule_sql::{PostgresOptions, PostgresStore, postgres::OpenError};
use vestibule_testkit::{
    contract::samples::register,
    servers::{Database, PostgresServer, Proxy, Traffic},
};

/// A URL that names another address first.
fn with_first(first: &Proxy, server: &PostgresServer, database: &Database<'_>) -> PostgresOptions {
    let hosts = format!("{},{}", first.address(), server.address());
    let url = database.url().replacen(&server.address().to_string(), &hosts, 1);
    let mut options = PostgresOptions::parse(&url).unwrap();
    options.connect_timeout = Duration::from_millis(500);
    options
}

/// It takes connections and says nothing, which the time for TCP alone does not notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_host_leaves_the_next_one_its_time() {
    let server = PostgresServer::shared();
    let database = server.fresh_database();
    let proxy = Proxy::start(server.address());
    proxy.set(Traffic::BlackHole);
    let store = PostgresStore::open(with_first(&proxy, server, &database)).await.unwrap();
    let account = register(&*store, "ada").await;
    assert!(store.find_account(account.id).await.unwrap().is_some());
}

/// A request, a look-up and what nodes tell each other, each over a connection that was to the first host before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_falls_silent_is_left_by_every_kind_of_connection() {
    let server = PostgresServer::shared();
    let database = server.fresh_database();
    let proxy = Proxy::start(server.address());
    let store = PostgresStore::open(with_first(&proxy, server, &database)).await.unwrap();
    let other = super::open(&database.url()).await;
    let listening = Arc::clone(&other);
    // Who never listens tells nothing.
    tokio::spawn(async move { listening.hear_of_changes().await });
    super::hints::is_heard(&*other, &*store).await;
    let account = register(&*store, "ada").await;
    assert!(store.find_account(account.id).await.unwrap().is_some());
    assert!(proxy.connections() >= 3, "{}", proxy.connections());

    proxy.set(Traffic::BlackHole);
    proxy.cut();
    assert!(store.find_account(account.id).await.unwrap().is_some());
    register(&*store, "bob").await;
    store.ping().await.unwrap();
    // The first may be left from before.
    for _ in 0..2 {
        super::hints::is_heard(&*other, &*store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_hosts_the_one_that_takes_writes_is_used() {
    let (standby, primary) = (PostgresServer::start(), PostgresServer::start());
    let (copy, database) = (standby.fresh_database(), primary.fresh_database());
    assert_eq!(copy.name(), database.name());
    copy.psql(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", copy.name()));
    let both = format!("{},{}", standby.address(), primary.address());
    for attributes in ["", "?target_session_attrs=read-write", "?target_session_attrs=any"] {
        let url = database.url().replacen(&primary.address().to_string(), &both, 1);
        let options = PostgresOptions::parse(&format!("{url}{attributes}")).unwrap();
        PostgresStore::open(options).await.unwrap().ping().await.unwrap();
    }
    let twice = format!("{0},{0}", standby.address());
    let options = PostgresOptions::parse(&copy.url().replacen(&standby.address().to_string(), &twice, 1));
    let error = PostgresStore::open(options.unwrap()).await.unwrap_err();
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error}");
}

#[tokio::test]
async fn of_hosts_that_cannot_be_reached_each_has_its_reason() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = silent.local_addr().map(|address| (silent, address)).unwrap();
    let url = format!("postgres://ada:secret@{},{nobody}/vestibule", silent.1);
    let mut options = PostgresOptions::parse(&url).unwrap();
    options.connect_timeout = Duration::from_millis(50);
    let error = PostgresStore::open(options).await.unwrap_err();
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
    let told = error.to_string();
    assert!(told.contains(&format!("({}: no answer within 50ms; {nobody}: ", silent.1)), "{told}");
}
