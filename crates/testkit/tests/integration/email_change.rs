//! Another e-mail address: asked for, proved, told (SPEC §1.2).

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::json;
use tokio::sync::Notify;
use vestibule::core::ports::hooks::{EmailChange, HookFailure, Hooks, Verdict};
use vestibule_testkit::{Answer, Client, PASSWORD, TestApp, faults::Fault};

use super::{
    account_changes::{admin_of, id_of},
    confirmation::{only_letter, token_of},
};

async fn ask(client: &Client, id: &str, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    client.post(&format!("/api/users/{id}/change_email")).json(&body).await
}

async fn confirm(app: &TestApp, token: &str) -> u16 {
    app.client().post(&format!("/api/users/confirm/{token}")).await.status.as_u16()
}

/// Somebody logged in, whose letters are gone.
async fn stage() -> (TestApp, Client, String) {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let id = id_of(&ada).await;
    let _ = app.mails().await;
    (app, ada, id)
}

#[tokio::test]
async fn a_new_address_counts_once_it_is_confirmed_and_the_old_one_is_told() {
    let (app, ada, id) = stage().await;
    let _ = ask(&ada, &id, "Countess@example.com", PASSWORD).await.expect(200);
    let letter = only_letter(&app).await;
    assert_eq!(letter.to, "Countess@example.com");
    assert_eq!(ada.get("/api/v1/users/me").await.json()["email"], "ada@example.com");
    let _ = app.client().log_in("countess@example.com", PASSWORD).await.expect(401);
    assert_eq!(confirm(&app, &token_of(&letter)).await, 200);
    let told = only_letter(&app).await;
    assert_eq!(told.to, "ada@example.com");
    assert!(told.text.contains("Countess@example.com"), "{}", told.text);
    let account = ada.get("/api/v1/users/me").await.json();
    assert_eq!((&account["email"], &account["confirmed"]), (&json!("Countess@example.com"), &json!(true)));
    let _ = app.client().log_in("countess@example.com", PASSWORD).await.expect(200);
    let _ = app.client().log_in("ada@example.com", PASSWORD).await.expect(401);
    assert!(app.audit().await.iter().any(|event| event.kind == "address_change_requested"));
}

/// T32, Devise CVE-2026-32700: a link proves the address it was mailed to, and only while that is what was asked for.
#[tokio::test]
async fn t32_a_link_proves_no_other_address_than_the_last_one_asked_for() {
    let (app, ada, id) = stage().await;
    let _ = ask(&ada, &id, "mine@example.com", PASSWORD).await.expect(200);
    let mine = only_letter(&app).await;
    let _ = ask(&ada, &id, "victim@example.com", PASSWORD).await.expect(200);
    assert_eq!(only_letter(&app).await.to, "victim@example.com");
    assert_eq!(confirm(&app, &token_of(&mine)).await, 403);
    let code = json!({"email": "victim@example.com", "code": mine.code});
    let _ = app.client().post("/api/users/confirm_code").json(&code).await.expect_problem(403, "forbidden");
    let account = ada.get("/api/v1/users/me").await.json();
    assert_eq!((&account["email"], &account["confirmed"]), (&json!("ada@example.com"), &json!(false)));
}

/// T33, Django CVE-2019-19844: letters go to the address of the account, whatever one like it was typed.
#[tokio::test]
async fn t33_a_reminder_goes_to_the_confirmed_address_as_its_owner_typed_it() {
    let (app, ada, id) = stage().await;
    let _ = ask(&ada, &id, "Countess@example.com", PASSWORD).await.expect(200);
    assert_eq!(confirm(&app, &token_of(&only_letter(&app).await)).await, 200);
    let _ = app.mails().await;
    for (typed, is_mailed) in
        [("ada@example.com", false), ("count\u{df}@example.com", false), ("COUNTESS@EXAMPLE.COM", true)]
    {
        let forgot = app.client().post("/api/users/forgot_password").json(&json!({"email": typed}));
        let _ = forgot.await;
        let to: Vec<_> = app.mails().await.into_iter().map(|letter| letter.to).collect();
        assert_eq!(to == ["Countess@example.com"], is_mailed, "{typed} {to:?}");
    }
}

