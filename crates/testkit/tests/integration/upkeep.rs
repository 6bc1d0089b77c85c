//! What goes on beside the requests: what has expired is removed, and nothing before its time.

use std::time::Duration;

use vestibule_testkit::{PASSWORD, TestApp};

use super::database;

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
