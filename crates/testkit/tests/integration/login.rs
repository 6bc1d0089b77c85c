//! `POST /api/v1/login`, `POST /api/v1/token` and `POST /api/users/login`.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderMap;
use serde_json::{Value, json};
use vestibule::core::{
    ports::{HashError, PasswordHasher, Verification},
    values::{
        client::ClientNetwork,
        password::{Password, PasswordHash},
    },
};
use vestibule_testkit::{Answer, PASSWORD, TestApp};

use super::database;

const FORM_ROUTES: [&str; 2] = ["/api/v1/login", "/api/v1/token"];

#[tokio::test]
async fn the_form_answers_a_pair_of_tokens_and_no_cookie() {
    let app = TestApp::start().await;
    let _ada = app.client().registered("ada").await;
    for path in FORM_ROUTES {
        for name in ["ada", "ADA", "ada@example.com", " Ada@EXAMPLE.com "] {
            let client = app.client();
            let answer =
                client.post(path).form(&[("username", name), ("password", PASSWORD)]).await.expect(200);
            let body = answer.json();
            assert_eq!(
                body,
                json!({
                    "access_token": body["access_token"], "refresh_token": body["refresh_token"],
                    "token_type": "bearer", "expires_in": 900, "scope": "",
                })
            );
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert!(answer.cookies().is_empty());
            let me =
                client.with_bearer(&answer.member("access_token")).get("/api/v1/users/me").await.expect(200);
            assert_eq!(me.json()["username"], "ada");
        }
    }
}

#[tokio::test]
async fn a_multipart_form_is_a_form_too() {
    let app = TestApp::start().await;
    let _ada = app.client().registered("ada").await;
    let part =
        |name, value| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let body = format!("{}{}--x--\r\n", part("username", "ada"), part("password", PASSWORD));
    for path in FORM_ROUTES {
        let request = app.client().post(path).header("content-type", "multipart/form-data; boundary=x");
        let _ = request.body(body.clone()).await.expect(200);
    }
}

#[tokio::test]
async fn the_grant_type_may_be_left_out_unless_it_is_demanded() {
    let app = TestApp::start().await;
    let _ada = app.client().registered("ada").await;
    let form = |grant| [("username", "ada"), ("password", PASSWORD), ("grant_type", grant)];
    for path in FORM_ROUTES {
        let _ = app.client().post(path).form(&form("password")).await.expect(200);
        let _ = app.client().post(path).form(&form("")).await.expect(200);
        for other in ["client_credentials", "Password", "authorization_code"] {
            let answer = app.client().post(path).form(&form(other)).await;
            let problem = answer.expect_problem(422, "validation_failed").json();
            assert_eq!(problem["errors"][0]["field"], "grant_type");
        }
    }
    let strict = app.stop().await.strict_grant_type().start().await;
    for path in FORM_ROUTES {
        let _ = strict.client().post(path).form(&form("password")).await.expect(200);
        let _ = strict.client().post(path).form(&form("")).await.expect_problem(422, "validation_failed");
        let absent = strict.client().post(path).form(&[("username", "ada"), ("password", PASSWORD)]).await;
        let _ = absent.expect_problem(422, "validation_failed");
    }
}

#[tokio::test]
async fn the_granted_scope_is_what_is_asked_for_offered_and_permitted() {
    let app = TestApp::builder()
        .policy(|policy| policy.tokens.scopes = ["read", "write"].into_iter().collect())
        .start()
        .await;
    let ada = app.client().registered("ada").await;
    let permissions = "UPDATE account SET permissions = '[\"admin\",\"read\"]' WHERE username = ?1";
    database::change(&app, permissions, "ada");
    for (asked, granted) in [
        ("read write admin other", "read"),
        ("  read\tread  ", "read"),
        ("admin", ""),
        ("write", ""),
        ("", ""),
        ("READ", ""),
    ] {
        let form = [("username", "ada"), ("password", PASSWORD), ("scope", asked)];
        let answer = app.client().post("/api/v1/token").form(&form).await.expect(200);
        assert_eq!(answer.json()["scope"], granted, "{asked:?}");
        let bearer = app.client().with_bearer(&answer.member("access_token"));
        let claims = bearer.post("/api/users/token").await.expect(200).json();
        assert_eq!(claims["scope"], granted);
        assert_eq!(claims["permissions"], json!(["admin", "read"]));
        let form = [("grant_type", "refresh_token"), ("refresh_token", &answer.member("refresh_token"))];
        let refreshed = app.client().post("/api/v1/token").form(&form).await.expect(200);
        assert_eq!(refreshed.json()["scope"], granted);
    }
    // A cookie login's is empty.
    let _ = ada.log_in("ada", PASSWORD).await.expect(200);
    assert_eq!(ada.post("/api/users/token").await.json()["scope"], "");
}

