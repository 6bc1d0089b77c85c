//! Servers that cases share, and throttles on them.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::sleep;
use vestibule_redis::{RedisOptions, RedisThrottle};
use vestibule_testkit::servers::{RedisCluster, RedisSentinel, RedisServer};

static SINGLE: LazyLock<(RedisServer, String)> = LazyLock::new(|| {
    let server = RedisServer::start_with_password();
    let url = server.url();
    (server, url)
});
static SENTINEL: LazyLock<(RedisSentinel, String)> = LazyLock::new(|| {
    let servers = RedisSentinel::start();
    let url = sentinel_url(&servers);
    (servers, url)
});
/// Three masters.
pub(super) static CLUSTER: LazyLock<RedisCluster> = LazyLock::new(|| RedisCluster::start(3));
static CLUSTER_URL: LazyLock<String> = LazyLock::new(|| cluster_url(&CLUSTER));

/// A single server with a password.
pub(super) fn single() -> &'static str {
    &SINGLE.1
}

/// A master that a sentinel names.
pub(super) fn sentinel() -> &'static str {
    &SENTINEL.1
}

/// A cluster of three.
pub(super) fn cluster() -> &'static str {
    &CLUSTER_URL
}

pub(super) fn sentinel_url(servers: &RedisSentinel) -> String {
    format!("redis+sentinel://{}/{}", servers.address(), servers.name())
}

pub(super) fn cluster_url(cluster: &RedisCluster) -> String {
    let nodes: Vec<_> = cluster.nodes().iter().map(|node| node.address().to_string()).collect();
    format!("redis+cluster://{}", nodes.join(","))
}

/// A prefix that no other case has.
pub(super) fn fresh_prefix() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("case{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A throttle with more patience than a busy machine needs.
pub(super) async fn start(url: &str, prefix: &str) -> RedisThrottle {
    start_with(url, prefix, Duration::from_secs(20)).await
}

pub(super) async fn start_with(url: &str, prefix: &str, patience: Duration) -> RedisThrottle {
    let url = url.parse().unwrap();
    RedisThrottle::start(RedisOptions { prefix: prefix.to_owned(), patience, ..RedisOptions::new(url) })
        .await
        .unwrap()
}

/// Asks again and again; fails where it does not come true within half a minute.
pub(super) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..3_000 {
        if is_so().await {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: not within half a minute");
}
