//! `/api/v1/users`: registration without cookies, and one's own account.

use serde_json::json;
use vestibule_testkit::{PASSWORD, TestApp};

use super::database;

#[tokio::test]
async fn an_account_is_made_without_logging_in() {
    let app = TestApp::start().await;
    let request = json!({"email": "ada@example.com", "password": PASSWORD, "username": null});
    let answer = app.client().post("/api/v1/users").json(&request).await.expect(201);
    let account = answer.json();
    assert!(answer.cookies().is_empty());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(
        account,
        json!({
            "id": account["id"], "email": "ada@example.com", "username": null, "full_name": null, "active": true,
            "confirmed": false, "permissions": [], "created_at": "2026-01-01T00:00:00.000Z", "last_login_at": null,
        })
    );
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM session"), 0);
    let tokens = app.client().tokens("ada@example.com").await;
    let me = app.client().with_bearer(&tokens.access).get("/api/v1/users/me").await.expect(200);
    assert_eq!(me.json()["last_login_at"], "2026-01-01T00:00:00.000Z");
    let kinds: Vec<_> = app.audit().await.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "register").count(), 1);
}

#[tokio::test]
async fn a_taken_name_is_a_conflict_here() {
    let app = TestApp::start().await;
    let _ada = app.client().registered("ada").await;
    let request = json!({"email": "ADA@example.com", "password": PASSWORD, "username": "other"});
    let _ = app.client().post("/api/v1/users").json(&request).await.expect_problem(409, "email_taken");
    let request = json!({"email": "other@example.com", "password": PASSWORD, "username": "ADA"});
    let _ = app.client().post("/api/v1/users").json(&request).await.expect_problem(409, "username_taken");
}

#[tokio::test]
async fn a_broken_rule_names_the_field_as_this_route_calls_it() {
    let app = TestApp::start().await;
    let request = json!({"email": "ada@example.com", "password": "short"});
    let answer = app.client().post("/api/v1/users").json(&request).await;
    let problem = answer.expect_problem(400, "password_length").json();
    assert_eq!(problem["errors"][0]["field"], "password");
}

#[tokio::test]
async fn two_accounts_without_a_user_name_do_not_collide() {
    let app = TestApp::start().await;
    for name in ["ada", "bob"] {
        let request = json!({"email": format!("{name}@example.com"), "password": PASSWORD});
        let _ = app.client().post("/api/v1/users").json(&request).await.expect(201);
    }
}

#[tokio::test]
async fn me_is_the_account_as_it_is_now() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let me = ada.get("/api/v1/users/me").await.expect(200);
    assert_eq!(me.header("cache-control"), Some("no-store"));
    assert_eq!(me.json()["permissions"], json!([]));
    database::change(&app, "UPDATE account SET permissions = '[\"read\"]' WHERE username = ?1", "ada");
    assert_eq!(ada.get("/api/v1/users/me").await.json()["permissions"], json!(["read"]));
}

#[tokio::test]
async fn me_asks_for_a_login() {
    let app = TestApp::start().await;
    let answer = app.client().get("/api/v1/users/me").await;
    let answer = answer.expect_problem(401, "not_authenticated");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    let answer = app.client().with_bearer("nonsense").get("/api/v1/users/me").await;
    let answer = answer.expect_problem(401, "invalid_token");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
}

/// T54, allauth 2018: `active` is asked on every way in.
#[tokio::test]
async fn t54_a_disabled_account_is_out_of_every_door() {
    let app = TestApp::builder().policy(|policy| policy.throttle.account_failures = 100).start().await;
    let ada = app.client().registered("ada").await;
    let tokens = app.client().tokens("ada").await;
    database::disable(&app, "ada");
    let _ = ada.get("/api/v1/users/me").await.expect_problem(401, "invalid_token");
    let bearer = app.client().with_bearer(&tokens.access);
    let _ = bearer.get("/api/v1/users/me").await.expect_problem(401, "invalid_token");
    let _ = ada.copy().post("/api/users/token/refresh").await.expect_problem(401, "invalid_token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
    let _ = app.client().post("/api/v1/token").form(&form).await.expect_problem(401, "invalid_token");
    let body = json!({"refresh_token": tokens.refresh});
    let answer = app.client().post("/api/users/token/refresh").json(&body).await;
    let _ = answer.expect_problem(401, "invalid_token");

    // The right password is told what is wrong, a wrong one is told nothing.
    let form = |password| [("username", "ada"), ("password", password)];
    for path in ["/api/v1/login", "/api/v1/token"] {
        let _ = app.client().post(path).form(&form(PASSWORD)).await.expect_problem(403, "account_disabled");
        let wrong = app.client().post(path).form(&form("wrong password")).await;
        let _ = wrong.expect_problem(401, "invalid_credentials");
    }
    let answer = app.client().log_in("ada", PASSWORD).await.expect_problem(403, "account_disabled");
    assert!(answer.cookies().is_empty());
    let _ = app.client().log_in("ada", "wrong password").await.expect_problem(401, "invalid_credentials");
}