#[tokio::test]
async fn an_address_must_be_one_new_and_free_and_the_password_right() {
    let (app, ada, id) = stage().await;
    let _ = app.client().registered("bob").await;
    let _ = app.mails().await;
    for (email, password, code) in [
        ("nonsense", PASSWORD, "invalid_email"),
        ("a@b.org\r\nBcc: c@d.org", PASSWORD, "invalid_email"),
        ("ada@example.com", PASSWORD, "email_unchanged"),
        ("BOB@example.com", PASSWORD, "email_taken"),
        ("bob@example.com", "wrong password", "password_wrong"),
        ("new@example.com", "wrong password", "password_wrong"),
    ] {
        let _ = ask(&ada, &id, email, password).await.expect_problem(400, code);
    }
    let failures: Vec<_> =
        app.audit().await.into_iter().filter(|event| event.detail == "wrong_password").collect();
    assert!(failures.len() == 2 && failures.iter().all(|event| event.kind == "address_change_requested"));
    let missing = ada.post(&format!("/api/users/{id}/change_email")).json(&json!({"email": "a@b.org"}));
    let _ = missing.await.expect_problem(422, "validation_failed");
    assert!(app.mails().await.is_empty());
    let _ = ask(&ada, &id, "ADA@example.com", PASSWORD).await.expect(200);
    assert_eq!(only_letter(&app).await.to, "ADA@example.com", "another letter case is a change");
}

#[tokio::test]
async fn mails_and_guesses_are_limited() {
    let (app, ada, id) = stage().await;
    for number in 0..2 {
        let _ = ask(&ada, &id, &format!("a{number}@example.com"), PASSWORD).await.expect(200);
    }
    let answer = ask(&ada, &id, "a3@example.com", PASSWORD).await.expect_problem(429, "rate_limited");
    assert_eq!(answer.header("retry-after"), Some("1800"));
    assert_eq!(answer.json()["detail"], "Too many mails to confirm an address, try again in 1800 s");
    let guess = async |from: &Client| ask(from, &id, "a4@example.com", "wrong password").await;
    for _ in 0..10 {
        let _ = guess(&ada).await.expect_problem(400, "password_wrong");
    }
    let answer = guess(&ada).await.expect_problem(429, "rate_limited");
    assert_eq!(answer.json()["detail"], "Too many failed logins from this device, try again in 1 s");
    // Another session of the owner's is another's matter, and so is a login; the network is not.
    let other = app.client().logged_in("ada").await;
    for _ in 0..10 {
        let _ = guess(&other).await.expect_problem(400, "password_wrong");
    }
    for _ in 0..9 {
        let _ = app.client().log_in("eve", "wrong password").await;
    }
    let answer = guess(&other).await.expect_problem(429, "rate_limited");
    assert!(answer.json()["detail"].as_str().unwrap().contains("your network"), "{}", answer.text());
}

/// Whoever has an account does not ask for everybody's address: looking counts like a mail, before anybody has looked.
#[tokio::test]
async fn asking_for_taken_addresses_is_limited() {
    let (app, _, _) = stage().await;
    let eve = app.client().registered("eve").await;
    let id = id_of(&eve).await;
    let _ = app.mails().await;
    for _ in 0..2 {
        let _ = ask(&eve, &id, "ada@example.com", PASSWORD).await.expect_problem(400, "email_taken");
    }
    let _ = app.store().take_calls();
    let answer = ask(&eve, &id, "ada@example.com", PASSWORD).await.expect_problem(429, "rate_limited");
    assert!(answer.json()["detail"].as_str().unwrap().contains("mails"), "{}", answer.text());
    let free = ask(&eve, &id, "free@example.com", PASSWORD).await.expect_problem(429, "rate_limited");
    assert_eq!(free.json()["detail"], answer.json()["detail"]);
    // For the password, each time, and never for the address.
    let looked = app.store().take_calls().into_iter().filter(|call| *call == "find_credentials").count();
    assert_eq!(looked, 2);
    app.clock().advance(Duration::from_mins(30));
    let eve = app.client().logged_in("eve").await;
    let _ = ask(&eve, &id, "ada@example.com", PASSWORD).await.expect_problem(400, "email_taken");
}

