//! `GET /api/users/sessions` and `DELETE /api/users/sessions/{id}`.

use std::time::Duration;

use serde_json::{Value, json};
use vestibule_testkit::{Client, SetCookie, TestApp};

use super::database;

async fn list(client: &Client) -> Vec<Value> {
    client.get("/api/users/sessions").await.expect(200).json().as_array().unwrap().clone()
}

async fn id_of(client: &Client) -> String {
    client.post("/api/users/token").await.expect(200).member("sid")
}

#[tokio::test]
async fn one_sees_ones_own_devices_the_newest_first() {
    let app = TestApp::start().await;
    let long = format!("Firefox {}", "x".repeat(400));
    let first = app.client().named(&long).from_address("2001:db8::7").registered("ada").await;
    let _ = app.client().registered("bob").await;
    app.clock().advance(Duration::from_mins(1));
    let second = app.client().named("curl").logged_in("ada").await;
    app.clock().advance(Duration::from_mins(1));
    let _ = first.post("/api/users/token/refresh").await.expect(200);
    let answer = first.get("/api/users/sessions").await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(
        answer.json(),
        json!([
            {
                "id": id_of(&second).await, "created_at": "2026-01-01T00:01:00.000Z",
                "last_seen_at": "2026-01-01T00:01:00.000Z", "address": "192.0.2.1", "user_agent": "curl",
                "current": false,
            },
            {
                "id": id_of(&first).await, "created_at": "2026-01-01T00:00:00.000Z",
                "last_seen_at": "2026-01-01T00:02:00.000Z", "address": "2001:db8::7", "user_agent": &long[..256],
                "current": true,
            },
        ])
    );
}

#[tokio::test]
async fn sessions_that_have_ended_or_expired_are_not_listed() {
    let app = TestApp::start().await;
    let old = app.client().registered("ada").await;
    app.clock().advance(Duration::from_hours(24));
    let left = app.client().logged_in("ada").await;
    let _ = left.post("/api/users/logout").await.expect(200);
    app.clock().advance(Duration::from_hours(29 * 24));
    let new = app.client().logged_in("ada").await;
    let listed = list(&new).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["id"], id_of(&new).await);
    let _ = old.get("/api/users/sessions").await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn t13_a_device_that_is_sent_away_is_out_at_once() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let lost = app.client().logged_in("ada").await;
    let _ = lost.post("/api/users/token").await.expect(200);
    let path = format!("/api/users/sessions/{}", id_of(&lost).await);
    let answer = browser.delete(&path).await.expect(200);
    assert_eq!(answer.json(), Value::Null);
    assert!(answer.cookies().is_empty(), "this browser stays logged in");
    let _ = lost.post("/api/users/token").await.expect_problem(401, "invalid_token");
    let _ = lost.post("/api/users/token/refresh").await.expect_problem(401, "invalid_token");
    assert_eq!(list(&browser).await.len(), 1);
    let _ = browser.delete(&path).await.expect_problem(404, "not_found");
    let events = app.audit().await;
    let logout = events.iter().find(|event| event.kind == "logout").unwrap();
    assert!(path.ends_with(&logout.session_id.unwrap().to_string()));
    assert_eq!(events.iter().filter(|event| event.kind == "logout").count(), 1);
}

#[tokio::test]
async fn sending_oneself_away_deletes_the_cookies() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let answer = browser.delete(&format!("/api/users/sessions/{}", id_of(&browser).await)).await.expect(200);
    assert!(answer.cookies().len() == 2 && answer.cookies().iter().all(SetCookie::is_deleted));
    // A bearer token came without cookies, so there are none to delete.
    let tokens = app.client().tokens("ada").await;
    let bearer = app.client().with_bearer(&tokens.access);
    let answer = bearer.delete(&format!("/api/users/sessions/{}", id_of(&bearer).await)).await.expect(200);
    assert!(answer.cookies().is_empty());
}

/// T16, better-auth CVE-2025-61928: whose session it is comes from the token, never from the request.
#[tokio::test]
async fn t16_somebody_elses_session_is_not_there() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let bob = app.client().registered("bob").await;
    let (path, account) = (
        format!("/api/users/sessions/{}", id_of(&ada).await),
        ada.get("/api/v1/users/me").await.member("id"),
    );
    let before = database::contents(&app);
    let body = json!({"account_id": account, "sub": account, "user_id": account});
    for request in [
        bob.delete(&path),
        bob.delete(&format!("{path}?account_id={account}&sub={account}")),
        bob.delete(&path).json(&body),
        bob.delete(&path).header("x-user-id", &account).header("x-account-id", &account),
    ] {
        let _ = request.await.expect_problem(404, "not_found");
    }
    for request in [
        bob.get(&format!("/api/v1/users/me?id={account}&sub={account}")),
        bob.get("/api/v1/users/me").json(&body),
        bob.post(&format!("/api/users/token?sub={account}")).json(&body),
    ] {
        assert_eq!(request.await.expect(200).json()["username"], "bob");
    }
    assert_eq!(list(&bob).await.len(), 1);
    assert_eq!(database::contents(&app), before);
    let _ = ada.post("/api/users/token").await.expect(200);
}

#[tokio::test]
async fn what_is_no_id_names_nothing() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let id = id_of(&ada).await;
    let long = "9".repeat(4000);
    for wrong in [
        "x",
        "1",
        "-1",
        "%00",
        "%ff",
        "..%2f..",
        "00000000-0000-0000-0000-000000000000",
        "' OR 1=1 --",
        &long,
        &id.to_uppercase(),
        &id.replace('-', ""),
        &format!("%7B{id}%7D"),
        &format!("{id}%20"),
    ] {
        let wrong = wrong.replace(' ', "%20");
        let answer = ada.delete(&format!("/api/users/sessions/{wrong}")).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{wrong}");
    }
    let _ = ada.post("/api/users/token").await.expect(200);
}
