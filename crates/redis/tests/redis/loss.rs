//! Redis stopped, paused, started again, demoted, failed over: limits go on, and no login waits for it.

use std::time::Duration;

use vestibule_core::ports::throttle::{Count, Receipt, Throttle as _};
use vestibule_redis::RedisThrottle;
use vestibule_testkit::{
    contract::throttle::login_from,
    servers::{Proxy, RedisCluster, RedisSentinel, RedisServer, Traffic},
};

use super::servers::{cluster_url, eventually, sentinel_url, start, start_with};

/// A limit that nothing here reaches.
const PLENTY: u32 = 100_000;
const WINDOW: Duration = Duration::from_hours(1);
/// Short, for a Redis that does not answer; long enough for one that does, on a busy machine.
const PATIENCE: Duration = Duration::from_millis(500);

async fn count(throttle: &RedisThrottle, limit: u32) -> Option<Receipt> {
    match throttle.count(&login_from("192.0.2.7"), limit, WINDOW).await.unwrap() {
        Count::Counted(receipt) => Some(receipt),
        Count::LimitReached { .. } => None,
    }
}

async fn is_shared_again(throttle: &RedisThrottle) {
    eventually("Redis is found again", async || throttle.is_shared()).await;
}

/// On a machine that stalls, an answer may come too late; the next one does not.
async fn is_counted_in_redis(throttle: &RedisThrottle) {
    eventually("Redis counts", async || is_shared(count(throttle, PLENTY).await)).await;
}

fn is_local(receipt: Option<Receipt>) -> bool {
    matches!(receipt, Some(Receipt::Local(_)))
}

