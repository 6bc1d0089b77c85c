//! Changes of an account by its owner, or by an administrator (SPEC §1.2).

use serde_json::{Value, json};
use vestibule_testkit::{Client, TestApp, faults::Fault};

use super::{confirmation::only_letter, database};

/// The id of whoever is logged in.
pub(super) async fn id_of(client: &Client) -> String {
    client.get("/api/v1/users/me").await.member("id")
}

/// An administrator, logged in; their letters are gone.
pub(super) async fn admin_of(app: &TestApp) -> Client {
    let root = app.client().registered("boss").await;
    database::promote(app, "boss");
    let _ = app.mails().await;
    root
}

async fn rename(client: &Client, id: &str, to: &str) -> vestibule_testkit::Answer {
    client.post(&format!("/api/users/{id}/change_username")).json(&json!({"username": to})).await
}

#[tokio::test]
async fn a_name_is_changed_told_by_mail_and_carried_by_the_next_token() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let (id, _) = (id_of(&ada).await, app.mails().await);
    assert_eq!(rename(&ada, &id, " countess ").await.expect(200).json(), json!({"username": "countess"}));
    let letter = only_letter(&app).await;
    assert_eq!(letter.to, "ada@example.com");
    assert!(letter.text.contains("countess") && letter.text.contains("ada"), "{}", letter.text);
    let claimed = ada.post("/api/users/token").await.expect(200);
    assert_eq!(claimed.json()["username"], "ada", "until the next refresh");
    let _ = ada.post("/api/users/token/refresh").await.expect(200);
    assert_eq!(ada.post("/api/users/token").await.json()["username"], "countess");
    let _ = app.client().log_in("ada", vestibule_testkit::PASSWORD).await.expect(401);
    let _ = app.client().logged_in("Countess").await;
    let events = app.audit().await;
    let event = events.iter().find(|event| event.kind == "username_changed").unwrap();
    assert_eq!((event.account_id.unwrap().to_string(), event.actor_id), (id, None));
}

#[tokio::test]
async fn a_name_must_be_new_free_and_follow_the_rules() {
    let app = TestApp::start().await;
    let (ada, _) = (app.client().registered("ada").await, app.client().registered("bob").await);
    let (id, _) = (id_of(&ada).await, app.mails().await);
    for (to, code, detail) in [
        ("ada", "username_unchanged", "Enter NEW username"),
        (" ada ", "username_unchanged", "Enter NEW username"),
        ("BOB", "username_taken", "Username already exists"),
        ("root", "username_reserved", "Wrong username"),
        ("ab", "username_length", "Username must contain from 3 to 20 symbols"),
        ("a.b.c", "username_characters", "Username must not contain special characters"),
    ] {
        let answer = rename(&ada, &id, to).await.expect_problem(400, code);
        assert_eq!(answer.json()["detail"], detail);
    }
    assert!(app.mails().await.is_empty());
    assert_eq!(rename(&ada, &id, "Ada").await.expect(200).json(), json!({"username": "Ada"}));
    assert_eq!(app.mails().await.len(), 1);
}

/// T16, better-auth CVE-2025-61928: whose account it is says the token and not the request.
#[tokio::test]
async fn t16_an_account_is_changed_by_its_owner_and_by_administrators_alone() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.client().registered("ada").await, app.client().registered("eve").await);
    let (id, unknown) = (id_of(&ada).await, "0190163d-8694-739b-aea5-966c26f8ad91");
    let _ = rename(&app.client(), &id, "other").await.expect_problem(401, "not_authenticated");
    for id in [&id, unknown] {
        let _ = rename(&eve, id, "other").await.expect_problem(403, "forbidden");
    }
    let path = format!("/api/users/{id}/change_username?id={}", id_of(&eve).await);
    let own = json!({"username": "other", "id": id_of(&eve).await, "account_id": id_of(&eve).await});
    let _ = eve.post(&path).json(&own).await.expect_problem(403, "forbidden");
    let root = admin_of(&app).await;
    for unknown in [unknown, "me", "1"] {
        let _ = rename(&root, unknown, "other").await.expect_problem(404, "not_found");
    }
    let _ = rename(&root, &id, "countess").await.expect(200);
    assert_eq!(only_letter(&app).await.to, "ada@example.com");
    let events = app.audit().await;
    let event = events.iter().find(|event| event.kind == "username_changed").unwrap();
    assert_eq!(event.actor_id.unwrap().to_string(), id_of(&root).await);
}

/// T04, Zitadel CVE-2026-27946: no field that a person sends about themselves sets what others decide.
#[tokio::test]
async fn t04_nobody_confirms_promotes_or_enables_themselves() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let before = ada.get("/api/v1/users/me").await.json();
    let id = before["id"].as_str().unwrap().to_owned();
    let mut body = json!({
        "username": "countess", "confirmed": true, "permissions": ["admin"], "active": false, "email": "a@b.org",
        "id": "0190163d-8694-739b-aea5-966c26f8ad91", "created_at": "2000-01-01T00:00:00Z",
    });
    let _ = ada.post(&format!("/api/users/{id}/change_username")).json(&body).await.expect(200);
    let mut after = ada.get("/api/v1/users/me").await.json();
    after["username"] = json!("ada");
    assert_eq!(after, before);
    for (name, value) in [("username", "eve"), ("email", "eve@example.com"), ("password", "x 8 y 9 z 10 a")] {
        body[name] = json!(value);
    }
    let made: Value = app.client().post("/api/v1/users").json(&body).await.expect(201).json();
    assert_eq!(
        (&made["confirmed"], &made["permissions"], &made["active"]),
        (&json!(false), &json!([]), &json!(true))
    );
    assert_ne!(made["id"], body["id"]);
}

#[tokio::test]
async fn t58_an_outage_changes_no_name_and_mails_nothing() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let (id, _) = (id_of(&ada).await, app.mails().await);
    app.store().fail("change_account", Fault::Before);
    let _ = rename(&ada, &id, "countess").await.expect_problem(503, "unavailable");
    app.store().heal();
    assert!(app.mails().await.is_empty());
    assert_eq!(ada.get("/api/v1/users/me").await.json()["username"], "ada");
}
