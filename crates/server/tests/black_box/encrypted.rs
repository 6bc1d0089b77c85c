//! PostgreSQL and Redis over TLS: who they are is verified, and nothing goes on without.

use std::path::Path;

use http::StatusCode;
use serde_json::Value;
use tokio::task::JoinSet;
use vestibule_testkit::servers::{Authority, Database, PostgresServer, RedisServer};

use crate::{
    client::{Client, PASSWORD},
    program::{Folder, eventually},
};

const SECRET: &str = "Vq3mT8yLd2Kx7WnRz5Hc9BpGf6Js4Ea1-encrypted";
/// Where the servers are, by their certificates.
const HERE: [&str; 2] = ["localhost", "127.0.0.1"];

fn node(database: &Database<'_>, parameters: &str) -> Folder {
    at(&format!("{}?{parameters}", database.url()))
}

fn at(url: &str) -> Folder {
    Folder::new().with("VESTIBULE_DATABASE_URL", url).with("VESTIBULE_SECRET_KEY", SECRET)
}

fn named(file: &Path) -> &str {
    file.to_str().unwrap()
}

/// How many connections a server has to a database, by PostgreSQL's own account.
fn connections(database: &Database<'_>, condition: &str) -> usize {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
         WHERE datname = current_database() AND usename = 'vestibule' AND {condition}"
    );
    database.psql(&sql).parse().unwrap()
}

/// Many at once, so that the pool opens several connections. A machine that has much to do may put some off.
async fn everybody_logs_in(client: Client) {
    let log_in = async move || (client.log_in("ada", PASSWORD).await.status == StatusCode::OK).then_some(());
    let all = (0..20).map(|_| eventually("a login succeeds", log_in));
    all.collect::<JoinSet<_>>().join_all().await;
}

