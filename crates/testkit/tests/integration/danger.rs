//! `danger.reveal_unknown_accounts`: the answers of a system that told who has an account (SPEC §1.2).

use serde_json::json;
use vestibule::core::{StartError, danger};
use vestibule_testkit::{Answer, Client, PASSWORD, TestApp};

async fn revealing() -> TestApp {
    let app = TestApp::builder()
        .policy(|policy| *policy = danger::reveal_unknown_accounts(policy.clone()))
        .start()
        .await;
    let _ = app.client().registered("ada").await;
    app
}

async fn form_login(client: &Client, name: &str, password: &str) -> Answer {
    client.post("/api/v1/login").form(&[("username", name), ("password", password)]).await
}

async fn forgot(client: &Client, email: &str) -> Answer {
    client.post("/api/users/forgot_password").json(&json!({"email": email})).await
}

#[tokio::test]
async fn unknown_banned_and_wrong_are_told_apart_where_that_was_asked_for() {
    let app = revealing().await;
    let client = app.client();
    for name in ["nobody", "nobody@example.com", "no name at all"] {
        let answer = client.log_in(name, PASSWORD).await.expect_problem(404, "not_found");
        assert_eq!(answer.json()["detail"], "There is no such account");
        let _ = form_login(&client, name, PASSWORD).await.expect_problem(404, "not_found");
    }
    let _ = client.log_in("ada", "wrong password").await.expect_problem(401, "invalid_credentials");
    let _ = client.log_in("ada", PASSWORD).await.expect(200);
    let database = rusqlite::Connection::open(app.database()).unwrap();
    database.execute("UPDATE account SET active = 0", []).unwrap();
    let answer = client.log_in("ada", PASSWORD).await.expect_problem(400, "account_disabled");
    assert_eq!(answer.json()["detail"], "User is banned");
    let _ = form_login(&client, "ada", PASSWORD).await.expect_problem(400, "account_disabled");
    let _ = client.log_in("ada", "wrong password").await.expect_problem(401, "invalid_credentials");
}

#[tokio::test]
async fn a_forgotten_password_of_nobody_is_told_where_that_was_asked_for() {
    let app = revealing().await;
    let _ = app.mails().await;
    let _ = forgot(&app.client(), "nobody@example.com").await.expect_problem(404, "not_found");
    let _ = forgot(&app.client(), "Ada@example.com").await.expect(200);
    assert_eq!(app.mails().await.len(), 1);
}

#[tokio::test]
async fn what_conceals_and_what_reveals_do_not_start_together() {
    let refused = TestApp::builder()
        .policy(|policy| {
            *policy = danger::reveal_unknown_accounts(policy.clone());
            policy.registration.requires_confirmation = true;
            policy.registration.conceals_existing = true;
        })
        .try_start()
        .await
        .unwrap_err();
    assert!(matches!(refused, StartError::Policy(_)), "{refused}");
}
