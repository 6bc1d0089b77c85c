//! `/api/v1/audit` and one's own activity.

use std::time::Duration;

use serde_json::{Value, json};
use vestibule_testkit::PASSWORD;

use super::admin::{id_of, stage};

#[tokio::test]
async fn administrators_read_who_did_what_to_whom_from_where_and_when() {
    let (app, boss, _ada, id) = stage().await;
    app.clock().advance(Duration::from_secs(10));
    let away = boss.copy().from_address("198.51.100.9");
    let _ = away.post(&format!("/api/users/{id}/kick")).await.expect(200);
    let _ = app.client().log_in("ada", "wrong password").await.expect(401);
    let _ = app.audit().await;
    let read = async |query: &str| boss.get(&format!("/api/v1/audit{query}")).await.expect(200).json();
    let kick = read("?kind=kick").await;
    assert_eq!(
        kick,
        json!([{
            "id": kick[0]["id"], "at": "2026-01-01T00:00:10.000Z", "kind": "kick", "outcome": "success",
            "account_id": id, "actor_id": id_of(&boss).await, "session_id": null, "address": "198.51.100.9",
            "detail": "",
        }])
    );
    let of_ada = read(&format!("?account={id}")).await;
    let kinds = |events: &Value| -> Vec<String> {
        events.as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
    };
    let mut newest = kinds(&of_ada)[..2].to_vec();
    newest.sort_unstable();
    assert_eq!(newest, ["kick", "login"], "the newest first");
    assert_eq!(kinds(&read(&format!("?account={id}&kind=login&limit=1")).await), ["login"]);
    let before = "until=2026-01-01T00:00:10Z";
    assert_eq!(kinds(&read(&format!("?account={id}&{before}")).await), ["register"]);
    assert_eq!(read(&format!("?since=2026-01-01T00:00:10Z&{before}")).await, json!([]));
    assert_eq!(read("?since=2026-01-01T01:00:10%2B01:00&kind=kick").await, kick, "in another zone");
    for query in [
        "?account=ada",
        "?kind=nonsense",
        "?since=yesterday",
        "?until=1700000000",
        "?limit=0",
        "?limit=1001",
        "?limit=x",
        "?kind=kick&kind=ban",
    ] {
        let _ = boss.get(&format!("/api/v1/audit{query}")).await.expect_problem(422, "validation_failed");
    }
    // An account that is gone leaves its events.
    let _ = boss.delete(&format!("/api/v1/users/{id}")).await.expect(204);
    let _ = app.audit().await;
    assert_eq!(kinds(&read(&format!("?account={id}&kind=account_deletion")).await).len(), 1);
}

#[tokio::test]
async fn people_see_their_own_activity_and_not_where_administrators_are() {
    let (app, boss, ada, id) = stage().await;
    app.clock().advance(Duration::from_secs(1));
    let away = boss.copy().from_address("198.51.100.9");
    let _ = away.patch(&format!("/api/v1/users/{id}")).json(&json!({"full_name": "Ada"})).await.expect(200);
    app.clock().advance(Duration::from_secs(1));
    let _ = app.client().from_address("203.0.113.5").log_in("ada", PASSWORD).await.expect(200);
    let _ = app.audit().await;
    let events = ada.get("/api/users/activity").await.expect(200);
    assert_eq!(events.header("cache-control"), Some("no-store"));
    let events = events.json();
    let seen: Vec<_> = events
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["kind"].as_str().unwrap(), event["address"].as_str().unwrap()))
        .collect();
    assert_eq!(seen, [("login", "203.0.113.5"), ("account_change", ""), ("register", "192.0.2.1")]);
    assert!(events.as_array().unwrap().iter().all(|event| event["account_id"] == id.as_str()));
    assert_eq!(ada.get("/api/users/activity?limit=1").await.json().as_array().unwrap().len(), 1);
    for query in ["?limit=0", "?limit=1001", "?limit=-1"] {
        let _ =
            ada.get(&format!("/api/users/activity{query}")).await.expect_problem(422, "validation_failed");
    }
}