async fn all_is_encrypted(database: &Database<'_>) {
    let listens = "ssl AND query LIKE '%vestibule_change%'";
    let is_so = async || (connections(database, listens) == 1).then_some(());
    eventually("an encrypted connection listens", is_so).await;
    assert!(connections(database, "ssl AND version >= 'TLSv1.2'") > 1);
    assert_eq!(connections(database, "NOT ssl"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_connection_to_postgresql_is_encrypted() {
    let authority = Authority::new();
    let server = PostgresServer::start_with_tls(&authority, &HERE);
    let database = server.fresh_database();
    let file = authority.file();
    // Limits are not what is tested here.
    let limit = |folder: Folder| folder.with("VESTIBULE_THROTTLE__LOGIN_ATTEMPTS", "1000");
    let folder =
        limit(node(&database, "sslmode=require").with("VESTIBULE_POSTGRES__TLS_CA_FILE", named(&file)));
    for command in [&["migrate"][..], &["migrate", "--check"]] {
        assert_eq!(folder.run(command).code, 0);
    }
    let node = folder.serve();
    assert_eq!(node.client().register("ada").await.status, StatusCode::CREATED);
    everybody_logs_in(node.client()).await;
    all_is_encrypted(&database).await;

    server.restart_immediately();
    everybody_logs_in(node.client()).await;
    all_is_encrypted(&database).await;
    assert_eq!(node.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_come_from_the_configuration_the_url_or_the_machine() {
    let authority = Authority::new();
    let server = PostgresServer::start_with_tls(&authority, &["localhost"]);
    let database = server.fresh_database();
    let file = authority.file();
    let url = database.url().replace("127.0.0.1", "localhost");
    let in_url = format!("{url}?sslmode=verify-full&sslrootcert={}", named(&file));
    let required = format!("{url}?sslmode=verify-ca");
    for folder in [
        at(&required).with("VESTIBULE_POSTGRES__TLS_CA_FILE", named(&file)),
        at(&in_url),
        at(&required).with("SSL_CERT_FILE", named(&file)),
    ] {
        let node = folder.serve();
        assert_eq!(node.client().get("/health/ready").await.status, StatusCode::OK);
        all_is_encrypted_or_listens_later(&database).await;
        assert_eq!(node.stop().await.code(), Some(0));
    }
}

/// The first connection of a pool may be the only one.
async fn all_is_encrypted_or_listens_later(database: &Database<'_>) {
    eventually("there is a connection", async || (connections(database, "ssl") > 0).then_some(())).await;
    assert_eq!(connections(database, "NOT ssl"), 0);
}

#[test]
fn postgresql_that_is_not_who_it_should_be_is_refused_with_a_sentence() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = PostgresServer::start_with_tls(&authority, &HERE);
    let elsewhere = PostgresServer::start_with_tls(&authority, &["db.example", "192.0.2.1"]);
    let databases = [server.fresh_database(), elsewhere.fresh_database()];
    let plain = PostgresServer::shared().fresh_database();
    let [known, other] = &databases;
    let (trusted, unknown) = (authority.file(), stranger.file());
    for (database, file, said, told) in [
        (known, &unknown, "cannot be secured", "UnknownIssuer"),
        (other, &trusted, "cannot be secured", "not valid for"),
        (&plain, &trusted, "offers no encryption", "does not support TLS"),
    ] {
        for sslmode in ["require", "verify-ca", "verify-full"] {
            let folder = node(database, &format!("sslmode={sslmode}"))
                .with("VESTIBULE_POSTGRES__TLS_CA_FILE", named(file));
            for command in [&["serve"][..], &["migrate"]] {
                let ended = folder.run(command);
                assert_eq!(ended.code, 3, "{ended:?}");
                assert!(ended.stderr.contains(said), "{ended:?}");
                assert!(ended.stderr.contains(told) && !ended.stderr.contains("panicked"), "{ended:?}");
            }
        }
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
        assert_eq!(database.psql(tables), "0", "nothing went on without TLS");
    }
    // Those whom the machine trusts know nothing of it, either.
    let ended = node(known, "sslmode=require").run(&["serve"]);
    assert_eq!(ended.code, 3, "{ended:?}");
}

fn with_redis(url: &str, authority: &Path) -> Folder {
    Folder::new()
        .with("VESTIBULE_REDIS_URL", url)
        .with("VESTIBULE_REDIS__TIMEOUT", "10s")
        .with("VESTIBULE_REDIS__TLS_CA_FILE", named(authority))
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_counted_in_a_redis_that_speaks_tls_alone() {
    let authority = Authority::new();
    let redis = RedisServer::start_with_tls(&authority, &HERE);
    assert!(redis.cli(&["CONFIG", "GET", "port"]).ends_with("\n0"), "it listens for TLS alone");
    let by_machine =
        Folder::new().with("VESTIBULE_REDIS_URL", &redis.url()).with("VESTIBULE_REDIS__TIMEOUT", "10s");
    for folder in [
        with_redis(&redis.url(), &authority.file()),
        with_redis(&redis.url().replace("127.0.0.1", "localhost"), &authority.file()),
        by_machine.with("SSL_CERT_FILE", named(&authority.file())),
    ] {
        redis.cli(&["FLUSHALL"]);
        let node = folder.serve();
        assert!(folder.log().contains("limits are counted in Redis"), "{}", folder.log());
        let refused = node.client().log_in("nobody", PASSWORD).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert_ne!(redis.cli(&["KEYS", "vestibule:throttle:*"]), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_not_who_it_should_be_counts_as_away() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let redis = RedisServer::start_with_tls(&authority, &HERE);
    let elsewhere = RedisServer::start_with_tls(&authority, &["cache.example"]);
    let plain = RedisServer::start();
    for (server, url, file) in [
        (&redis, redis.url(), stranger.file()),
        (&elsewhere, elsewhere.url(), authority.file()),
        (&plain, plain.url().replacen("redis", "rediss", 1), authority.file()),
    ] {
        let folder = with_redis(&url, &file);
        let node = folder.serve();
        assert!(folder.log().contains("Redis cannot be used"), "{}", folder.log());
        assert_eq!(node.client().register("ada").await.status, StatusCode::CREATED);
        assert_eq!(node.client().log_in("ada", PASSWORD).await.status, StatusCode::OK);
        assert_eq!(node.client().get("/health/ready").await.status, StatusCode::OK);
        assert_eq!(server.cli(&["DBSIZE"]), "0", "nothing was told to it");
        assert!(!folder.log().contains("limits are counted in Redis"), "{}", folder.log());
    }
}

#[test]
fn a_redis_authority_that_cannot_be_read_refuses_to_start() {
    let ended = with_redis("rediss://127.0.0.1:1", Path::new("missing.pem")).run(&["serve"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.stderr.contains("missing.pem") && ended.stderr.contains("redis.tls_ca_file"), "{ended:?}");
}

#[test]
fn production_says_so_where_it_speaks_over_the_network_without_tls() {
    let folder = at("postgres://ada:hunter2@db.invalid/vestibule?sslmode=disable")
        .with("VESTIBULE_PUBLIC_URL", "https://login.example.org")
        .with("VESTIBULE_MAIL__MODE", "off")
        .with("VESTIBULE_REDIS_URL", "redis://:hunter2@cache.invalid");
    let checked = folder.run(&["config", "check"]);
    assert_eq!(checked.code, 0, "{checked:?}");
    let shown: Value = serde_json::from_str(&folder.run(&["config", "check", "--json"]).stdout).unwrap();
    assert_eq!(shown["warnings"].as_array().map(Vec::len), Some(2), "{shown}");
    let served = folder.run(&["serve"]);
    assert_eq!(served.code, 3, "{served:?}");
    for text in [&checked.stdout, &shown["warnings"].to_string(), &served.stderr] {
        assert!(text.contains("database_url leads to db.invalid:5432/vestibule without TLS"), "{text}");
        assert!(text.contains("redis_url leads to redis://cache.invalid:6379 without TLS"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
    let relaxed = folder.with("VESTIBULE_MODE", "development");
    assert!(!relaxed.run(&["config", "check"]).stdout.contains("without TLS"));
}