#[tokio::test]
async fn empty_client_credentials_mean_none_and_others_are_unknown() {
    let app = TestApp::start().await;
    let _ada = app.client().registered("ada").await;
    let form = [("username", "ada"), ("password", PASSWORD), ("client_id", "x"), ("client_secret", "y")];
    for path in FORM_ROUTES {
        for value in ["Basic Og==", "basic  Og==", "Basic OnNlY3JldA==", "Digest x"] {
            let _ = app.client().post(path).form(&form).header("authorization", value).await.expect(200);
        }
        for value in [&format!("Basic {}", STANDARD.encode("app:secret")), "Basic %%%", "Basic", "Basic AA"] {
            let answer = app.client().post(path).form(&form).header("authorization", value).await;
            let answer = answer.expect_problem(401, "invalid_client");
            assert!(answer.header("www-authenticate").unwrap().starts_with("Basic "), "{value}");
        }
    }
}

#[tokio::test]
async fn a_cookie_login_answers_the_account_and_sets_the_cookies() {
    let app = TestApp::start().await;
    let registered = app.client().registered("ada").await;
    app.clock().advance(Duration::from_secs(90));
    let browser = app.client();
    let answer = browser.log_in("ada", PASSWORD).await.expect(200);
    let account = answer.json();
    assert_eq!(account["last_login_at"], "2026-01-01T00:01:30.000Z");
    assert_eq!(account, registered.get("/api/v1/users/me").await.json());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let names: Vec<_> = answer.cookies().into_iter().map(|cookie| cookie.name).collect();
    assert_eq!(names, ["access_token", "refresh_token", "device"]);
    assert!(!answer.text().contains(&browser.cookie("refresh_token").unwrap()));

    let event = app.audit().await.into_iter().find(|event| event.kind == "login").unwrap();
    assert_eq!((event.outcome.as_str(), event.detail.as_str()), ("success", ""));
    assert_eq!(event.account_id.unwrap().to_string(), account["id"]);
    let sid = browser.post("/api/users/token").await.json()["sid"].clone();
    assert_eq!(json!(event.session_id.unwrap().to_string()), sid);
}

#[tokio::test]
async fn failed_logins_are_written_down_with_what_is_known() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let id = ada.get("/api/v1/users/me").await.member("id");
    let _ = app.client().from_address("2001:db8::1").log_in("ada", "wrong password").await.expect(401);
    let _ = app.client().log_in("nobody", "wrong password").await.expect(401);
    let failed: Vec<_> = app.audit().await.into_iter().filter(|event| event.kind == "login").collect();
    assert_eq!(failed.len(), 2);
    for event in &failed {
        assert_eq!((event.outcome.as_str(), event.detail.as_str()), ("failure", "invalid_credentials"));
        assert!(event.session_id.is_none());
    }
    let known = failed.iter().find(|event| event.address == "2001:db8::1").unwrap();
    assert_eq!(known.account_id.unwrap().to_string(), id);
    let unknown = failed.iter().find(|event| event.address == "192.0.2.1").unwrap();
    assert!(unknown.account_id.is_none());
}

/// What a stranger can compare: everything but what is random in every answer.
fn visible(answer: &Answer) -> (u16, HeaderMap, Value) {
    let mut headers = answer.headers.clone();
    headers.remove("x-correlation-id").unwrap();
    let mut body = answer.json();
    body.as_object_mut().unwrap().remove("id").unwrap();
    (answer.status.as_u16(), headers, body)
}

