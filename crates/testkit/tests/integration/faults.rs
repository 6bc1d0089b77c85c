//! T58, fosite CVE-2020-15223: a store that fails is never a success, never "not found", and leaves nothing half done.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;
use vestibule_mail::Received;
use vestibule_testkit::{Client, PASSWORD, RequestBuilder, TestApp, Tokens, faults::Fault};

use super::{avatar, confirmation::token_of, database, guard::ROUTES};

/// Somebody logged in on two devices and at the token endpoint.
pub(super) struct Stage {
    pub(super) app: TestApp,
    browser: Client,
    other_session: String,
    tokens: Tokens,
    /// Logged in to an account without a password.
    passwordless: Client,
    /// The id of that account.
    eve: String,
    admin: Client,
    confirmation: Received,
    reset: Received,
}

impl Stage {
    pub(super) async fn set() -> Self {
        let app = TestApp::start().await;
        let browser = app.client().registered("ada").await;
        let other = app.client().logged_in("ada").await;
        let other_session = other.post("/api/users/token").await.member("sid");
        let tokens = app.client().tokens("ada").await;
        let forgot = app.client().post("/api/users/forgot_password");
        let _ = forgot.json(&json!({"email": "ada@example.com"})).await.expect(200);
        // Errands of one moment come in any order.
        let (confirmation, reset) = app
            .mails()
            .await
            .into_iter()
            .partition::<Vec<_>, _>(|letter| letter.links[0].contains("/confirm/"));
        let (confirmation, reset) = (confirmation[0].clone(), reset[0].clone());
        let passwordless = app.client().registered("eve").await;
        database::change(&app, "UPDATE account SET password_hash = NULL WHERE username = ?1", "eve");
        let eve = passwordless.post("/api/users/token").await.member("sub");
        let picture = avatar::upload(
            passwordless.post(&format!("/api/v1/users/{eve}/avatar")),
            "file",
            &avatar::png(2, 2),
        );
        let _ = picture.await.expect(200);
        let admin = app.client().registered("boss").await;
        database::promote(&app, "boss");
        database::change(
            &app,
            "INSERT INTO global_cutoff (id, cutoff_at, noticed_at) VALUES (1, 0, ?1)",
            "1",
        );
        let _ = app.mails().await;
        let _ = app.store().take_calls();
        Self { app, browser, other_session, tokens, passwordless, eve, admin, confirmation, reset }
    }
}

pub(super) type Case = (&'static str, &'static str, fn(&Stage) -> RequestBuilder);

