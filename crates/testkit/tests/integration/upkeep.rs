//! What goes on beside the requests: what has expired is removed, and nothing before its time.

use std::time::Duration;

use vestibule::core::ports::{Clock as _, store::prelude::*};
use vestibule_testkit::{PASSWORD, TestApp, faults::Fault};

use super::{database, hang_up::eventually};

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn sessions_go_when_neither_they_nor_their_tokens_matter() {
    let app = TestApp::start().await;
    let sessions = |app: &TestApp| database::count(app, "SELECT COUNT(*) FROM session");
    let browser = app.client().registered("ada").await;
    let stale = browser.copy();
    let _ = browser.post("/api/users/logout").await.expect(200);
    // An access token of it may still be about: the row is what other nodes know its end by.
    app.auth().delete_expired().await.unwrap();
    assert_eq!(sessions(&app), 1);
    let _ = stale.post("/api/users/token").await.expect_problem(401, "invalid_token");
    app.clock().advance(Duration::from_mins(16));
    app.auth().delete_expired().await.unwrap();
    assert_eq!(sessions(&app), 0);
    let _ = stale.post("/api/users/token").await.expect_problem(401, "invalid_token");
    let _ = stale.post("/api/users/token/refresh").await.expect_problem(401, "invalid_token");

    let living = app.client().logged_in("ada").await;
    app.clock().advance(30 * DAY);
    app.clock().turn_back(Duration::from_secs(1));
    app.auth().delete_expired().await.unwrap();
    let _ = living.post("/api/users/token/refresh").await.expect(200);
}

#[tokio::test]
async fn everything_that_expired_goes_also_from_a_store_that_removes_little_at_once() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    let _ = app.client().logged_in("ada").await;
    let _ = app.client().logged_in("ada").await;
    app.clock().advance(90 * DAY);
    app.store().remove_at_most(1);
    app.auth().delete_expired().await.unwrap();
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM session"), 0);
}

#[tokio::test]
async fn a_cut_off_is_remembered_as_long_as_it_matters() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let body = serde_json::json!({"scope": "all"});
    let _ = browser.copy().post("/api/users/logout").json(&body).await.expect(200);
    app.clock().advance(Duration::from_mins(14));
    app.auth().delete_expired().await.unwrap();
    let _ = browser.post("/api/users/token").await.expect_problem(401, "invalid_token");
    app.clock().advance(2 * DAY);
    app.auth().delete_expired().await.unwrap();
    let _ = browser.post("/api/users/token/refresh").await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn the_audit_log_is_kept_as_long_as_configured() {
    let app = TestApp::builder().policy(|policy| policy.audit.retention = 7 * DAY).start().await;
    let _ = app.client().registered("ada").await;
    assert_eq!(app.audit().await.len(), 1);
    app.clock().advance(7 * DAY);
    let _ = app.client().log_in("ada", PASSWORD).await.expect(200);
    assert_eq!(app.audit().await.len(), 2);
    app.auth().delete_expired().await.unwrap();
    assert_eq!(app.audit().await.len(), 2);
    app.clock().advance(Duration::from_millis(1));
    app.auth().delete_expired().await.unwrap();
    let kinds: Vec<_> = app.audit().await.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["login"]);
}

/// A node that cannot learn what others have revoked must not be asked for long, and comes back by itself.
#[tokio::test]
async fn a_node_that_cannot_catch_up_says_so_in_readiness() {
    let app = TestApp::start().await;
    let _upkeep = app.auth().start_upkeep();
    let status = async || app.client().get("/health/ready").await.status;
    assert_eq!(status().await, 200);
    app.store().fail("is_changed_elsewhere", Fault::Before);
    eventually("readiness is withdrawn", async || status().await == 503).await;
    app.store().heal();
    eventually("readiness is back", async || status().await == 200).await;
}

/// A look that does not end is as bad as one that fails: others are asked until it has.
#[tokio::test]
async fn a_node_whose_look_takes_long_says_so_in_readiness() {
    let app = TestApp::start().await;
    let _upkeep = app.auth().start_upkeep();
    let status = async || app.client().get("/health/ready").await.status;
    assert_eq!(status().await, 200);
    app.store().fail("is_changed_elsewhere", Fault::Held);
    eventually("readiness is withdrawn", async || status().await == 503).await;
    app.store().heal();
    eventually("readiness is back", async || status().await == 200).await;
}

/// With many revocations a read of everything takes long; what is new is known meanwhile.
#[tokio::test]
async fn a_read_of_everything_holds_up_no_look() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let access = browser.cookie("access_token").unwrap();
    let session = app.auth().verify_access_token(&access).await.unwrap().session_id;
    let _upkeep = app.auth().start_upkeep();
    let _ = app.store().take_calls();
    app.store().fail("list_revocations", Fault::Held);
    tokio::time::pause();
    eventually("a read has begun", async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        app.store().take_calls().contains(&"list_revocations")
    })
    .await;
    tokio::time::resume();
    app.store().revoke_session(session, None, app.clock().now()).await.unwrap().unwrap();
    let look = tokio::time::timeout(Duration::from_secs(30), app.auth().catch_up()).await;
    look.expect("the look does not wait").unwrap();
    assert!(app.auth().verify_access_token(&access).await.is_err());
}

/// A failover lost the last revocation, and another one took its number: a look that reads on where the last one ended
/// does not see it. What every half minute reads once more what was read before does.
#[tokio::test]
async fn what_a_failover_put_in_the_place_of_something_read_is_known_after_half_a_minute() {
    let app = TestApp::start().await;
    let (first, second) = (app.client().registered("ada").await, app.client().registered("bob").await);
    let access = second.cookie("access_token").unwrap();
    let _ = first.post("/api/users/logout").await.expect(200);
    app.auth().catch_up().await.unwrap();
    for (column, is_ended) in [("change_number", "change_number = 0"), ("revoked_at", "revoked_at IS NULL")] {
        let sql = format!(
            "UPDATE session SET {column} = (SELECT {column} FROM session WHERE revoked_at IS NOT NULL) \
             WHERE {is_ended} AND account_id = (SELECT id FROM account WHERE username = ?1)"
        );
        database::change(&app, &sql, "bob");
    }
    app.auth().catch_up().await.unwrap();
    assert!(app.auth().verify_access_token(&access).await.is_ok());

    let _upkeep = app.auth().start_upkeep();
    tokio::time::pause();
    eventually("the other revocation is known", async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        app.auth().verify_access_token(&access).await.is_err()
    })
    .await;
}

/// And what no look noticed at all: here, a change by the node's own handle.
#[tokio::test]
async fn what_no_look_noticed_is_known_after_half_a_minute() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let access = browser.cookie("access_token").unwrap();
    let session = app.auth().verify_access_token(&access).await.unwrap().session_id;
    app.store().revoke_session(session, None, app.clock().now()).await.unwrap().unwrap();
    assert!(app.auth().verify_access_token(&access).await.is_ok());
    let _upkeep = app.auth().start_upkeep();
    tokio::time::pause();
    eventually("the revocation is known", async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        app.auth().verify_access_token(&access).await.is_err()
    })
    .await;
}