/// T52, Kratos #832: unknown, wrong and passwordless are one and the same, in the answer and in the work.
#[tokio::test]
async fn t52_unknown_and_wrong_are_answered_alike_for_the_same_work() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    let _ = app.client().registered("bob").await;
    database::remove_password(&app, "bob");
    for path in ["/api/v1/login", "/api/v1/token", "/api/users/login"] {
        let mut seen = Vec::new();
        for name in ["ada", "nobody", "bob", "nobody@example.com", "no such name!", "ada@"] {
            let before = app.hasher().verified();
            let answer = if path == "/api/users/login" {
                app.client().log_in(name, "wrong password").await
            } else {
                app.client().post(path).form(&[("username", name), ("password", "wrong password")]).await
            };
            assert_eq!(app.hasher().verified(), before + 1, "{path} {name}");
            seen.push(visible(&answer));
        }
        let (status, headers, body) = seen[0].clone();
        assert_eq!((status, &headers["www-authenticate"]), (401, &"Bearer".parse().unwrap()));
        assert_eq!(
            (&body["code"], &body["detail"]),
            (&json!("invalid_credentials"), &json!("Invalid credentials"))
        );
        assert!(seen.iter().all(|other| *other == seen[0]), "{seen:?}");
    }
}

/// T34, Django CVE-2013-1443: over the maximum it is the uniform 401, without hashing.
#[tokio::test]
async fn t34_an_overlong_password_is_wrong_without_being_hashed() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    let wrong = visible(&app.client().log_in("ada", "wrong password").await);
    let before = app.hasher().verified();
    let long = "x".repeat(257);
    assert_eq!(visible(&app.client().log_in("ada", &long).await), wrong);
    for path in FORM_ROUTES {
        let answer = app.client().post(path).form(&[("username", "ada"), ("password", &long)]).await;
        assert_eq!(visible(&answer), wrong);
    }
    assert_eq!(app.hasher().verified(), before);
}

/// T53, allauth 65.11.1: a passwordless account has nothing that a password could match.
#[tokio::test]
async fn t53_an_account_without_a_password_cannot_be_logged_in_to() {
    let app = TestApp::builder().policy(|policy| policy.throttle.account_failures = 100).start().await;
    let _ = app.client().registered("bob").await;
    database::remove_password(&app, "bob");
    for password in [PASSWORD, " ", "null", "None"] {
        let _ = app.client().log_in("bob", password).await.expect_problem(401, "invalid_credentials");
    }
    for (path, empty) in [("/api/users/login", json!("")), ("/api/users/login", json!(null))] {
        let answer = app.client().post(path).json(&json!({"login": "bob", "password": empty})).await;
        let _ = answer.expect_problem(422, "validation_failed");
    }
    for password in ["", "not a hash", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$$"] {
        let sql = format!("UPDATE account SET password_hash = '{password}' WHERE username = ?1");
        database::change(&app, &sql, "bob");
        for tried in [PASSWORD, "x", password] {
            let answer = app.client().log_in("bob", tried).await;
            assert!(matches!(answer.status.as_u16(), 401 | 422), "{}", answer.text());
        }
    }
}

/// T06, Zitadel CVE-2025-31124, and T49, django-allauth 2020: one canonical name, however it is typed.
#[tokio::test]
async fn t06_a_name_is_one_however_it_is_typed() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    for name in ["ada", "ADA", " ada ", "ada@example.com", "ADA@EXAMPLE.COM", "\tAda@Example.Com\n"] {
        let _ = app.client().log_in(name, PASSWORD).await.expect(200);
    }
    for name in ["ada ada", "a\u{0}da", "ａda", "ada@example.com.", "ada @example.com", "%61da"] {
        let _ = app.client().log_in(name, PASSWORD).await.expect_problem(401, "invalid_credentials");
    }
}

/// T03, Zitadel CVE-2024-28197: a login opens a new session and ends the one whose cookie came along.
#[tokio::test]
async fn t03_a_login_has_a_new_session_and_ends_the_old_one() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let elsewhere = app.client().logged_in("ada").await;
    let (access, refresh) =
        (browser.cookie("access_token").unwrap(), browser.cookie("refresh_token").unwrap());
    let old = browser.post("/api/users/token").await.json();
    let _ = browser.log_in("ada", PASSWORD).await.expect(200);
    let new = browser.post("/api/users/token").await.expect(200).json();
    assert_ne!(old["sid"], new["sid"]);
    let _ = app.client().with_bearer(&access).post("/api/users/token").await.expect(401);
    let body = json!({"refresh_token": refresh});
    let _ = app.client().post("/api/users/token/refresh").json(&body).await.expect(401);
    let _ = elsewhere.get("/api/v1/users/me").await.expect(200);

    // Somebody else's session ends as well: this browser is no longer theirs.
    let _ = app.client().registered("bob").await;
    let _ = browser.log_in("bob", PASSWORD).await.expect(200);
    let _ = app.client().with_bearer(new["jti"].as_str().unwrap()).get("/api/v1/users/me").await.expect(401);
    assert_eq!(elsewhere.get("/api/users/sessions").await.json().as_array().unwrap().len(), 1);
    // A login that fails ends nothing.
    let _ = browser.log_in("ada", "wrong password").await.expect(401);
    assert_eq!(browser.get("/api/v1/users/me").await.expect(200).json()["username"], "bob");
}