#[tokio::test]
async fn t16_an_address_is_changed_by_its_owner_and_by_administrators_alone() {
    let (app, ada, id) = stage().await;
    let eve = app.client().registered("eve").await;
    let _ = ask(&app.client(), &id, "e@example.com", PASSWORD).await.expect_problem(401, "not_authenticated");
    let _ = ask(&eve, &id, "e@example.com", PASSWORD).await.expect_problem(403, "forbidden");
    let root = admin_of(&app).await;
    let body = json!({"email": "countess@example.com"});
    let unknown = root.post("/api/users/0190163d-8694-739b-aea5-966c26f8ad91/change_email").json(&body);
    let _ = unknown.await.expect_problem(404, "not_found");
    let _ = root.post(&format!("/api/users/{id}/change_email")).json(&body).await.expect(200);
    assert_eq!(only_letter(&app).await.to, "countess@example.com");
    assert_eq!(ada.get("/api/v1/users/me").await.json()["email"], "ada@example.com");
    // An administrator's own address needs the password like everybody's.
    let own = root.post(&format!("/api/users/{}/change_email", id_of(&root).await)).json(&body);
    let _ = own.await.expect_problem(422, "validation_failed");
}

/// An application that thinks until it is told to go on.
#[derive(Debug, Default)]
struct Thinking {
    asked: Notify,
    go_on: Notify,
}

#[async_trait]
impl Hooks for Thinking {
    async fn before_email_change(&self, _: &EmailChange) -> Result<Verdict, HookFailure> {
        self.asked.notify_one();
        self.go_on.notified().await;
        Ok(Verdict::Proceed)
    }
}

/// T15: whoever knows the old password and was a moment faster must not take the account away all the same.
#[tokio::test]
async fn t15_an_address_asked_for_with_the_old_password_is_not_mailed_to_after_its_change() {
    let hooks = Arc::new(Thinking::default());
    let builder = TestApp::builder().hooks(hooks.clone());
    let app = builder.policy(|policy| policy.hooks.patience = Duration::from_mins(5)).start().await;
    let ada = app.client().registered("ada").await;
    let id = id_of(&ada).await;
    let _ = app.mails().await;
    let thief = ada.copy();
    let asking = tokio::spawn(async move { ask(&thief, &id, "mallory@example.com", PASSWORD).await });
    hooks.asked.notified().await;
    let new = "an entirely other one";
    let body = json!({"old_password": PASSWORD, "password1": new, "password2": new});
    let _ = ada.put("/api/users/password").json(&body).await.expect(200);
    hooks.go_on.notify_one();
    let refused = asking.await.unwrap().expect_problem(400, "password_wrong");
    assert!(refused.text().contains("Wrong password!"), "{}", refused.text());
    let letters: Vec<_> = app.mails().await.into_iter().map(|letter| letter.to).collect();
    assert_eq!(letters, ["ada@example.com"], "of the new password, to its owner");
}

#[tokio::test]
async fn t58_an_outage_is_no_promise() {
    let (app, ada, id) = stage().await;
    for method in ["find_credentials", "issue_link"] {
        app.store().fail(method, Fault::Before);
        let _ = ask(&ada, &id, "a@example.org", PASSWORD).await.expect_problem(503, "unavailable");
        app.store().heal();
    }
    assert!(app.mails().await.is_empty());
}
