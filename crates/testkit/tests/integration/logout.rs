//! `POST /api/users/logout`.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use vestibule_testkit::{Answer, Client, TestApp};

use super::database;

/// Both cookies deleted, with the attributes they were set with.
fn assert_deletes_cookies(answer: &Answer) {
    let cookies = answer.cookies();
    assert_eq!(
        cookies.iter().map(|cookie| cookie.name.as_str()).collect::<Vec<_>>(),
        ["access_token", "refresh_token"]
    );
    for cookie in cookies {
        assert_eq!(cookie.value, "");
        assert_eq!(cookie.attributes, ["Path=/", "Max-Age=0", "HttpOnly", "SameSite=Lax"]);
    }
}

/// That nothing opens with what this browser has, in any of the places that remember sessions.
async fn assert_dead(app: &TestApp, browser: &Client) {
    let access = browser.cookie("access_token").unwrap();
    let refresh = browser.cookie("refresh_token").unwrap();
    let bearer = app.client().with_bearer(&access);
    for (method, path) in [
        (Method::POST, "/api/users/token"),
        (Method::GET, "/api/v1/users/me"),
        (Method::GET, "/api/users/sessions"),
        (Method::DELETE, "/api/users/sessions/0190163d-8694-739b-aea5-966c26f8ad91"),
    ] {
        let _ = bearer.request(method.clone(), path).await.expect_problem(401, "invalid_token");
        let _ = browser.copy().request(method, path).await.expect_problem(401, "invalid_token");
    }
    let _ = browser.copy().post("/api/users/token/refresh").await.expect_problem(401, "invalid_token");
    let body = json!({"refresh_token": refresh});
    let answer = app.client().post("/api/users/token/refresh").json(&body).await;
    let _ = answer.expect_problem(401, "invalid_token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", &refresh)];
    let _ = app.client().post("/api/v1/token").form(&form).await.expect_problem(401, "invalid_token");
}

async fn assert_alive(browser: &Client) {
    let _ = browser.post("/api/users/token").await.expect(200);
    let _ = browser.copy().post("/api/users/token/refresh").await.expect(200);
}

/// T13, authentik CVE-2025-29928: a session that has ended has ended in every place.
#[tokio::test]
async fn t13_the_session_ends_on_the_server_and_the_cookies_in_the_browser() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let elsewhere = app.client().logged_in("ada").await;
    let before = browser.copy();
    let _ = before.post("/api/users/token").await.expect(200);
    let sid = before.post("/api/users/token").await.json()["sid"].clone();
    let answer = browser.post("/api/users/logout").await.expect(200);
    assert_eq!(answer.json(), Value::Null);
    assert_deletes_cookies(&answer);
    assert_dead(&app, &before).await;
    assert_alive(&elsewhere).await;
    let _ = browser.get("/api/v1/users/me").await.expect_problem(401, "not_authenticated");

    let event = app.audit().await.into_iter().find(|event| event.kind == "logout").unwrap();
    assert_eq!((event.outcome.as_str(), event.detail.as_str()), ("success", "this"));
    assert_eq!(json!(event.session_id.unwrap().to_string()), sid);

    let app = app.stop().await.start().await;
    let stale = app.client();
    stale.plant_cookie("access_token", &before.cookie("access_token").unwrap());
    let _ = stale.post("/api/users/token").await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn a_stranger_is_logged_out_too() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    let before = database::contents(&app);
    for body in
        [None, Some(json!({})), Some(json!({"scope": "all"})), Some(json!({"refresh_token": "nonsense"}))]
    {
        let request = app.client().post("/api/users/logout");
        let request = if let Some(body) = body { request.json(&body) } else { request };
        let answer = request.await.expect(200);
        assert_eq!(answer.json(), Value::Null);
        assert_deletes_cookies(&answer);
    }
    let answer = app.client().with_bearer("nonsense").post("/api/users/logout").await.expect(200);
    assert_deletes_cookies(&answer);
    assert_eq!(database::contents(&app), before);
    assert!(app.audit().await.iter().all(|event| event.kind != "logout"));
}

