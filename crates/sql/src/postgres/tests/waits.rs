//! Tests of what is waited for, and for how long.

use std::{num::NonZeroUsize, time::Duration};

use tokio::{sync::oneshot, time::timeout};
use vestibule_core::ports::store::prelude::*;
use vestibule_testkit::{
    contract::samples::at,
    servers::{Database, PostgresServer, Proxy, Traffic},
};

use super::{
    super::{OpenError, PostgresStore},
    Patience, PostgresOptions, Session, migrate, options,
};

/// How long anything may take before a test gives up; no test waits for it to pass.
const DEADLINE: Duration = Duration::from_secs(30);
/// Every other process needs longer than that.
const LITTLE: Duration = Duration::from_millis(100);

fn patience() -> Patience {
    Patience { lease: LITTLE, file: DEADLINE, renewal: Duration::from_millis(20) }
}

/// A transaction that is open until this is dropped.
async fn holding<'o>(options: &'o PostgresOptions, sql: &str) -> Session<'o> {
    let session = Session::begin(options).await.unwrap();
    session.execute(&format!("BEGIN; {sql}")).await.unwrap().unwrap();
    session
}

/// Makes a table that the first migration makes, too, so that it waits.
const IN_THE_WAY: &str = "CREATE TABLE account (id BIGINT)";

async fn lease_is_held(database: &Database<'_>) {
    let made = "SELECT count(*) > 0 FROM pg_tables WHERE tablename = 'migration_lease'";
    becomes_true(database, made).await;
    becomes_true(database, "SELECT count(*) > 0 FROM migration_lease").await;
}

async fn becomes_true(database: &Database<'_>, sql: &str) {
    let asking = async {
        while database.psql(sql) != "t" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, asking).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_another_process_holds_is_waited_for_within_a_bound() {
    let database = PostgresServer::shared().fresh_database();
    let options = options(&database);
    let mut session = Session::begin(&options).await.unwrap();
    session.execute(crate::migration::CREATE_LEASE_TABLE).await.unwrap().unwrap();
    database.psql("INSERT INTO migration_lease VALUES (1, 'somebody', 9000000000000000000)");
    let error = timeout(DEADLINE, migrate::run(&mut session, patience())).await.unwrap().unwrap_err();
    assert!(matches!(error, OpenError::StillMigrating { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_takes_too_long_is_given_up_and_the_lease_returned() {
    let database = PostgresServer::shared().fresh_database();
    let options = options(&database);
    let blocker = holding(&options, IN_THE_WAY).await;
    let mut session = Session::begin(&options).await.unwrap();
    let patience = Patience { file: LITTLE, ..patience() };
    let error = timeout(DEADLINE, migrate::run(&mut session, patience)).await.unwrap().unwrap_err();
    assert!(matches!(error, OpenError::Away { .. }), "{error}");
    assert_eq!(database.psql("SELECT count(*) FROM migration_lease"), "0");
    drop(blocker);
    let applied = migrate::run(&mut session, Patience::default()).await.unwrap();
    assert_eq!(applied.first().unwrap(), "V1__accounts");
}

/// Longer than requests may take, and longer than a lease that nobody renews.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_may_take_longer_than_a_request_while_its_lease_is_renewed() {
    let database = PostgresServer::shared().fresh_database();
    let mut options = options(&database);
    options.statement_timeout = LITTLE;
    let blocker = holding(&options, IN_THE_WAY).await;
    let mut session = Session::begin(&options).await.unwrap();
    let (let_go, may_go) = oneshot::channel::<()>();
    let watching = async {
        lease_is_held(&database).await;
        database.psql("UPDATE migration_lease SET held_until = 1");
        becomes_true(&database, "SELECT held_until > 1 FROM migration_lease").await;
        // The server's limit for requests has long passed.
        tokio::time::sleep(3 * LITTLE).await;
        let_go.send(()).unwrap();
    };
    let release = async {
        may_go.await.unwrap();
        drop(blocker);
    };
    let run = async { timeout(DEADLINE, migrate::run(&mut session, patience())).await.unwrap() };
    let (applied, (), ()) = tokio::join!(run, watching, release);
    assert_eq!(applied.unwrap().first().unwrap(), "V1__accounts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_lost_the_lease_migrates_no_further() {
    let database = PostgresServer::shared().fresh_database();
    let options = options(&database);
    let _blocker = holding(&options, IN_THE_WAY).await;
    let mut session = Session::begin(&options).await.unwrap();
    let stealing = async {
        lease_is_held(&database).await;
        database.psql("UPDATE migration_lease SET holder = 'somebody'");
    };
    let run = async { timeout(DEADLINE, migrate::run(&mut session, patience())).await.unwrap() };
    let (error, ()) = tokio::join!(run, stealing);
    let error = error.unwrap_err();
    assert!(matches!(error, OpenError::LeaseLost { .. }), "{error}");
    assert_eq!(database.psql("SELECT holder FROM migration_lease"), "somebody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_falls_silent_in_the_middle_of_a_migration_is_given_up() {
    let server = PostgresServer::shared();
    let database = server.fresh_database();
    let direct = options(&database);
    let _blocker = holding(&direct, IN_THE_WAY).await;
    let proxy = Proxy::start(server.address());
    let mut options = PostgresOptions::parse(&database.url_at(proxy.address())).unwrap();
    options.statement_timeout = LITTLE;
    options.connect_timeout = LITTLE;
    let mut session = Session::begin(&options).await.unwrap();
    let silencing = async {
        lease_is_held(&database).await;
        proxy.set(Traffic::BlackHole);
    };
    let run = async { timeout(DEADLINE, migrate::run(&mut session, patience())).await.unwrap() };
    let (error, ()) = tokio::join!(run, silencing);
    let error = error.unwrap_err();
    assert!(matches!(error, OpenError::Unreachable { .. } | OpenError::Silent { .. }), "{error}");
}

/// Not a schema that was changed by hand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_cannot_be_checked_for_now_is_an_outage() {
    let database = PostgresServer::shared().fresh_database();
    let mut options = options(&database);
    options.statement_timeout = LITTLE;
    super::migrated(&options).await;
    let _blocker = holding(&options, "LOCK TABLE account IN ACCESS EXCLUSIVE MODE").await;
    let session = Session::begin(&options).await.unwrap();
    let error = session.prepare_statements().await.unwrap_err();
    assert!(matches!(error, OpenError::Away { .. }), "{error}");
}

/// A busy node is ready, and hears of what others revoked: neither waits for a connection that requests use.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_and_stamps_do_not_wait_behind_requests() {
    for (connections, prepared) in [(6, true), (2, true), (16, false)] {
        let database = PostgresServer::shared().fresh_database();
        let mut options = options(&database);
        options.connections = NonZeroUsize::new(connections).unwrap();
        options.prepared = prepared;
        options.acquire_timeout = LITTLE;
        let store = PostgresStore::open(options).await.unwrap();
        let mut leases = Vec::new();
        while let Ok(lease) = store.engine.connections.lease().await {
            leases.push(lease);
        }
        assert!(leases.len() < connections, "{connections}");
        // Also where their connection has to be made anew.
        store.engine.connections.forget_all();
        store.ping().await.unwrap();
        store.is_changed_elsewhere().await.unwrap();
        assert!(store.cut_off_everyone(at(1)).await.is_err(), "requests do wait");
    }
}