#[tokio::test]
async fn the_oldest_session_makes_room() {
    let app = TestApp::builder().policy(|policy| policy.tokens.sessions_per_account = 3).start().await;
    let first = app.client().registered("ada").await;
    let mut others = Vec::new();
    for _ in 0..3 {
        app.clock().advance(Duration::from_secs(1));
        others.push(app.client().logged_in("ada").await);
    }
    let _ = first.get("/api/v1/users/me").await.expect(401);
    let _ = first.post("/api/users/token").await.expect(401);
    for other in others {
        assert_eq!(other.get("/api/users/sessions").await.expect(200).json().as_array().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_hash_of_other_parameters_is_replaced_at_login() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    let hash = |app: &TestApp| database::text(app, "SELECT password_hash FROM account");
    let old = hash(&app);
    let app = app.stop().await.hashing(|hashing| hashing.memory_kib = 16).start().await;
    let _ = app.client().log_in("ada", "wrong password").await.expect(401);
    assert_eq!(hash(&app), old);
    let _ = app.client().log_in("ada", PASSWORD).await.expect(200);
    let new = hash(&app);
    assert!(new.contains("m=16,") && !old.contains("m=16,"), "{old} {new}");
    let _ = app.client().log_in("ada", PASSWORD).await.expect(200);
    assert_eq!((hash(&app), app.hasher().hashed()), (new, 1));
}

/// A hasher that has no time.
#[derive(Debug)]
struct Busy;

#[async_trait]
impl PasswordHasher for Busy {
    async fn hash(&self, _: Password, _: ClientNetwork) -> Result<PasswordHash, HashError> {
        Err(HashError::Overloaded { retry_after: Duration::from_millis(1500) })
    }

    async fn verify(
        &self,
        _: Option<PasswordHash>,
        _: Password,
        _: ClientNetwork,
    ) -> Result<Verification, HashError> {
        Err(HashError::Overloaded { retry_after: Duration::from_millis(1500) })
    }
}

#[tokio::test]
async fn a_busy_server_says_when_to_come_back_and_counts_no_attempt() {
    let app = TestApp::builder()
        .hasher(Arc::new(Busy))
        .policy(|policy| policy.throttle.login_attempts = 1)
        .start()
        .await;
    for _ in 0..3 {
        let answer = app.client().log_in("ada", PASSWORD).await.expect_problem(503, "overloaded");
        assert_eq!(
            (answer.header("retry-after"), answer.json()["kind"].as_str()),
            (Some("2"), Some("technical"))
        );
    }
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    let _ = app.client().post("/api/v1/users").json(&body).await.expect_problem(503, "overloaded");
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM account"), 0);
}

/// A hash that another login upgraded a moment ago is no wrong password.
#[tokio::test]
async fn a_hash_upgraded_at_the_same_time_lets_everybody_in() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    let app = app.stop().await.hashing(|hashing| hashing.iterations += 1);
    // All at once, so that nobody knows yet that they are right.
    let app = app.policy(|policy| policy.throttle.account_failures = 6).start().await;
    let logins = (0..6).map(|_| {
        let client = app.client();
        tokio::spawn(async move { client.log_in("ada", PASSWORD).await.expect(200) })
    });
    for login in logins.collect::<Vec<_>>() {
        let _ = login.await.unwrap();
    }
}

/// A cut-off that lies ahead of this machine's clock ends the sessions before it, not the logins after it.
#[tokio::test]
async fn a_login_after_a_cutoff_ahead_of_the_clock_works_at_once() {
    let app = TestApp::start().await;
    let before = app.client().registered("ada").await;
    let ahead = app.auth().clock().now().plus(Duration::from_hours(1));
    vestibule::core::ports::store::Revocations::cut_off_everyone(app.store().as_ref(), ahead).await.unwrap();
    app.auth().catch_up().await.unwrap();
    let _ = before.get("/api/v1/users/me").await.expect_problem(401, "invalid_token");
    let after = app.client().logged_in("ada").await;
    let _ = after.get("/api/v1/users/me").await.expect(200);
}
