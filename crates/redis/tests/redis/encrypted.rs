//! Redis over TLS: certificates are checked, and nothing falls back to plain text.

use std::{path::Path, time::Duration};

use vestibule_core::ports::throttle::{Count, Receipt, Throttle as _};
use vestibule_redis::{RedisOptions, RedisStartError, RedisThrottle};
use vestibule_testkit::{
    contract::throttle::login_from,
    servers::{Authority, RedisCluster, RedisSentinel, RedisServer},
};

use super::servers::{cluster_url, sentinel_url};

/// Where the servers are, by their certificates.
const HERE: [&str; 1] = ["127.0.0.1"];

async fn trusting(url: &str, authority: &Path) -> Result<RedisThrottle, RedisStartError> {
    let options = RedisOptions::new(url.parse().unwrap());
    let patience = Duration::from_secs(20);
    let tls_ca_file = Some(authority.to_owned());
    RedisThrottle::start(RedisOptions { tls_ca_file, patience, ..options }).await
}

async fn counts_in_redis(throttle: &RedisThrottle) -> bool {
    let count = throttle.count(&login_from("192.0.2.7"), 100, Duration::from_hours(1)).await.unwrap();
    matches!(count, Count::Counted(Receipt::Shared(_)))
}

/// A URL of the same servers over TLS.
fn secured(url: &str) -> String {
    url.replacen("redis", "rediss", 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_server_is_reached_over_tls_alone() {
    let authority = Authority::new();
    let single = RedisServer::start_with_tls(&authority, &HERE);
    let cluster = tokio::task::block_in_place(|| RedisCluster::start_with_tls(3, &authority, &HERE));
    let sentinel = tokio::task::block_in_place(|| RedisSentinel::start_with_tls(&authority, &HERE));
    let urls = [single.url(), secured(&cluster_url(&cluster)), secured(&sentinel_url(&sentinel))];
    for url in urls {
        let throttle = trusting(&url, &authority.file()).await.unwrap();
        assert!(counts_in_redis(&throttle).await, "{url}");
        // None of them listens for anything else.
        let plain = url.replacen("rediss", "redis", 1);
        let throttle = trusting(&plain, &authority.file()).await.unwrap();
        assert!(!counts_in_redis(&throttle).await, "{plain}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_trusted_or_somebody_else_is_not_used() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = RedisServer::start_with_tls(&authority, &HERE);
    let elsewhere = RedisServer::start_with_tls(&authority, &["cache.example"]);
    let plain = RedisServer::start();
    let sentinel = tokio::task::block_in_place(|| RedisSentinel::start_with_tls(&authority, &HERE));
    let cluster = tokio::task::block_in_place(|| RedisCluster::start_with_tls(3, &authority, &HERE));
    for (url, trusted) in [
        (server.url(), &stranger),
        (secured(&sentinel_url(&sentinel)), &stranger),
        (secured(&cluster_url(&cluster)), &stranger),
        (elsewhere.url(), &authority),
        (secured(&plain.url()), &authority),
    ] {
        let throttle = trusting(&url, &trusted.file()).await.unwrap();
        assert!(!counts_in_redis(&throttle).await, "{url}");
    }
    assert_eq!(plain.cli(&["KEYS", "*"]), "", "nothing was sent in plain text");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_without_certificates_is_refused() {
    let folder = std::env::temp_dir();
    let missing = folder.join("vestibule-there-is-no-such-file.pem");
    for file in [missing.as_path(), Path::new("/dev/null")] {
        let refusal = trusting("rediss://127.0.0.1:1", file).await.unwrap_err().to_string();
        assert!(
            refusal.contains("redis.tls_ca_file") && refusal.contains(file.to_str().unwrap()),
            "{refusal}"
        );
    }
}
