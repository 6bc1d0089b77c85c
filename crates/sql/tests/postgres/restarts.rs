//! A server that goes away and comes back.

use std::time::Duration;

use vestibule_core::ports::{
    audit::AuditBatch,
    store::{Opening, StoreError, prelude::*},
};
use vestibule_sql::{PostgresOptions, PostgresStore};
use vestibule_testkit::{
    contract::{
        outages::{WRITES, call_every_method},
        samples::{at, event, log_in, new_session, opening, register, rotated, rotation},
    },
    servers::{PostgresServer, Proxy, Shutdown, Traffic},
};

/// What a database that says nothing is given; one that answers may take longer on a busy machine.
const HASTE: Duration = Duration::from_millis(100);

/// What a database answers that answers within its time sooner or later.
async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t58_a_stopped_server_is_an_outage_of_every_method_and_its_return_ends_it() {
    let server = PostgresServer::start();
    let database = server.fresh_database();
    let store = super::open(&database.url()).await;
    let account = register(&*store, "ada").await;
    let session = log_in(&*store, account.id, at(1)).await;
    let account = store.find_account(account.id).await.unwrap().unwrap();

    server.stop(Shutdown::Fast);
    for (method, outcome) in call_every_method(&*store).await {
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{method}: {outcome:?}");
    }
    server.start_again();
    assert_eq!(store.find_account(account.id).await.unwrap(), Some(account));
    assert_eq!(rotated(&*store, rotation(session, 0, at(2))).await.generation, 1);
    store.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_crash_everything_acknowledged_is_there_and_the_first_call_is_answered() {
    let server = PostgresServer::start();
    let database = server.fresh_database();
    let store = super::open(&database.url()).await;
    let account = register(&*store, "ada").await;
    let session = log_in(&*store, account.id, at(1)).await;
    rotated(&*store, rotation(session, 0, at(2))).await;
    server.restart_immediately();
    assert!(store.find_account(account.id).await.unwrap().is_some());
    register(&*store, "bob").await;
    assert_eq!(rotated(&*store, rotation(session, 1, at(3))).await.generation, 2);
}

/// As after a failover: the connections lead to what is a standby by now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_takes_no_writes_is_left_for_one_that_does() {
    let database = PostgresServer::shared().fresh_database();
    let store = super::open(&database.url()).await;
    let account = register(&*store, "ada").await;
    log_in(&*store, account.id, at(1)).await;
    let name = database.name();
    database.psql(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    // Every connection is a new one, and none of them takes writes.
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.psql(others);
    store.find_account(account.id).await.unwrap();
    for (method, outcome) in call_every_method(&*store).await {
        // There is no such account, or none whose time has come, so it writes nothing.
        let finds_nothing = ["insert_permission", "delete_due_accounts"].contains(&method);
        let writes = !finds_nothing && (WRITES.contains(&method) || method == "ping");
        assert_eq!(outcome.is_err(), writes, "{method}: {outcome:?}");
        assert!(!matches!(outcome, Err(StoreError::Broken(_))), "{method}: {outcome:?}");
    }
    database.psql(&format!(
        "SET transaction_read_only = off; ALTER DATABASE {name} RESET default_transaction_read_only"
    ));
    log_in(&*store, account.id, at(2)).await;
    store.ping().await.unwrap();
}

/// One attempt, one time-out: nobody waits for several.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_falls_silent_costs_one_time_out_and_its_connections() {
    let server = PostgresServer::start();
    let database = server.fresh_database();
    let proxy = Proxy::start(server.address());
    let patient = super::open(&database.url()).await;
    let account = register(&*patient, "ada").await;
    log_in(&*patient, account.id, at(1)).await;
    let mut options = PostgresOptions::parse(&database.url_at(proxy.address())).unwrap();
    options.statement_timeout = HASTE;
    options.connect_timeout = HASTE;
    let hasty = eventually(async || PostgresStore::open(options.clone()).await.ok()).await;
    eventually(async || hasty.find_account(account.id).await.ok()).await;
    proxy.set(Traffic::BlackHole);
    for (method, outcome) in call_every_method(&*hasty).await {
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{method}: {outcome:?}");
    }
    proxy.set(Traffic::Pass);
    assert!(eventually(async || hasty.find_account(account.id).await.ok()).await.is_some());
    let log_in = async || hasty.open_session(opening(new_session(account.id, at(2)))).await.ok();
    assert!(matches!(eventually(log_in).await, Opening::Opened { .. }));
}

/// What stays prepared on a connection answers in the old type, which the database refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_altered_meanwhile_costs_another_attempt() {
    let database = PostgresServer::shared().fresh_database();
    let store = super::open(&database.url()).await;
    let account = register(&*store, "ada").await.id;
    let session = log_in(&*store, account, at(1)).await;
    for generation in 0..20 {
        rotated(&*store, rotation(session, generation, at(2))).await;
        assert!(store.find_account(account).await.unwrap().is_some());
    }
    database.psql(
        "ALTER TABLE account ALTER COLUMN full_name TYPE VARCHAR(1000); \
         ALTER TABLE session ALTER COLUMN scope TYPE VARCHAR(1000)",
    );
    for generation in 20..40 {
        assert!(store.find_account(account).await.unwrap().is_some());
        rotated(&*store, rotation(session, generation, at(3))).await;
        log_in(&*store, account, at(4)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_the_database_forgot_is_prepared_again() {
    let database = PostgresServer::shared().fresh_database();
    let store = super::open(&database.url()).await;
    database.psql(
        "CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN NULL; END $$; \
         CREATE TRIGGER forget AFTER INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION forget()",
    );
    for moment in 0..5 {
        store.record_audit(AuditBatch::new(vec![event(at(moment), None)])).await.unwrap();
    }
    assert_eq!(store.list_audit(None, 10).await.unwrap().len(), 5);
}
