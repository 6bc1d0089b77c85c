//! Keys that are not what we left there: they cost their own counter the sharing, and nobody else.

use std::time::Duration;

use vestibule_core::ports::throttle::{Count, Receipt, Throttle as _};
use vestibule_redis::RedisThrottle;
use vestibule_testkit::{
    contract::throttle::login_from,
    servers::{RedisCluster, RedisServer},
};

use super::servers::{cluster_url, start};

const COUNTER: &str = "a:throttle:{login/192.0.2.7}";

async fn count(throttle: &RedisThrottle, client: &str, limit: u32) -> Option<Receipt> {
    match throttle.count(&login_from(client), limit, Duration::from_hours(1)).await.unwrap() {
        Count::Counted(receipt) => Some(receipt),
        Count::LimitReached { .. } => None,
    }
}

/// The counter of 192.0.2.7 cannot be used: its limit holds on this node, and all others are shared as before.
async fn only_one_is_counted_alone(throttle: &RedisThrottle) {
    let first = count(throttle, "192.0.2.7", 2).await;
    assert!(matches!(first, Some(Receipt::Local(_))), "{first:?}");
    assert!(throttle.is_shared());
    let other = count(throttle, "198.51.100.1", 1).await;
    assert!(matches!(other, Some(Receipt::Shared(_))), "{other:?}");
    throttle.refund(&login_from("192.0.2.7"), first.unwrap()).await.unwrap();
    for _ in 0..2 {
        assert!(count(throttle, "192.0.2.7", 2).await.is_some());
    }
    assert!(count(throttle, "192.0.2.7", 2).await.is_none(), "the limit holds");
    assert!(throttle.is_shared());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_another_type_is_left_alone_and_counted_beside() {
    let server = RedisServer::start();
    let throttle = start(&server.url(), "a").await;
    assert_eq!(server.cli(&["SET", COUNTER, "theirs"]), "OK");
    only_one_is_counted_alone(&throttle).await;
    assert_eq!(server.cli(&["GET", COUNTER]), "theirs");
    assert_eq!(server.cli(&["DEL", COUNTER]), "1");
    let counted = count(&throttle, "192.0.2.7", 2).await;
    assert!(matches!(counted, Some(Receipt::Shared(_))), "it is ours again: {counted:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_that_are_no_numbers_are_counted_beside() {
    for (field, value) in [("count", "many"), ("window", "wide")] {
        let server = RedisServer::start();
        let throttle = start(&server.url(), "a").await;
        assert_eq!(server.cli(&["HSET", COUNTER, field, value]), "1");
        only_one_is_counted_alone(&throttle).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_to_a_key_that_was_replaced_is_no_loss() {
    let server = RedisServer::start();
    let throttle = start(&server.url(), "a").await;
    let receipt = count(&throttle, "192.0.2.7", 1).await.unwrap();
    assert_eq!(server.cli(&["SET", COUNTER, "theirs"]), "OK");
    throttle.refund(&login_from("192.0.2.7"), receipt).await.unwrap();
    assert!(throttle.is_shared());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_goes_on_beside_a_key_of_another_type() {
    let cluster = tokio::task::block_in_place(|| RedisCluster::start(3));
    let throttle = start(&cluster_url(&cluster), "a").await;
    let [first, ..] = cluster.nodes() else { panic!("three nodes") };
    assert_eq!(first.cli(&["-c", "SET", COUNTER, "theirs"]), "OK");
    only_one_is_counted_alone(&throttle).await;
}
