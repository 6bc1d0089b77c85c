//! Signing keys and `secret_key`: rotation, retirement, and what a changed secret means.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use vestibule::{
    core::{Auth, StartError, keys::KeyError, ports::store::prelude::*, values::secret::SecretKey},
    sql::{SqliteOptions, SqliteStore},
};
use vestibule_testkit::{Client, TestApp};

use super::{database, forging};

async fn listed(app: &TestApp) -> Vec<String> {
    let keys = app.client().get("/.well-known/jwks.json").await.expect(200).json()["keys"].clone();
    keys.as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid(client: &Client) -> String {
    let (header, _) = forging::take_apart(&client.cookie("access_token").unwrap());
    header["kid"].as_str().unwrap().to_owned()
}

/// Rotates as `vestibule keys rotate` does, in another process beside the server.
async fn rotate_beside(app: &TestApp, is_compromised: bool) {
    let store = SqliteStore::open(SqliteOptions::beside(app.database())).unwrap();
    let auth = Auth::builder(store.clone(), app.hasher().clone(), app.secret().clone())
        .clock(Arc::new(app.clock().clone()))
        .policy(app.auth().policy().clone())
        .start()
        .await
        .unwrap();
    auth.rotate_keys(is_compromised).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn old_tokens_verify_until_they_expire_and_their_key_retires_by_itself() {
    let app = TestApp::start().await;
    let before = app.client().registered("ada").await;
    app.clock().advance(Duration::from_millis(1));
    app.auth().rotate_keys(false).await.unwrap();
    let after = app.client().logged_in("ada").await;
    assert_ne!(kid(&before), kid(&after), "the new key signs at once");
    assert_eq!(listed(&app).await, [kid(&after), kid(&before)], "the newest first");
    let jwks = app.client().get("/.well-known/jwks.json").await.json();
    for key in jwks["keys"].as_array().unwrap() {
        let members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"]);
    }
    app.clock().advance(Duration::from_mins(15));
    app.clock().turn_back(Duration::from_millis(2));
    let _ = before.post("/api/users/token").await.expect(200);
    app.clock().advance(Duration::from_millis(1));
    let _ = before.post("/api/users/token").await.expect_problem(401, "invalid_token");
    app.clock().advance(Duration::from_mins(1));
    assert_eq!(listed(&app).await, [kid(&after)]);
    app.auth().delete_expired().await.unwrap();
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM signing_key"), 1);
    let event = app.audit().await.into_iter().find(|event| event.kind == "key_rotation").unwrap();
    assert_eq!(
        (event.outcome.as_str(), event.detail.as_str(), event.address.as_str()),
        ("success", "scheduled", "")
    );
}

#[tokio::test]
async fn a_compromised_key_verifies_nothing_from_that_moment() {
    let app = TestApp::start().await;
    let before = app.client().registered("ada").await;
    let _ = before.post("/api/users/token").await.expect(200);
    app.auth().rotate_keys(true).await.unwrap();
    let _ = before.post("/api/users/token").await.expect_problem(401, "invalid_token");
    let _ = before.get("/api/v1/users/me").await.expect_problem(401, "invalid_token");
    // Sessions live on: refresh tokens do not hang on the signing key.
    let _ = before.post("/api/users/token/refresh").await.expect(200);
    let _ = before.post("/api/users/token").await.expect(200);
    assert_eq!(listed(&app).await, [kid(&before)]);
}

#[tokio::test]
async fn what_another_process_rotates_is_learnt() {
    let app = TestApp::start().await;
    let before = app.client().registered("ada").await;
    let _ = before.post("/api/users/token").await.expect(200);
    rotate_beside(&app, true).await;
    app.auth().catch_up().await.unwrap();
    let _ = before.post("/api/users/token").await.expect_problem(401, "invalid_token");
    let _ = before.post("/api/users/token/refresh").await.expect(200);
}

#[tokio::test]
async fn an_unknown_kid_makes_us_read_the_keys_at_most_once_a_second() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let token = ada.cookie("access_token").unwrap();
    let (header, claims) = forging::take_apart(&token);
    let forged = |number: u32| {
        let mut header = header.clone();
        header["kid"] = Value::from(format!("unknown-{number}"));
        forging::sign(&header.to_string(), &claims.to_string())
    };
    let reads = |app: &TestApp| {
        app.store().take_calls().into_iter().filter(|call| *call == "list_signing_keys").count()
    };
    let _ = reads(&app);
    for second in 0..3 {
        for number in 0..20 {
            let client = app.client().with_bearer(&forged(second * 100 + number));
            let _ = client.post("/api/users/token").await.expect_problem(401, "invalid_token");
            app.clock().advance(Duration::from_millis(49));
        }
        assert_eq!(reads(&app), 1, "{second}");
        app.clock().advance(Duration::from_millis(20));
    }
    // A kid that another process has just made is found that way.
    rotate_beside(&app, false).await;
    let other = SqliteStore::open(SqliteOptions::beside(app.database())).unwrap();
    let keys = other.list_signing_keys().await.unwrap();
    other.close().await;
    app.clock().advance(Duration::from_secs(1));
    assert_eq!(listed(&app).await.len(), 1);
    let mut header = header.clone();
    header["kid"] = Value::from(keys[0].kid.clone());
    let client = app.client().with_bearer(&forging::sign(&header.to_string(), &claims.to_string()));
    let _ = client.post("/api/users/token").await.expect_problem(401, "invalid_token");
    assert_eq!(listed(&app).await.len(), 2);
}

#[tokio::test]
async fn a_wrong_secret_is_refused_and_changes_nothing() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    let before = database::contents(&app);
    let right = app.secret().clone();
    let stopped = app.stop().await;
    let refused = stopped.clone().secret(SecretKey::generate(), Vec::new()).try_start().await.unwrap_err();
    assert!(matches!(refused, StartError::Keys(KeyError::WrongSecret)), "{refused}");
    let app = stopped.secret(right, Vec::new()).start().await;
    assert_eq!(database::contents(&app), before);
}

