//! Accounts deleted by their owners: out of use at once, taken back, gone with all that is theirs (SPEC §1.2).

use std::time::Duration;

use serde_json::json;
use vestibule_testkit::{Answer, Client, PASSWORD, TestApp, faults::Fault};

use super::{
    account_changes::{admin_of, id_of},
    avatar::{png, upload},
    confirmation::{only_letter, token_of},
    database,
};

const GRACE: Duration = Duration::from_hours(24 * 14);

async fn ask(client: &Client, password: &str) -> Answer {
    client.post("/api/users/delete").json(&json!({"password": password})).await
}

async fn log_in_again(client: &Client, restore: bool) -> Answer {
    let body = json!({"login": "ada", "password": PASSWORD, "restore": restore});
    client.post("/api/users/login").json(&body).await
}

/// Somebody logged in, whose letters are gone.
async fn stage() -> (TestApp, Client, String) {
    staged(TestApp::start().await).await
}

async fn staged(app: TestApp) -> (TestApp, Client, String) {
    let ada = app.client().registered("ada").await;
    let id = id_of(&ada).await;
    let _ = app.mails().await;
    (app, ada, id)
}

async fn kinds(app: &TestApp, id: &str) -> Vec<(String, String)> {
    let events = app.audit().await.into_iter();
    let own = events.filter(|event| event.account_id.is_some_and(|own| own.to_string() == id));
    own.map(|event| (event.kind, event.detail)).collect()
}

fn event(kind: &str, detail: &str) -> (String, String) {
    (kind.to_owned(), detail.to_owned())
}

#[tokio::test]
async fn a_deleted_account_is_out_of_use_at_once_and_its_owner_is_told_until_when() {
    let (app, ada, id) = stage().await;
    let other = app.client().logged_in("ada").await;
    let tokens = app.client().tokens("ada").await;
    let answer = ask(&ada, PASSWORD).await.expect(200);
    assert_eq!(answer.json(), json!({"deletes_at": "2026-01-15T00:00:00.000Z"}));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.cookies().len(), 2, "both are deleted");
    assert!(ada.cookie("access_token").is_none() && ada.cookie("refresh_token").is_none());
    for client in [&other, &app.client().with_bearer(&tokens.access)] {
        let _ = client.post("/api/users/token").await.expect_problem(401, "invalid_token");
    }
    let _ = other.post("/api/users/token/refresh").await.expect_problem(401, "invalid_token");
    for login in [
        app.client().log_in("ada", PASSWORD).await,
        log_in_again(&app.client(), false).await,
        app.client().post("/api/v1/login").form(&[("username", "ada"), ("password", PASSWORD)]).await,
    ] {
        let answer = login.expect_problem(403, "deletion_pending");
        assert_eq!(answer.json()["detail"], "The account is to be deleted at 2026-01-15T00:00:00.000Z");
    }
    let _ = app.client().log_in("ada", "wrong password").await.expect_problem(401, "invalid_credentials");
    let letter = only_letter(&app).await;
    assert_eq!((letter.to.as_str(), letter.code), ("ada@example.com", None));
    assert!(letter.text.contains("15 January 2026, 00:00 UTC"), "{}", letter.text);
    assert!(letter.html.contains("15 January 2026, 00:00 UTC"), "{}", letter.html);
    assert!(kinds(&app, &id).await.contains(&event("deletion_requested", "")));
}

/// T15, authentik CVE-2025-64708: once its time has come it is gone for everybody, whoever has cleaned up or not; the
/// names are free once somebody has.
#[tokio::test]
async fn t15_names_stay_taken_during_the_grace_and_are_free_afterwards() {
    let (app, ada, id) = stage().await;
    let _ = ask(&ada, PASSWORD).await.expect(200);
    let register = async || {
        let body = json!({"email": "ADA@example.com", "username": "Ada", "password1": PASSWORD, "password2": PASSWORD});
        app.client().post("/api/users/register").json(&body).await
    };
    app.clock().advance(GRACE.saturating_sub(Duration::from_secs(1)));
    let _ = app.auth().delete_expired().await.unwrap();
    let _ = register().await.expect_problem(400, "email_taken");
    let _ = app.client().log_in("ada", PASSWORD).await.expect_problem(403, "deletion_pending");
    app.clock().advance(Duration::from_secs(1));
    for restore in [false, true] {
        let _ = log_in_again(&app.client(), restore).await.expect_problem(401, "invalid_credentials");
    }
    assert!(app.auth().delete_expired().await.unwrap() >= 1);
    assert!(kinds(&app, &id).await.contains(&event("account_deletion", "grace_over")));
    let _ = register().await.expect(200);
    assert_ne!(id_of(&app.client().logged_in("ada").await).await, id);
}

