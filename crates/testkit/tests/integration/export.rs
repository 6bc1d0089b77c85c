//! One's own data, taken away whole (SPEC §1.2).

use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::{Value, json};
use vestibule::core::{
    ports::audit::{AuditBatch, AuditEvent, AuditKind, AuditOutcome},
    ports::store::prelude::*,
    values::account::AccountId,
};
use vestibule_testkit::{Client, PASSWORD, TestApp, faults::Fault};

use super::{
    account_changes::{admin_of, id_of},
    database,
};

async fn export(client: &Client) -> Value {
    client.get("/api/users/export").await.expect(200).json()
}

#[tokio::test]
async fn everything_about_an_account_and_nothing_secret() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let _ = app.client().registered("bob").await;
    let _ = app.client().logged_in("ada").await;
    let _ = app.client().log_in("ada", "wrong password").await.expect(401);
    let root = admin_of(&app).await;
    let id = id_of(&ada).await;
    let path = format!("/api/v1/users/{id}");
    let _ = root.patch(&path).json(&json!({"full_name": "Ada King"})).await.expect(200);
    let events = app.audit().await;
    let answer = ada.get("/api/users/export").await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"account.json\""));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let document = answer.json();
    assert_eq!(document["account"], ada.get("/api/v1/users/me").await.json());
    assert_eq!(document["sessions"], ada.get("/api/users/sessions").await.json());
    assert_eq!(document["sessions"].as_array().unwrap().len(), 2);
    assert_eq!((&document["has_password"], &document["language"]), (&json!(true), &Value::Null));
    assert_eq!(document["exported_at"], "2026-01-01T00:00:00.000Z");
    let own = events.iter().filter(|event| event.account_id.is_some_and(|own| own.to_string() == id));
    let activity = document["activity"].as_array().unwrap();
    assert_eq!(activity.len(), own.count());
    let changed = activity.iter().find(|event| event["kind"] == "account_change").unwrap();
    assert!(changed["actor_id"].is_string() && changed["address"] == "", "{changed}");
    let hash = database::text(&app, "SELECT password_hash FROM account WHERE username = 'ada'");
    let text = answer.text();
    for secret in
        [hash.as_str(), &ada.cookie("access_token").unwrap(), &ada.cookie("refresh_token").unwrap(), "bob"]
    {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(app.audit().await.iter().any(|event| event.kind == "export"), "and it is written down");
}

/// More than a page, each once.
#[tokio::test]
async fn no_log_is_too_long() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let id = AccountId::read(&id_of(&ada).await).unwrap();
    write_down(&app, id, 1234).await;
    let _ = app.audit().await;
    let document = export(&ada).await;
    let activity = document["activity"].as_array().unwrap();
    let ids: std::collections::HashSet<_> =
        activity.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert!(activity.len() == 1235 && ids.len() == activity.len(), "{}", activity.len());
    let moments: Vec<_> = activity.iter().map(|event| event["at"].as_str().unwrap()).collect();
    assert!(moments.is_sorted_by(|newer, older| newer >= older));
}

async fn write_down(app: &TestApp, id: AccountId, count: u32) {
    let now = app.auth().clock().now();
    let event = |number: u32| AuditEvent {
        at: now.minus(Duration::from_secs(u64::from(number / 7))),
        kind: AuditKind::Login,
        outcome: AuditOutcome::Failure,
        account_id: Some(id),
        actor_id: None,
        session_id: None,
        address: "192.0.2.9".into(),
        detail: "invalid_credentials",
    };
    app.store().record_audit(AuditBatch::new((0..count).map(event).collect())).await.unwrap();
}

/// T58, fosite CVE-2020-15223: a part is never the whole.
#[tokio::test]
async fn t58_an_outage_in_the_middle_breaks_it_off() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    write_down(&app, AccountId::read(&id_of(&ada).await).unwrap(), 1234).await;
    let access = ada.cookie("access_token").unwrap();
    let request = http::Request::get("/api/users/export").header("authorization", format!("Bearer {access}"));
    let response = ada.send_unread(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 200);
    app.store().fail("page_audit", Fault::Before);
    assert!(response.into_body().collect().await.is_err());
    app.store().heal();
    let _ = export(&ada).await;
}

#[tokio::test]
async fn exports_are_limited_and_outages_do_not_count() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    for _ in 0..6 {
        app.store().fail("page_audit", Fault::Before);
        let _ = ada.get("/api/users/export").await.expect_problem(503, "unavailable");
    }
    app.store().heal();
    for _ in 0..5 {
        let _ = export(&ada).await;
    }
    let answer = ada.get("/api/users/export").await.expect_problem(429, "rate_limited");
    assert_eq!(answer.header("retry-after"), Some("3600"));
    let _ = export(&app.client().registered("bob").await).await;
    app.clock().advance(Duration::from_hours(1));
    let _ = ada.log_in("ada", PASSWORD).await.expect(200);
    let _ = export(&ada).await;
}