fn is_shared(receipt: Option<Receipt>) -> bool {
    matches!(receipt, Some(Receipt::Shared(_)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_go_on_for_each_node_while_redis_is_stopped() {
    let server = RedisServer::start();
    let (one, other) = (start(&server.url(), "a").await, start(&server.url(), "a").await);
    assert!(is_shared(count(&one, 1).await));
    assert!(count(&other, 1).await.is_none());
    server.stop();
    for node in [&one, &other] {
        assert!(is_local(count(node, 2).await));
        assert!(is_local(count(node, 2).await));
        assert!(count(node, 2).await.is_none());
    }
    server.start_again();
    is_shared_again(&one).await;
    is_shared_again(&other).await;
    assert!(is_shared(count(&one, 1).await));
    assert!(count(&other, 1).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_waits_for_a_paused_redis_no_longer_than_it_must() {
    let server = RedisServer::start();
    let throttle = start_with(&server.url(), "a", PATIENCE).await;
    is_counted_in_redis(&throttle).await;
    server.pause();
    // Without a bound this would wait for as long as Redis is paused, which is for good.
    assert!(is_local(count(&throttle, PLENTY).await));
    assert!(!throttle.is_shared(), "the next one does not wait at all");
    assert!(is_local(count(&throttle, PLENTY).await));
    server.resume();
    is_counted_in_redis(&throttle).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_redis_is_noticed_before_a_login_meets_it() {
    let server = RedisServer::start();
    let throttle = start_with(&server.url(), "a", PATIENCE).await;
    server.pause();
    eventually("the loss is noticed", async || !throttle.is_shared()).await;
    server.resume();
    is_shared_again(&throttle).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_is_given_back_where_it_was_counted() {
    let server = RedisServer::start();
    let throttle = start(&server.url(), "a").await;
    server.stop();
    let local = count(&throttle, 1).await.unwrap();
    assert!(is_local(Some(local)));
    server.start_again();
    is_shared_again(&throttle).await;
    assert!(is_shared(count(&throttle, 1).await));
    throttle.refund(&login_from("192.0.2.7"), local).await.unwrap();
    assert!(count(&throttle, 1).await.is_none(), "Redis has not counted it");
    server.stop();
    assert_eq!(count(&throttle, 1).await, Some(local), "this node has");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_away_at_the_start_is_found_later() {
    let server = RedisServer::start();
    server.stop();
    let throttle = start(&server.url(), "a").await;
    assert!(is_local(count(&throttle, 1).await));
    assert!(count(&throttle, 1).await.is_none());
    server.start_again();
    is_shared_again(&throttle).await;
    assert!(is_shared(count(&throttle, 1).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_leaves_the_limits_to_the_node() {
    let server = RedisServer::start_with_password();
    let url = format!("redis://:wrong@{}", server.address());
    let throttle = start(&url, "a").await;
    assert!(is_local(count(&throttle, 1).await));
    assert!(count(&throttle, 1).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_no_writes_is_not_used() {
    let (server, master) = (RedisServer::start(), RedisServer::start());
    let throttle = start(&server.url(), "a").await;
    is_counted_in_redis(&throttle).await;
    let (host, port) = (master.address().ip().to_string(), master.address().port().to_string());
    server.cli(&["REPLICAOF", &host, &port]);
    assert!(is_local(count(&throttle, PLENTY).await));
    server.cli(&["REPLICAOF", "NO", "ONE"]);
    is_counted_in_redis(&throttle).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_memory_is_full_is_not_used() {
    let server = RedisServer::start();
    let throttle = start(&server.url(), "a").await;
    is_counted_in_redis(&throttle).await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    assert!(is_local(count(&throttle, PLENTY).await));
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    is_counted_in_redis(&throttle).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_master_is_found_after_a_failover() {
    let servers = RedisSentinel::start();
    let throttle = start(&sentinel_url(&servers), "a").await;
    is_counted_in_redis(&throttle).await;
    tokio::task::block_in_place(|| servers.lose_master());
    is_counted_in_redis(&throttle).await;
    let [_, next] = servers.servers();
    assert_eq!(servers.master(), next.address());
    assert_eq!(next.cli(&["EXISTS", "a:throttle:{login/192.0.2.7}"]), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_lost_a_node_is_used_again_when_it_is_whole() {
    let cluster = tokio::task::block_in_place(|| RedisCluster::start(3));
    let throttle = start_with(&cluster_url(&cluster), "a", PATIENCE).await;
    is_counted_in_redis(&throttle).await;
    let holds_it = |node: &&RedisServer| !node.cli(&["KEYS", "a:throttle:*"]).is_empty();
    let node = cluster.nodes().iter().find(holds_it).unwrap();
    node.stop();
    assert!(is_local(count(&throttle, PLENTY).await));
    node.start_again();
    is_counted_in_redis(&throttle).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgotten_scripts_are_sent_again() {
    let server = RedisServer::start();
    let throttle = start(&server.url(), "a").await;
    let receipt = count(&throttle, 1).await.unwrap();
    server.cli(&["SCRIPT", "FLUSH"]);
    throttle.refund(&login_from("192.0.2.7"), receipt).await.unwrap();
    server.cli(&["SCRIPT", "FLUSH"]);
    assert_eq!(count(&throttle, 1).await, Some(receipt));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counter_that_would_never_end_is_given_an_end() {
    let server = RedisServer::start();
    let throttle = start(&server.url(), "a").await;
    count(&throttle, 1).await.unwrap();
    assert_eq!(server.cli(&["PERSIST", "a:throttle:{login/192.0.2.7}"]), "1");
    assert!(count(&throttle, 1).await.is_none());
    assert_ne!(server.cli(&["PTTL", "a:throttle:{login/192.0.2.7}"]), "-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_answers_late_counts_as_away_until_it_is_quick_again() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address());
    let throttle = start_with(&server.url_at(proxy.address()), "a", PATIENCE).await;
    is_counted_in_redis(&throttle).await;
    proxy.set(Traffic::Delay(4 * PATIENCE));
    assert!(is_local(count(&throttle, PLENTY).await));
    // It is looked for all the time, and what is found is too slow.
    for _ in 0..20 {
        assert!(is_local(count(&throttle, PLENTY).await));
        assert!(!throttle.is_shared());
        tokio::time::sleep(PATIENCE / 5).await;
    }
    proxy.set(Traffic::Pass);
    is_counted_in_redis(&throttle).await;
}

/// A replica that has much to read from its master says `LOADING` to everything meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_still_loads_its_data_is_not_used() {
    let (server, master) = (RedisServer::start(), RedisServer::start());
    let throttle = start(&server.url(), "a").await;
    is_counted_in_redis(&throttle).await;
    let fill = "for n = 1, 500 do redis.call('SET', n, string.rep('x', 4096)) end return 'OK'";
    assert_eq!(master.cli(&["EVAL", fill, "0"]), "OK");
    for (name, value) in [("repl-diskless-sync-delay", "0"), ("rdbcompression", "no")] {
        master.cli(&["CONFIG", "SET", name, value]);
    }
    // A tenth of a second for each key, and clients are answered between them.
    let set = |name: &str, value: &str| server.cli(&["CONFIG", "SET", name, value]);
    assert_eq!(set("key-load-delay", "100000"), "OK");
    assert_eq!(set("loading-process-events-interval-bytes", "1024"), "OK");
    let (host, port) = (master.address().ip().to_string(), master.address().port().to_string());
    server.cli(&["REPLICAOF", &host, &port]);
    let is_loading = || server.cli(&["EXISTS", "1"]).starts_with("LOADING");
    eventually("it loads", async || is_loading()).await;
    for _ in 0..10 {
        assert!(is_local(count(&throttle, PLENTY).await));
        assert!(!throttle.is_shared());
    }
    assert!(is_loading());
    assert_eq!(set("key-load-delay", "0"), "OK");
    eventually("it has loaded", async || server.cli(&["EXISTS", "1"]) == "1").await;
    server.cli(&["REPLICAOF", "NO", "ONE"]);
    is_counted_in_redis(&throttle).await;
}
