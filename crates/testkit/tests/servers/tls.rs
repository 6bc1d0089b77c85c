use std::process::Command;

use vestibule_testkit::servers::{
    Authority, Database, PostgresServer, RedisCluster, RedisSentinel, RedisServer,
};

/// Whether the connection was encrypted, as `psql` with these parameters sees it.
fn is_encrypted(database: &Database<'_>, parameters: &str) -> Result<bool, String> {
    let url = format!("{}?{parameters}", database.url());
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let output = Command::new("psql").args([&url, "-X", "-A", "-t", "-c", sql]).output().unwrap();
    let told =
        String::from_utf8(if output.status.success() { output.stdout } else { output.stderr }).unwrap();
    if output.status.success() { Ok(told.trim() == "t") } else { Err(told) }
}

#[test]
fn postgresql_proves_who_it_is() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = PostgresServer::start_with_tls(&authority, &["127.0.0.1"]);
    let database = server.fresh_database();
    let trusting =
        |authority: &Authority| format!("sslmode=verify-full&sslrootcert={}", authority.file().display());
    assert_eq!(is_encrypted(&database, &trusting(&authority)), Ok(true));
    assert_eq!(is_encrypted(&database, "sslmode=disable"), Ok(false));
    is_encrypted(&database, &trusting(&stranger)).unwrap_err();

    let elsewhere = PostgresServer::start_with_tls(&authority, &["db.example"]);
    let database = elsewhere.fresh_database();
    is_encrypted(&database, &trusting(&authority)).unwrap_err();
}

#[test]
fn redis_speaks_nothing_but_tls() {
    let authority = Authority::new();
    let server = RedisServer::start_with_tls(&authority, &["127.0.0.1"]);
    assert_eq!(server.cli(&["SET", "word", "value"]), "OK");
    assert!(server.url().starts_with("rediss://"), "{}", server.url());
    let port = server.address().port().to_string();
    let plain = Command::new("redis-cli").args(["-p", &port, "PING"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&plain.stdout).contains("PONG"), "{plain:?}");

    let cluster = RedisCluster::start_with_tls(3, &authority, &["127.0.0.1"]);
    let [first, ..] = cluster.nodes() else { panic!("no nodes") };
    let held = cluster.nodes().iter().filter(|node| node.cli(&["CONFIG", "GET", "port"]).ends_with("\n0"));
    assert_eq!(held.count(), 3);
    assert!(first.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));

    let sentinel = RedisSentinel::start_with_tls(&authority, &["127.0.0.1"]);
    let [_, second] = sentinel.servers();
    sentinel.lose_master();
    assert_eq!(sentinel.master(), second.address());
}