/// Better-auth GHSA-2vg6-77g8-24mp: sessions outlived the user.
#[tokio::test]
async fn t24_nothing_outlives_the_account() {
    let (app, ada, id) = stage().await;
    let tokens = app.client().tokens("ada").await;
    let forgot = app.client().post("/api/users/forgot_password").json(&json!({"email": "ada@example.com"}));
    let _ = forgot.await.expect(200);
    let reset = only_letter(&app).await;
    let _ = ada.post("/api/users/confirm").await.expect(200);
    let picture = format!("/api/v1/users/{id}/avatar");
    let _ = upload(ada.post(&picture), "file", &png(2, 2)).await.expect(200);
    let _ = ask(&ada, PASSWORD).await.expect(200);
    let _ = app.client().get(&picture).await.expect_problem(404, "not_found");
    app.clock().advance(GRACE);
    let _ = app.auth().delete_expired().await.unwrap();
    for table in ["account", "mailed_link", "username_part", "avatar"] {
        assert_eq!(database::count(&app, &format!("SELECT COUNT(*) FROM {table}")), 0, "{table}");
    }
    let waiting = database::count(&app, "SELECT COUNT(*) FROM errand");
    assert_eq!(waiting, 1, "the letter that tells of it, and not the one that asks for a proof");
    let told = only_letter(&app).await;
    assert!(told.subject.contains("will be deleted"), "{}", told.subject);
    for token in [token_of(&reset)] {
        let body = json!({"password1": PASSWORD, "password2": PASSWORD});
        let answer = app.client().post(&format!("/api/users/password/{token}")).json(&body).await;
        let _ = answer.expect_problem(404, "not_found");
    }
    let refresh = json!({"refresh_token": tokens.refresh});
    let refresh = app.client().post("/api/users/token/refresh").json(&refresh).await;
    let _ = refresh.expect_problem(401, "invalid_token");
    let root = admin_of(&app).await;
    let _ = root.get(&format!("/api/v1/users/{id}")).await.expect_problem(404, "not_found");
    // A node that starts now knows as much.
    let app = app.stop().await.start().await;
    let bearer = app.client().with_bearer(&tokens.access);
    let _ = bearer.get("/api/v1/users/me").await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn logging_in_takes_the_deletion_back_for_whoever_says_so() {
    let (app, ada, id) = stage().await;
    let old = ada.copy();
    let _ = ask(&ada, PASSWORD).await.expect(200);
    app.clock().advance(GRACE / 2);
    let account = log_in_again(&ada, true).await.expect(200).json();
    assert_eq!((&account["active"], &account["id"]), (&json!(true), &json!(id)));
    let _ = ada.get("/api/v1/users/me").await.expect(200);
    let _ = old.post("/api/users/token/refresh").await.expect_problem(401, "invalid_token");
    app.clock().advance(GRACE * 2);
    let _ = app.auth().delete_expired().await.unwrap();
    let _ = log_in_again(&app.client(), true).await.expect(200);
    assert!(kinds(&app, &id).await.contains(&event("account_restored", "")));
}

/// T54, django-allauth 2018: inactive users in by a second path.
#[tokio::test]
async fn t54_what_an_administrator_has_disabled_nobody_takes_back() {
    let (app, ada, id) = stage().await;
    let _ = ask(&ada, PASSWORD).await.expect(200);
    let root = admin_of(&app).await;
    let patch = async |active: bool| {
        let body = json!({"active": active});
        root.patch(&format!("/api/v1/users/{id}")).json(&body).await.expect(200).json()["active"].clone()
    };
    assert_eq!(patch(false).await, false);
    for restore in [false, true] {
        let _ = log_in_again(&app.client(), restore).await.expect_problem(403, "account_disabled");
    }
    assert_eq!(patch(true).await, true, "and an administrator takes the deletion back");
    let _ = app.client().log_in("ada", PASSWORD).await.expect(200);
    app.clock().advance(GRACE);
    let _ = app.auth().delete_expired().await.unwrap();
    let _ = app.client().log_in("ada", PASSWORD).await.expect(200);
    // A plain ban is none that its owner could take back.
    database::disable(&app, "ada");
    let _ = log_in_again(&app.client(), true).await.expect_problem(403, "account_disabled");
}

/// T48, Keycloak CVE-2026-9798: every way to try a password passes the same gate.
#[tokio::test]
async fn t48_the_password_is_asked_for_and_guesses_count() {
    let (app, ada, id) = stage().await;
    let missing = ada.post("/api/users/delete").json(&json!({}));
    let _ = missing.await.expect_problem(422, "validation_failed");
    for _ in 0..10 {
        let _ = ask(&ada, "wrong password").await.expect_problem(400, "password_wrong");
    }
    let _ = ask(&ada, PASSWORD).await.expect_problem(429, "rate_limited");
    for number in 0..19 {
        let _ = app.client().log_in(&format!("nobody{number}"), "wrong password").await.expect(401);
    }
    let _ = app.client().log_in("ada", PASSWORD).await.expect_problem(429, "rate_limited");
    assert!(kinds(&app, &id).await.contains(&event("deletion_requested", "wrong_password")));
    let _ = ada.get("/api/v1/users/me").await.expect(200);
    app.clock().advance(Duration::from_mins(2));
    let _ = ask(&ada, PASSWORD).await.expect(200);
}

/// T53, allauth 65.11.1: no password is no empty one.
#[tokio::test]
async fn t53_an_account_without_a_password_is_given_one_first() {
    let (app, ada, _) = stage().await;
    database::remove_password(&app, "ada");
    for password in [PASSWORD, " "] {
        let _ = ask(&ada, password).await.expect_problem(400, "password_missing");
    }
    let _ = ada.get("/api/v1/users/me").await.expect(200);
    let body = json!({"password1": PASSWORD, "password2": PASSWORD});
    let _ = ada.post("/api/users/password").json(&body).await.expect(200);
    let _ = ask(&ada, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let (app, ada, id) = stage().await;
    database::promote(&app, "ada");
    let _ = ask(&ada, PASSWORD).await.expect_problem(409, "conflict");
    assert!(kinds(&app, &id).await.contains(&event("deletion_requested", "last_admin")));
    assert!(app.mails().await.is_empty());
    let _ = ada.get("/api/v1/users/me").await.expect(200);
    let _root = admin_of(&app).await;
    let _ = ask(&ada, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn without_a_grace_it_is_gone_at_once() {
    let at_once = |policy: &mut vestibule::core::Policy| policy.accounts.deletion_grace = Duration::ZERO;
    let (app, ada, id) = staged(TestApp::builder().policy(at_once).start().await).await;
    let _ = ask(&ada, PASSWORD).await.expect(200);
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM account"), 0);
    let letter = only_letter(&app).await;
    assert!(letter.subject.contains("was deleted"), "{}", letter.subject);
    let _ = log_in_again(&app.client(), true).await.expect_problem(401, "invalid_credentials");
    let _ = app.client().registered("ada").await;
    let events = kinds(&app, &id).await;
    for expected in [event("deletion_requested", ""), event("account_deletion", "grace_over")] {
        assert!(events.contains(&expected), "{events:?}");
    }
}

/// T58: what was asked for stands, and the upkeep does it.
#[tokio::test]
async fn t58_a_deletion_at_once_that_meets_an_outage_is_done_later() {
    let at_once = |policy: &mut vestibule::core::Policy| policy.accounts.deletion_grace = Duration::ZERO;
    let (app, ada, _) = staged(TestApp::builder().policy(at_once).start().await).await;
    app.store().fail("delete_due_accounts", Fault::Before);
    let _ = ask(&ada, PASSWORD).await.expect(200);
    let _ = log_in_again(&app.client(), true).await.expect_problem(401, "invalid_credentials");
    assert!(app.auth().delete_expired().await.is_err());
    app.store().heal();
    assert!(app.auth().delete_expired().await.unwrap() >= 1);
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM account"), 0);
}

/// T58, fosite CVE-2020-15223: whatever fails, nothing is half done and nobody is told a lie.
#[tokio::test]
async fn t58_an_outage_is_no_deletion() {
    let (app, ada, _) = stage().await;
    for method in ["find_account", "find_credentials", "request_deletion"] {
        app.store().fail(method, Fault::Before);
        let _ = ask(&ada, PASSWORD).await.expect_problem(503, "unavailable");
        app.store().heal();
    }
    let _ = ada.get("/api/v1/users/me").await.expect(200);
    let _ = ask(&ada, PASSWORD).await.expect(200);
    app.store().fail("restore_account", Fault::Before);
    let _ = log_in_again(&app.client(), true).await.expect_problem(503, "unavailable");
    app.store().heal();
    let _ = log_in_again(&app.client(), true).await.expect(200);
}