/// A request that succeeds on a healthy store, for every route and every way through it.
pub(super) const CASES: &[Case] = &[
    ("POST", "/api/v1/login", |stage| {
        stage.app.client().post("/api/v1/login").form(&[("username", "ada"), ("password", PASSWORD)])
    }),
    ("POST", "/api/v1/token", |stage| {
        stage.app.client().post("/api/v1/token").form(&[("username", "ada"), ("password", PASSWORD)])
    }),
    ("POST", "/api/v1/token", |stage| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", stage.tokens.refresh.as_str())];
        stage.app.client().post("/api/v1/token").form(&form)
    }),
    ("POST", "/api/users/register", |stage| {
        let body = json!({"email": "b@example.com", "username": "bob", "password1": PASSWORD, "password2": PASSWORD});
        stage.app.client().post("/api/users/register").json(&body)
    }),
    ("POST", "/api/users/register", |stage| {
        let body = json!({"email": "b@example.com", "username": "bob", "password1": PASSWORD, "password2": PASSWORD});
        stage.browser.copy().post("/api/users/register").json(&body)
    }),
    ("POST", "/api/users/login", |stage| {
        stage.browser.copy().post("/api/users/login").json(&json!({"login": "ada", "password": PASSWORD}))
    }),
    ("POST", "/api/users/logout", |stage| stage.browser.copy().post("/api/users/logout")),
    ("POST", "/api/users/logout", |stage| {
        stage.app.clock().advance(Duration::from_mins(16));
        stage.browser.copy().post("/api/users/logout")
    }),
    ("POST", "/api/users/logout", |stage| {
        let body = json!({"refresh_token": stage.tokens.refresh});
        stage.app.client().post("/api/users/logout").json(&body)
    }),
    ("POST", "/api/users/logout", |stage| {
        stage.browser.copy().post("/api/users/logout").json(&json!({"scope": "others"}))
    }),
    ("POST", "/api/users/logout", |stage| {
        stage.browser.copy().post("/api/users/logout").json(&json!({"scope": "all"}))
    }),
    ("POST", "/api/users/token", |stage| stage.browser.copy().post("/api/users/token")),
    ("POST", "/api/users/token/refresh", |stage| stage.browser.copy().post("/api/users/token/refresh")),
    ("POST", "/api/users/token/refresh", |stage| {
        let body = json!({"refresh_token": stage.tokens.refresh});
        stage.app.client().post("/api/users/token/refresh").json(&body)
    }),
    ("GET", "/api/users/sessions", |stage| stage.browser.copy().get("/api/users/sessions")),
    ("DELETE", "/api/users/sessions/{id}", |stage| {
        stage.browser.copy().delete(&format!("/api/users/sessions/{}", stage.other_session))
    }),
    ("GET", "/api/v1/users/me", |stage| stage.browser.copy().get("/api/v1/users/me")),
    ("POST", "/api/v1/users", |stage| {
        let body = json!({"email": "b@example.com", "username": "bob", "password": PASSWORD});
        stage.app.client().post("/api/v1/users").json(&body)
    }),
    ("GET", "/api/users/confirm", |stage| stage.browser.copy().get("/api/users/confirm")),
    ("POST", "/api/users/confirm", |stage| stage.browser.copy().post("/api/users/confirm")),
    ("POST", "/api/users/confirm/{token}", |stage| {
        stage.app.client().post(&format!("/api/users/confirm/{}", token_of(&stage.confirmation)))
    }),
    ("POST", "/api/users/confirm_code", |stage| {
        let body = json!({"email": "ada@example.com", "code": stage.confirmation.code});
        stage.app.client().post("/api/users/confirm_code").json(&body)
    }),
    ("POST", "/api/users/forgot_password", |stage| {
        stage.app.client().post("/api/users/forgot_password").json(&json!({"email": "ada@example.com"}))
    }),
    ("GET", "/api/users/password", |stage| stage.browser.copy().get("/api/users/password")),
    ("POST", "/api/users/password", |stage| {
        let body = json!({"password1": PASSWORD, "password2": PASSWORD});
        stage.passwordless.copy().post("/api/users/password").json(&body)
    }),
    ("PUT", "/api/users/password", |stage| {
        let body =
            json!({"old_password": PASSWORD, "password1": "x 8 y 9 z 10", "password2": "x 8 y 9 z 10"});
        stage.browser.copy().put("/api/users/password").json(&body)
    }),
    ("POST", "/api/users/password/{token}", |stage| {
        let body = json!({"password1": PASSWORD, "password2": PASSWORD});
        stage.app.client().post(&format!("/api/users/password/{}", token_of(&stage.reset))).json(&body)
    }),
    ("POST", "/api/users/password_code", |stage| {
        let body = json!({"email": "ada@example.com", "code": stage.reset.code, "password1": PASSWORD, "password2": PASSWORD});
        stage.app.client().post("/api/users/password_code").json(&body)
    }),
    ("GET", "/api/users/captcha", |stage| stage.app.client().get("/api/users/captcha")),
    ("GET", "/api/users/limits", |stage| stage.browser.copy().get("/api/users/limits")),
    ("GET", "/api/users/{id}/limits", |stage| {
        stage.admin.copy().get(&format!("/api/users/{}/limits", stage.eve))
    }),
    ("POST", "/api/users/{id}/unlock", |stage| {
        stage.admin.copy().post(&format!("/api/users/{}/unlock", stage.eve))
    }),
    ("GET", "/api/users/activity", |stage| stage.browser.copy().get("/api/users/activity")),
    ("GET", "/api/v1/users/{id}/avatar", |stage| {
        stage.app.client().get(&format!("/api/v1/users/{}/avatar", stage.eve))
    }),
    ("POST", "/api/v1/users/{id}/avatar", |stage| {
        let request = stage.admin.copy().post(&format!("/api/v1/users/{}/avatar", stage.eve));
        avatar::upload(request, "file", &avatar::png(3, 3))
    }),
    ("DELETE", "/api/v1/users/{id}/avatar", |stage| {
        stage.passwordless.copy().delete(&format!("/api/v1/users/{}/avatar", stage.eve))
    }),
    ("GET", "/api/users/export", |stage| stage.browser.copy().get("/api/users/export")),
    ("POST", "/api/users/delete", |stage| {
        stage.browser.copy().post("/api/users/delete").json(&json!({"password": PASSWORD}))
    }),
    ("POST", "/api/users/{id}/change_username", |stage| {
        let path = format!("/api/users/{}/change_username", stage.eve);
        stage.passwordless.copy().post(&path).json(&json!({"username": "evelyn"}))
    }),
    ("POST", "/api/users/{id}/change_username", |stage| {
        let path = format!("/api/users/{}/change_username", stage.eve);
        stage.admin.copy().post(&path).json(&json!({"username": "evelyn"}))
    }),
    ("POST", "/api/users/{id}/change_email", |stage| {
        let path = format!("/api/users/{}/change_email", stage.eve);
        stage.admin.copy().post(&path).json(&json!({"email": "evelyn@example.com"}))
    }),
    ("GET", "/api/users/blacklist", |stage| stage.admin.copy().get("/api/users/blacklist")),
    ("POST", "/api/users/{id}/blacklist", |stage| {
        stage.admin.copy().post(&format!("/api/users/{}/blacklist", stage.eve))
    }),
    ("POST", "/api/users/{id}/kick", |stage| {
        stage.admin.copy().post(&format!("/api/users/{}/kick", stage.eve))
    }),
    ("GET", "/api/users/blackout", |stage| stage.admin.copy().get("/api/users/blackout")),
    ("POST", "/api/users/blackout", |stage| stage.admin.copy().post("/api/users/blackout")),
    ("DELETE", "/api/users/blackout", |stage| stage.admin.copy().delete("/api/users/blackout")),
    ("GET", "/api/users/id_by_username", |stage| {
        stage.admin.copy().get("/api/users/id_by_username?username=EVE")
    }),
    ("PATCH", "/api/users/{id}/permissions", |stage| {
        let body = json!({"action": "ADD", "payload": ["read"]});
        stage.admin.copy().patch(&format!("/api/users/{}/permissions", stage.eve)).json(&body)
    }),
    ("GET", "/api/users", |stage| stage.admin.copy().get("/api/users?username=v")),
    ("GET", "/api/users", |stage| stage.admin.copy().get(&format!("/api/users?id={}", stage.eve))),
    ("GET", "/api/users/{id}", |stage| stage.admin.copy().get(&format!("/api/users/{}", stage.eve))),
    ("GET", "/api/v1/users", |stage| stage.admin.copy().get("/api/v1/users?limit=2")),
    ("GET", "/api/v1/users/{id}", |stage| stage.admin.copy().get(&format!("/api/v1/users/{}", stage.eve))),
    ("PATCH", "/api/v1/users/{id}", |stage| {
        let body = json!({"full_name": "Eve", "active": false, "permissions": ["read"]});
        stage.admin.copy().patch(&format!("/api/v1/users/{}", stage.eve)).json(&body)
    }),
    ("DELETE", "/api/v1/users/{id}", |stage| {
        stage.admin.copy().delete(&format!("/api/v1/users/{}", stage.eve))
    }),
    ("GET", "/api/v1/audit", |stage| stage.admin.copy().get("/api/v1/audit?kind=register")),
    ("GET", "/health/live", |stage| stage.app.client().get("/health/live")),
    ("GET", "/health/ready", |stage| stage.app.client().get("/health/ready")),
    ("GET", "/.well-known/jwks.json", |stage| stage.app.client().get("/.well-known/jwks.json")),
    ("GET", "/.well-known/change-password", |stage| stage.app.client().get("/.well-known/change-password")),
];

