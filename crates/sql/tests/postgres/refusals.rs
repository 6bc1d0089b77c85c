//! Databases that are not opened: each with a sentence that says what to do, and without a word of the password.

use std::{net::TcpListener, time::Duration};

use vestibule_core::{
    ports::{clock::Timestamp, store::StoreError},
    values::account::AccountId,
};
use vestibule_sql::{
    PostgresOptions, PostgresStore,
    postgres::{OpenError, check_migrations, migrate},
};
use vestibule_testkit::servers::{PostgresServer, Proxy, Traffic};

async fn refusal(url: &str) -> OpenError {
    let error = PostgresStore::open(PostgresOptions::parse(url).unwrap()).await.unwrap_err();
    let sentence = error.to_string();
    assert!(sentence.ends_with('.') && sentence.contains(". "), "says what to do: {sentence}");
    assert!(!sentence.contains("secret") && !format!("{error:?}").contains("secret"), "{sentence}");
    error
}

#[tokio::test]
async fn a_database_that_nobody_serves_is_unreachable() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = refusal(&format!("postgres://ada:secret@{nobody}/vestibule")).await;
    assert!(matches!(&error, OpenError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&nobody.to_string()));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://ada:secret@{}/vestibule", silent.local_addr().unwrap());
    let mut options = PostgresOptions::parse(&url).unwrap();
    options.connect_timeout = Duration::from_millis(50);
    let error = PostgresStore::open(options).await.unwrap_err();
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
}

/// Wherever it falls silent: while it takes the connection, and after each answer on the way to the last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_falls_silent_is_given_up() {
    let server = PostgresServer::shared();
    let database = server.fresh_database();
    migrate(&PostgresOptions::parse(&database.url()).unwrap()).await.unwrap();
    let proxy = Proxy::start(server.address());
    let mut options = PostgresOptions::parse(&database.url_at(proxy.address())).unwrap();
    options.connect_timeout = Duration::from_secs(1);
    options.statement_timeout = Duration::from_millis(100);
    let (mut bytes, mut unreachable, mut silent) = (100, 0, 0);
    loop {
        proxy.set(Traffic::SilentAfter(bytes));
        let opening = Box::pin(PostgresStore::open(options.clone()));
        match tokio::time::timeout(Duration::from_secs(30), opening).await.unwrap() {
            Err(OpenError::Unreachable { .. }) => unreachable += 1,
            Err(OpenError::Silent { .. }) => silent += 1,
            Err(error) => panic!("after {bytes} bytes: {error}"),
            Ok(_) => break,
        }
        bytes += bytes / 2 + 1;
    }
    assert!(unreachable > 0 && silent > 2, "{unreachable} {silent}");
}

