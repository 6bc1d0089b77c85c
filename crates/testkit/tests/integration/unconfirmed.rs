//! `registration.require_confirmation`: nobody logs in before they have proved their address (SPEC §1.1, §1.2).

use serde_json::json;
use vestibule_testkit::{Client, PASSWORD, TestApp, faults::Fault};

use super::confirmation::{only_letter, token_of};

async fn strict() -> TestApp {
    TestApp::builder().policy(|policy| policy.registration.requires_confirmation = true).start().await
}

async fn form_login(client: &Client, password: &str) -> vestibule_testkit::Answer {
    client.post("/api/v1/login").form(&[("username", "ada"), ("password", password)]).await
}

#[tokio::test]
async fn who_registers_is_not_logged_in_until_they_have_confirmed() {
    let app = strict().await;
    let ada = app.client();
    let body =
        json!({"email": "ada@example.com", "username": "ada", "password1": PASSWORD, "password2": PASSWORD});
    let answer = ada.post("/api/users/register").json(&body).await.expect(200);
    assert!(answer.cookies().is_empty());
    let account = answer.json();
    assert_eq!((&account["confirmed"], &account["last_login_at"]), (&json!(false), &json!(null)));
    let _ = ada.get("/api/users/sessions").await.expect_problem(401, "not_authenticated");
    let link = token_of(&only_letter(&app).await);

    let answer = ada.log_in("ada", PASSWORD).await.expect_problem(403, "email_not_confirmed");
    assert!(answer.cookies().is_empty());
    let _ = app.client().post(&format!("/api/users/confirm/{link}")).await.expect_problem(403, "forbidden");
    let link = token_of(&only_letter(&app).await);
    let _ = app.client().post(&format!("/api/users/confirm/{link}")).await.expect(200);
    let _ = ada.log_in("ada", PASSWORD).await.expect(200);
    let _ = ada.get("/api/users/sessions").await.expect(200);
}

/// T54, django-allauth 2018, and T48: every way in asks, and only who knows the password is told.
#[tokio::test]
async fn t54_every_way_in_asks_for_the_proof_and_tells_of_it_only_after_the_right_password() {
    let app = strict().await;
    let _ = app.client().registered("ada").await;
    let stranger = app.client();
    let _ = stranger.log_in("ada", "wrong password").await.expect_problem(401, "invalid_credentials");
    let _ = form_login(&stranger, "wrong password").await.expect_problem(401, "invalid_credentials");
    assert_eq!(app.mails().await.len(), 1, "a wrong password mails nothing");
    let _ = stranger.log_in("ada", PASSWORD).await.expect_problem(403, "email_not_confirmed");
    let _ = form_login(&stranger, PASSWORD).await.expect_problem(403, "email_not_confirmed");
    let form = [("username", "ada@example.com"), ("password", PASSWORD)];
    let _ = stranger.post("/api/v1/token").form(&form).await.expect_problem(403, "email_not_confirmed");
    let events = app.audit().await;
    assert_eq!(events.iter().filter(|event| event.detail == "email_not_confirmed").count(), 3);
}

#[tokio::test]
async fn a_refused_login_mails_a_link_and_no_more_than_anybody_may_ask_for() {
    let app = strict().await;
    let _ = app.client().registered("ada").await;
    let _ = app.mails().await;
    for _ in 0..5 {
        let _ = app.client().log_in("ada", PASSWORD).await.expect_problem(403, "email_not_confirmed");
    }
    // Links of one moment: the last replaced the one before.
    assert_eq!(app.mails().await.len(), 2);
    app.clock().advance(std::time::Duration::from_mins(30));
    app.store().fail("issue_link", Fault::Before);
    let _ = app.client().log_in("ada", PASSWORD).await.expect_problem(403, "email_not_confirmed");
    app.store().heal();
    assert!(app.mails().await.is_empty());
}

#[tokio::test]
async fn a_password_reset_proves_the_address_too() {
    let app = strict().await;
    let _ = app.client().registered("ada").await;
    let _ = app.mails().await;
    let forgot = app.client().post("/api/users/forgot_password").json(&json!({"email": "ada@example.com"}));
    let _ = forgot.await.expect(200);
    let link = token_of(&only_letter(&app).await);
    let new = json!({"password1": "another horse and battery", "password2": "another horse and battery"});
    let _ = app.client().post(&format!("/api/users/password/{link}")).json(&new).await.expect(200);
    let _ = app.client().log_in("ada", "another horse and battery").await.expect(200);
}
