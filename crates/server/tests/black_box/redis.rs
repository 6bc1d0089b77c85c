//! Limits that nodes share, and a Redis that is not there.

use http::StatusCode;
use vestibule_testkit::servers::RedisServer;

use crate::{
    client::PASSWORD,
    program::{Folder, eventually},
};

fn node(url: &str) -> Folder {
    Folder::new()
        .with("VESTIBULE_REDIS_URL", url)
        .with("VESTIBULE_REDIS__TIMEOUT", "10s")
        .with("VESTIBULE_THROTTLE__LOGIN_ATTEMPTS", "3")
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_with_a_redis_have_one_limit() {
    let redis = RedisServer::start_with_password();
    let folders = [node(&redis.url()), node(&redis.url())];
    let [one, other] = folders.each_ref().map(Folder::serve);
    for client in [one.client(), other.client(), one.client()] {
        assert_eq!(client.log_in("nobody", "wrong password 1").await.status, StatusCode::UNAUTHORIZED);
    }
    for client in [one.client(), other.client()] {
        let refused = client.log_in("nobody", PASSWORD).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{refused:?}");
        assert!(refused.headers.contains_key("retry-after"));
    }
    let password = redis.url().split(['@', ':']).nth(2).unwrap().to_owned();
    for folder in &folders {
        assert!(folder.log().contains("limits are counted in Redis"), "{}", folder.log());
        assert!(!folder.log().contains(&password));
        let shown = folder.run(&["config", "check", "--json"]).stdout;
        assert!(shown.contains("redis_url") && !shown.contains(&password), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_away_is_a_warning_and_no_outage() {
    let redis = RedisServer::start();
    redis.stop();
    let folder = node(&redis.url());
    let server = folder.serve();
    assert!(folder.log().contains("Redis cannot be used"), "{}", folder.log());
    assert_eq!(server.client().register("ada").await.status, StatusCode::CREATED);
    assert_eq!(server.client().log_in("ada", PASSWORD).await.status, StatusCode::OK);
    assert_eq!(server.client().get("/health/ready").await.status, StatusCode::OK);
    redis.start_again();
    eventually("Redis is used", async || folder.log().contains("limits are counted in Redis").then_some(()))
        .await;
    assert_eq!(server.client().log_in("ada", PASSWORD).await.status, StatusCode::OK);
    assert_eq!(server.stop().await.code(), Some(0));
}

#[test]
fn t30_a_malformed_url_refuses_to_start_without_being_repeated() {
    for url in [
        "redis.example:6379",
        "redis://:hunter2@a,b",
        "redis+sentinel://:hunter2@a",
        "redis://:100%hunter2@a",
    ] {
        let ended = Folder::new().with("VESTIBULE_REDIS_URL", url).run(&["serve"]);
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(
            ended.stderr.contains("redis_url (the environment variable VESTIBULE_REDIS_URL)"),
            "{ended:?}"
        );
        assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    }
}

#[test]
fn t30_a_url_with_a_password_may_stand_in_a_file() {
    let folder = Folder::new().with("VESTIBULE_REDIS_URL_FILE", "url");
    folder.write("url", "redis+ring://:hunter2@a\n");
    let ended = folder.run(&["config", "check"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.stderr.contains("redis_url (url)") && !ended.stderr.contains("hunter2"), "{ended:?}");
    folder.write("url", "redis://:hunter2@a\n");
    assert_eq!(folder.run(&["config", "check"]).code, 0);
}