#[tokio::test]
async fn a_missing_database_is_named() {
    let error = refusal(&PostgresServer::shared().url("nowhere")).await;
    assert!(matches!(&error, OpenError::Missing { database } if database.ends_with("/nowhere")), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let server = PostgresServer::start_with_password();
    let database = server.fresh_database();
    super::open(&database.url()).await.close().await;
    let address = server.address();
    let user = database.url();
    let user = user.strip_prefix("postgres://").unwrap().split(':').next().unwrap();
    for password in [":secret", ""] {
        let error = refusal(&format!("postgres://{user}{password}@{address}/{}", database.name())).await;
        assert!(matches!(error, OpenError::LoginRefused { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_server_without_encryption_is_refused_where_it_is_asked_for() {
    let database = PostgresServer::shared().fresh_database();
    let error = refusal(&format!("{}?sslmode=require", database.url())).await;
    assert!(matches!(error, OpenError::NoTls { .. } | OpenError::NoAuthorities { .. }), "{error}");
    let mut options = PostgresOptions::parse(&format!("{}?sslmode=verify-full", database.url())).unwrap();
    options.tls_ca_file = Some("/nowhere/ca.pem".into());
    let error = PostgresStore::open(options).await.unwrap_err();
    assert!(matches!(error, OpenError::Certificates { .. }), "{error}");
}

/// The server's rules for connections ask for TLS, which our own do not on this machine.
#[tokio::test]
async fn a_server_that_wants_encryption_is_told_apart_from_one_that_refuses_the_user() {
    let server = PostgresServer::start();
    let database = server.fresh_database();
    let rules = database.psql("SHOW hba_file");
    database.psql(&format!(
        "COPY (SELECT unnest(ARRAY['local all all trust', 'hostssl all all all trust'])) TO '{rules}'"
    ));
    database.psql("SELECT pg_reload_conf()");
    // The rules may be read a little later, and until then everybody comes in.
    let refused = async {
        let options = PostgresOptions::parse(&database.url()).unwrap();
        while check_migrations(&options).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), refused).await.unwrap();
    let error = refusal(&database.url()).await;
    assert!(matches!(error, OpenError::Unencrypted { .. }), "{error}");
    assert!(error.to_string().contains("Add sslmode=require to database_url"), "{error}");
    let nobody = PostgresServer::shared().url("postgres").replace("vestibule@", "nobody:secret@");
    let error = refusal(&nobody).await;
    assert!(matches!(error, OpenError::LoginRefused { .. }), "{error}");
}

#[tokio::test]
async fn a_read_only_database_is_refused() {
    let database = PostgresServer::shared().fresh_database();
    let url = format!("{}?options=-c%20default_transaction_read_only%3Don", database.url());
    assert!(matches!(refusal(&url).await, OpenError::ReadOnly { .. }));
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_alone() {
    let database = PostgresServer::shared().fresh_database();
    database.psql("CREATE TABLE account (id INTEGER)");
    let options = PostgresOptions::parse(&database.url()).unwrap();
    assert!(matches!(refusal(&database.url()).await, OpenError::Foreign { .. }));
    assert!(matches!(check_migrations(&options).await, Err(OpenError::Foreign { .. })));
    assert!(matches!(migrate(&options).await, Err(OpenError::Foreign { .. })));
    let tables = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(database.psql(tables).trim(), "1");
}

/// A program may keep other things than tables, or keep its tables elsewhere and only views of them here.
#[tokio::test]
async fn a_schema_that_holds_anything_else_is_refused_and_left_alone() {
    let server = PostgresServer::shared();
    for thing in [
        "CREATE VIEW mine AS SELECT 1 AS one",
        "CREATE MATERIALIZED VIEW mine AS SELECT 1 AS one",
        "CREATE SEQUENCE mine",
        "CREATE TYPE mine AS (one INTEGER)",
        "CREATE FOREIGN DATA WRAPPER far; CREATE SERVER away FOREIGN DATA WRAPPER far; \
         CREATE FOREIGN TABLE mine (one INTEGER) SERVER away",
    ] {
        let database = server.fresh_database();
        database.psql(thing);
        let error = refusal(&database.url()).await;
        assert!(matches!(error, OpenError::Foreign { .. }), "{thing}: {error}");
        assert_eq!(database.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    }
}

/// A name is nobody's: what makes the tables ours is what they look like.
#[tokio::test]
async fn a_table_of_another_program_may_be_named_like_ours() {
    let database = PostgresServer::shared().fresh_database();
    database.psql("CREATE TABLE migration_lease (id INTEGER, tenant TEXT)");
    assert!(matches!(refusal(&database.url()).await, OpenError::Foreign { .. }));
    database.psql("CREATE TABLE vestibule_migration (name TEXT)");
    assert!(matches!(refusal(&database.url()).await, OpenError::Foreign { .. }));
    // That of a process which died as soon as it had made it.
    database.psql(
        "DROP TABLE migration_lease, vestibule_migration; CREATE TABLE migration_lease \
         (id BIGINT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, held_until BIGINT NOT NULL); \
         ALTER TABLE migration_lease OWNER TO vestibule",
    );
    super::open(&database.url()).await.close().await;
}

#[tokio::test]
async fn a_user_who_may_not_make_tables_is_refused() {
    let database = PostgresServer::shared().fresh_database();
    database.psql("ALTER SCHEMA public OWNER TO postgres; REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let error = refusal(&database.url()).await;
    assert!(matches!(error, OpenError::NotAllowed { .. }), "{error}");
}

/// Least of all is it taken for a database that serves: every login would be a fault of ours.
#[tokio::test]
async fn a_user_who_may_only_look_is_refused_until_it_may_write() {
    let database = PostgresServer::shared().fresh_database();
    migrate(&PostgresOptions::parse(&database.url()).unwrap()).await.unwrap();
    let reader = format!("reader_of_{}", database.name());
    database.psql(&format!("CREATE ROLE {reader} LOGIN"));
    let url = database.url().replace("vestibule@", &format!("{reader}@"));
    let grant = |rights: &str| {
        database.psql(&format!("GRANT {rights} ON ALL TABLES IN SCHEMA public TO {reader}"));
    };
    for (rights, missing) in
        [("", "vestibule_migration"), ("SELECT", "account"), ("INSERT, UPDATE", "account"), ("DELETE", "")]
    {
        if !rights.is_empty() {
            grant(rights);
        }
        if !missing.is_empty() {
            let error = refusal(&url).await;
            let sentence = error.to_string();
            assert!(matches!(error, OpenError::NotAllowed { .. }), "{rights}: {sentence}");
            assert!(sentence.contains(missing) && sentence.contains("grant USAGE"), "{rights}: {sentence}");
        }
    }
    super::open(&url).await.close().await;
    database.psql(&format!("DROP OWNED BY {reader}; DROP ROLE {reader}"));
}

/// What was granted by mistake is granted again, and what could not be written until then is not lost.
#[tokio::test]
async fn a_right_that_is_taken_away_is_an_outage() {
    let database = PostgresServer::shared().fresh_database();
    let store = super::open(&database.url()).await;
    database.psql("ALTER TABLE account OWNER TO postgres");
    let id = AccountId::new(Timestamp::default());
    let found = store.find_account(id).await;
    assert!(matches!(found, Err(StoreError::Unavailable(_))), "{found:?}");
    database.psql("ALTER TABLE account OWNER TO vestibule");
    assert!(store.find_account(id).await.unwrap().is_none());
    store.close().await;
}

#[tokio::test]
async fn a_newer_or_altered_database_is_refused_and_left_alone() {
    let database = PostgresServer::shared().fresh_database();
    let options = PostgresOptions::parse(&database.url()).unwrap();
    migrate(&options).await.unwrap();
    database.psql("INSERT INTO vestibule_migration VALUES (999, 'later', '2030-01-01T00:00:00Z', '1')");
    let error = refusal(&database.url()).await;
    assert!(matches!(error, OpenError::Newer { found: 999, .. }), "{error}");
    assert!(matches!(check_migrations(&options).await, Err(OpenError::Newer { .. })));
    database.psql(
        "DELETE FROM vestibule_migration WHERE version = 999; \
         UPDATE vestibule_migration SET checksum = '1' WHERE version = 2",
    );
    let error = refusal(&database.url()).await;
    assert!(matches!(&error, OpenError::Altered { name, .. } if name.starts_with("V2__")), "{error}");
}

#[tokio::test]
async fn a_schema_that_was_changed_by_hand_is_refused_with_the_statement() {
    let database = PostgresServer::shared().fresh_database();
    migrate(&PostgresOptions::parse(&database.url()).unwrap()).await.unwrap();
    database.psql("ALTER TABLE session DROP COLUMN user_agent");
    let error = refusal(&database.url()).await;
    assert!(matches!(error, OpenError::Statement { .. }), "{error}");
}

#[tokio::test]
async fn a_search_path_that_leads_nowhere_is_told_apart_from_a_missing_right() {
    let database = PostgresServer::shared().fresh_database();
    let error = refusal(&format!("{}?options=-csearch_path%3Dnowhere", database.url())).await;
    assert!(matches!(error, OpenError::NoSchema { .. }), "{error}");
    assert!(error.to_string().contains("CREATE SCHEMA"), "{error}");
}

#[tokio::test]
async fn migrations_are_checked_without_being_run() {
    let database = PostgresServer::shared().fresh_database();
    let options = PostgresOptions::parse(&database.url()).unwrap();
    let before = check_migrations(&options).await.unwrap();
    assert!(before.applied.is_empty() && before.pending.first().is_some_and(|name| name == "V1__accounts"));
    assert_eq!(migrate(&options).await.unwrap(), before.pending);
    let after = check_migrations(&options).await.unwrap();
    assert_eq!((after.applied, after.pending), (before.pending, Vec::new()));
    assert_eq!(migrate(&options).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_behind() {
    let database = PostgresServer::shared().fresh_database();
    let options = PostgresOptions::parse(&database.url()).unwrap();
    migrate(&options).await.unwrap();
    // As if the last file had never run, by a process that died; and its record, which comes last, is refused.
    database.psql(
        "DELETE FROM vestibule_migration WHERE version = 18; DROP TABLE known_device; \
         INSERT INTO migration_lease VALUES (1, 'dead', 1); \
         ALTER TABLE vestibule_migration ADD CONSTRAINT refusal CHECK (version < 18)",
    );
    assert!(matches!(migrate(&options).await, Err(OpenError::Migration { .. })));
    let left = "SELECT (SELECT COUNT(*) FROM pg_tables WHERE tablename = 'known_device') \
                + (SELECT COUNT(*) FROM migration_lease)";
    assert_eq!(database.psql(left).trim(), "0");
    database.psql("ALTER TABLE vestibule_migration DROP CONSTRAINT refusal");
    assert_eq!(migrate(&options).await.unwrap(), ["V18__known_devices"]);
}