#[test]
fn every_route_has_a_case() {
    let cases: BTreeSet<_> = CASES.iter().map(|(method, path, _)| (*method, *path)).collect();
    let routes: BTreeSet<_> = ROUTES.iter().map(|route| (route.method, route.path)).collect();
    assert_eq!(cases, routes);
}

#[tokio::test]
async fn t58_an_outage_anywhere_is_a_503_and_nothing_is_half_done() {
    for (method, path, request) in CASES {
        let healthy = Stage::set().await;
        let answer = request(&healthy).await;
        assert!(answer.status.as_u16() < 400, "{method} {path}: {}", answer.text());
        let calls: BTreeSet<_> = healthy.app.store().take_calls().into_iter().collect();
        // Logging out everywhere is a cut-off first and what it may have missed second; an attempt at a code counts before
        // anything comes of it.
        let is_second = |call| {
            (call == "revoke_session" && calls.contains("cut_off_account"))
                || (call != "count_code_attempt" && calls.contains("count_code_attempt"))
        };
        for call in calls.iter().copied() {
            for fault in [Fault::Before, Fault::After] {
                let stage = Stage::set().await;
                let before = database::contents(&stage.app);
                let request = request(&stage);
                stage.app.store().fail(call, fault);
                let answer = request.await.expect_problem(503, "unavailable");
                let case = format!("{method} {path}, {call} failing {fault:?}: {}", answer.text());
                assert_eq!(answer.header("retry-after"), Some("1"), "{case}");
                assert_eq!(answer.json()["kind"], "technical", "{case}");
                assert!(!answer.text().contains("injected"), "{case}");
                assert!(answer.cookies().is_empty(), "{case}");
                if fault == Fault::Before && !is_second(call) {
                    assert_eq!(database::contents(&stage.app), before, "{case}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_lost_answer_can_be_asked_for_again() {
    let stage = Stage::set().await;
    let store = stage.app.store();
    for method in ["rotate_session", "open_session", "revoke_session"] {
        store.fail(method, Fault::After);
    }
    let browser = &stage.browser;
    let _ = browser.post("/api/users/token/refresh").await.expect(503);
    let _ = browser.log_in("ada", PASSWORD).await.expect(503);
    let _ = stage.app.client().with_bearer(&stage.tokens.access).post("/api/users/logout").await.expect(503);
    store.heal();
    // The login that got lost had ended the session whose cookie came along.
    let _ = browser.post("/api/users/token/refresh").await.expect(401);
    let _ = browser.log_in("ada", PASSWORD).await.expect(200);
    let lost = browser.copy();
    store.fail("rotate_session", Fault::After);
    let _ = browser.post("/api/users/token/refresh").await.expect(503);
    store.heal();
    let _ = browser.post("/api/users/token/refresh").await.expect(200);
    let _ = lost.post("/api/users/token/refresh").await.expect(200);
    assert_eq!(lost.cookie("refresh_token"), browser.cookie("refresh_token"), "the same child");
    // Whoever asks for a logout again gets it.
    let _ = stage.app.client().with_bearer(&stage.tokens.access).post("/api/users/logout").await.expect(200);
}

#[tokio::test]
async fn nobody_is_logged_out_by_an_outage() {
    let stage = Stage::set().await;
    for method in ["revoke_session", "revoke_other_sessions", "cut_off_account"] {
        stage.app.store().fail(method, Fault::Before);
    }
    for scope in ["this", "others", "all"] {
        let answer = stage.browser.post("/api/users/logout").json(&json!({"scope": scope})).await.expect(503);
        assert!(answer.cookies().is_empty(), "the browser keeps what it needs to try again");
    }
    stage.app.store().heal();
    let _ = stage.browser.post("/api/users/token").await.expect(200);
    let _ = stage.browser.post("/api/users/logout").await.expect(200);
}

#[tokio::test]
async fn access_tokens_verify_while_the_database_is_away() {
    let stage = Stage::set().await;
    stage.app.store().fail_all(Fault::Before);
    let _ = stage.browser.post("/api/users/token").await.expect(200);
    let _ = stage.browser.get("/api/v1/users/me").await.expect_problem(503, "unavailable");
    let _ = stage.app.client().get("/.well-known/jwks.json").await.expect(200);
}

#[tokio::test]
async fn nobody_waits_for_the_audit_log() {
    let stage = Stage::set().await;
    stage.app.store().fail("record_audit", Fault::Before);
    let ada = stage.app.client();
    for _ in 0..10 {
        let _ = ada.log_in("ada", PASSWORD).await.expect(200);
        let _ = ada.log_in("ada", "wrong password").await.expect(401);
    }
    stage.app.store().heal();
    let logins = stage.app.audit().await.into_iter().filter(|event| event.kind == "login");
    assert_eq!(logins.count(), 2 + 20, "and none is lost");
}

#[tokio::test]
async fn an_audit_event_whose_writing_was_not_answered_is_written_once() {
    let stage = Stage::set().await;
    let store = stage.app.store();
    let _ = stage.app.audit().await;
    store.fail("record_audit", Fault::After);
    let _ = store.take_calls();
    let _ = stage.app.client().log_in("ada", PASSWORD).await.expect(200);
    let upkeep = stage.app.auth().start_upkeep();
    let offered_again = async {
        let mut offers = 0;
        while offers < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            offers += store.take_calls().iter().filter(|call| **call == "record_audit").count();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), offered_again).await.expect("it is offered again");
    store.heal();
    stage.app.auth().flush_audit().await;
    drop(upkeep);
    let logins = stage.app.audit().await.into_iter().filter(|event| event.kind == "login");
    assert_eq!(logins.count(), 2 + 1);
}

#[tokio::test]
async fn an_answer_that_is_nonsense_is_a_fault_of_ours() {
    let stage = Stage::set().await;
    database::change(&stage.app, "UPDATE account SET permissions = 'nonsense' WHERE username = ?1", "ada");
    let answer = stage.browser.get("/api/v1/users/me").await.expect_problem(500, "internal");
    assert!(!answer.text().contains("nonsense"));
    let answer = stage.app.client().log_in("ada", PASSWORD).await.expect_problem(500, "internal");
    assert_eq!(answer.json()["detail"], "Login failed");
    let _ = stage.browser.post("/api/users/token/refresh").await.expect_problem(500, "internal");
}