#[tokio::test]
async fn an_expired_access_cookie_keeps_nobody_logged_in() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    app.clock().advance(Duration::from_mins(16));
    let before = browser.copy();
    let _ = browser.post("/api/users/logout").await.expect(200);
    assert_dead(&app, &before).await;
}

#[tokio::test]
async fn a_refresh_token_of_any_generation_names_its_session() {
    let app = TestApp::start().await;
    let first = app.client().registered("ada").await;
    let browser = first.copy();
    let _ = browser.post("/api/users/token/refresh").await.expect(200);
    let _ = browser.post("/api/users/token/refresh").await.expect(200);
    let body = json!({"refresh_token": first.cookie("refresh_token").unwrap()});
    let _ = app.client().post("/api/users/logout").json(&body).await.expect(200);
    assert_dead(&app, &browser).await;
}

#[tokio::test]
async fn a_bearer_token_names_its_session_and_cookies_stay_out_of_it() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let browser = app.client().registered("bob").await;
    let before = browser.copy();
    let bearer = browser.clone().with_bearer(&ada.cookie("access_token").unwrap());
    let _ = bearer.post("/api/users/logout").without("origin").await.expect(200);
    assert_dead(&app, &ada).await;
    assert_alive(&before).await;
}

#[tokio::test]
async fn others_and_all_end_what_they_say() {
    let app = TestApp::start().await;
    let asks = app.client().registered("ada").await;
    let others = [app.client().logged_in("ada").await, app.client().logged_in("ada").await];
    let bob = app.client().registered("bob").await;
    let before = asks.copy();
    let answer = asks.post("/api/users/logout").json(&json!({"scope": "others"})).await.expect(200);
    assert!(answer.cookies().is_empty(), "the one that asks stays logged in");
    let _ = asks.get("/api/v1/users/me").await.expect(200);
    for other in &others {
        assert_dead(&app, other).await;
    }
    assert_alive(&before).await;
    assert_alive(&bob).await;

    let later = app.client().logged_in("ada").await;
    let _ = before.copy().post("/api/users/logout").json(&json!({"scope": "all"})).await.expect(200);
    assert_dead(&app, &before).await;
    assert_dead(&app, &later).await;
    assert_alive(&bob).await;
    assert_alive(&app.client().logged_in("ada").await).await;
    let mut details: Vec<_> = app
        .audit()
        .await
        .into_iter()
        .filter(|event| event.kind == "logout")
        .map(|event| event.detail)
        .collect();
    details.sort_unstable();
    assert_eq!(details, ["all", "others"]);
}

#[tokio::test]
async fn a_scope_that_is_none_ends_nothing() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    for scope in [json!("THIS"), json!(""), json!("everything"), json!(1), json!(["all"])] {
        let answer = browser.post("/api/users/logout").json(&json!({"scope": scope})).await;
        let problem = answer.expect_problem(422, "validation_failed").json();
        assert_eq!(problem["errors"][0]["field"], "scope");
    }
    assert_alive(&browser).await;
}

#[tokio::test]
async fn a_disabled_account_can_still_leave() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    database::disable(&app, "ada");
    let before = browser.copy();
    let _ = browser.post("/api/users/logout").await.expect(200);
    let _ = before.post("/api/users/token").await.expect_problem(401, "invalid_token");
}

/// A bearer token that opens nothing does not stand in the way of the cookies beside it.
#[tokio::test]
async fn a_dead_bearer_token_beside_cookies_logs_the_cookies_out() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let before = browser.copy();
    let answer = browser.with_bearer("a.b.c").post("/api/users/logout").await.expect(200);
    assert_deletes_cookies(&answer);
    assert_dead(&app, &before).await;
}

/// Cookies of a session that goes on are not taken away by the logout of another.
#[tokio::test]
async fn a_bearer_logout_keeps_the_cookies_of_another_session() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let tokens = app.client().tokens("ada").await;
    let answer = browser.copy().with_bearer(&tokens.access).post("/api/users/logout").await.expect(200);
    assert!(answer.cookies().is_empty());
    assert_alive(&browser).await;
}
