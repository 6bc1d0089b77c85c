//! How often the store is asked: the hot paths stay short.

use serde_json::json;
use vestibule_testkit::{PASSWORD, TestApp};

#[tokio::test]
async fn claims_ask_nothing_me_asks_once_refresh_asks_once() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let tokens = app.client().tokens("ada").await;
    let bearer = app.client().with_bearer(&tokens.access);
    let _ = app.store().take_calls();
    for _ in 0..2 {
        let _ = bearer.post("/api/users/token").await.expect(200);
        let _ = ada.post("/api/users/token").await.expect(200);
    }
    assert_eq!(app.store().take_calls(), Vec::<&str>::new());
    let _ = bearer.get("/api/v1/users/me").await.expect(200);
    assert_eq!(app.store().take_calls(), ["find_account"]);
    let _ = ada.post("/api/users/token/refresh").await.expect(200);
    assert_eq!(app.store().take_calls(), ["rotate_session"]);
    let body = json!({"refresh_token": tokens.refresh});
    let _ = app.client().post("/api/users/token/refresh").json(&body).await.expect(200);
    assert_eq!(app.store().take_calls(), ["rotate_session"]);
    let _ = ada.get("/api/users/sessions").await.expect(200);
    assert_eq!(app.store().take_calls(), ["list_sessions"]);
    for path in ["/health/live", "/.well-known/jwks.json", "/openapi.json"] {
        let _ = app.client().get(path).await.expect(200);
    }
    assert_eq!(app.store().take_calls(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_login_asks_twice_and_a_failed_one_once() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let calls = app.store().take_calls();
    assert_eq!(calls.iter().filter(|call| **call == "insert_account").count(), 1);
    for client in [app.client(), ada] {
        let _ = client.log_in("ada", PASSWORD).await.expect(200);
        assert_eq!(app.store().take_calls(), ["find_credentials", "open_session"]);
    }
    for name in ["ada", "nobody"] {
        let _ = app.client().log_in(name, "wrong password").await.expect(401);
        assert_eq!(app.store().take_calls(), ["find_credentials"]);
    }
}

#[tokio::test]
async fn garbage_asks_nothing() {
    let app = TestApp::start().await;
    let _ = app.store().take_calls();
    let _ = app.client().with_bearer("x.y.z").get("/api/v1/users/me").await.expect(401);
    let body = json!({"refresh_token": "vr1.AAAA"});
    let _ = app.client().post("/api/users/token/refresh").json(&body).await.expect(401);
    let _ = app.client().post("/api/users/logout").json(&body).await.expect(200);
    let _ = app.client().post("/api/users/login").json(&json!({})).await.expect(422);
    assert_eq!(app.store().take_calls(), Vec::<&str>::new());
}