#[tokio::test]
async fn a_changed_secret_keeps_everybody_logged_in_while_the_old_one_is_listed() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let wrapped = |app: &TestApp| database::text(app, "SELECT hex(wrapped) FROM signing_key");
    let (old, wrapped_before) = (app.secret().clone(), wrapped(&app));
    let new = SecretKey::generate();
    let app = app.stop().await.secret(new.clone(), vec![SecretKey::generate(), old]).start().await;
    assert_ne!(wrapped(&app), wrapped_before, "rewrapped at start");
    let again = app.client();
    for name in ["access_token", "refresh_token"] {
        again.plant_cookie(name, &browser.cookie(name).unwrap());
    }
    let stale = again.copy();
    let _ = again.post("/api/users/token").await.expect(200);
    let _ = again.post("/api/users/token/refresh").await.expect(200);

    // Then the old one may be forgotten; what it made is forgotten with it.
    let app = app.stop().await.secret(new, Vec::new()).start().await;
    let last = app.client();
    for name in ["access_token", "refresh_token"] {
        last.plant_cookie(name, &again.cookie(name).unwrap());
    }
    let _ = last.post("/api/users/token").await.expect(200);
    let _ = last.post("/api/users/token/refresh").await.expect(200);
    let body = serde_json::json!({"refresh_token": stale.cookie("refresh_token").unwrap()});
    let answer = app.client().post("/api/users/token/refresh").json(&body).await;
    let _ = answer.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn a_stolen_database_opens_nothing() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let contents = database::contents(&app).concat();
    for name in ["access_token", "refresh_token"] {
        let token = browser.cookie(name).unwrap();
        assert!(!contents.contains(&token) && !contents.contains(token.rsplit('.').next().unwrap()));
    }
    assert!(!contents.contains("PRIVATE KEY") && !contents.contains(vestibule_testkit::PASSWORD));
    let bytes = std::fs::read(app.database()).unwrap();
    assert!(!bytes.windows(11).any(|window| window == b"PRIVATE KEY"));
}

/// An engine in another process, on the same data, with a new secret that knows the old one.
async fn with_a_new_secret(app: &TestApp, is_beside: bool) -> (Arc<SqliteStore>, Arc<Auth>) {
    let store = SqliteStore::open(SqliteOptions::beside(app.database())).unwrap();
    let builder = Auth::builder(store.clone(), app.hasher().clone(), SecretKey::generate())
        .previous_secrets(vec![app.secret().clone()])
        .clock(Arc::new(app.clock().clone()));
    let builder = if is_beside { builder.beside() } else { builder };
    (store, builder.start().await.unwrap())
}

/// A command with the next secret must not cut the server that still has the last one off from its keys.
#[tokio::test]
async fn a_command_with_a_new_secret_changes_nothing_the_server_could_not_read() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let (store, command) = with_a_new_secret(&app, true).await;
    assert_eq!(command.list_keys().len(), 1);
    assert!(matches!(command.rotate_keys(true).await, Err(KeyError::ServerHasOldSecret)));
    store.close().await;
    app.auth().catch_up().await.unwrap();
    app.auth().check_ready().await.unwrap();
    let _ = browser.post("/api/users/token/refresh").await.expect(200);
}

/// Where the keys cannot be opened any more, what the store has retired is dead all the same, and readiness says so.
#[tokio::test]
async fn a_compromised_key_dies_also_where_its_successor_cannot_be_opened() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let (store, server) = with_a_new_secret(&app, false).await;
    server.rotate_keys(true).await.unwrap();
    store.close().await;
    assert!(matches!(app.auth().catch_up().await, Err(KeyError::WrongSecret)));
    let _ = browser.post("/api/users/token").await.expect_problem(401, "invalid_token");
    let _ = browser.post("/api/users/token/refresh").await.expect_problem(500, "internal");
    let _ = app.client().get("/health/ready").await.expect_problem(503, "unavailable");
}
