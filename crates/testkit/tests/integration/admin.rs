//! What administrators do under `/api/users`: bans, kicks, blackouts, permissions, search.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use vestibule::core::{
    register::{AdminCreation, RegistrationError},
    values::password::Password,
};
use vestibule_testkit::{Client, PASSWORD, TestApp};

use super::{
    confirmation::token_of,
    database,
    guard::{Access, Body, ROUTES},
};

/// An application with an administrator and somebody else, and that one's id.
pub(super) async fn stage() -> (TestApp, Client, Client, String) {
    let app = TestApp::start().await;
    let boss = app.client().registered("boss").await;
    database::promote(&app, "boss");
    let ada = app.client().registered("ada").await;
    let id = id_of(&ada).await;
    (app, boss, ada, id)
}

pub(super) async fn id_of(client: &Client) -> String {
    client.get("/api/v1/users/me").await.expect(200).member("id")
}

fn admin_routes() -> impl Iterator<Item = &'static super::guard::Route> {
    ROUTES.iter().filter(|route| route.access == Access::Admin)
}

#[tokio::test]
async fn every_route_of_administrators_is_forbidden_to_others_and_does_nothing() {
    let (app, _boss, ada, _) = stage().await;
    let before = database::contents(&app);
    for route in admin_routes() {
        for body in [None, Some(json!({"action": "CLEAR", "active": true}))] {
            let request = route.request(&ada);
            let request = match body {
                Some(body) if route.body != Body::None => request.json(&body),
                _ => request,
            };
            let answer = request.await.expect_problem(403, "forbidden");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    assert_eq!(database::contents(&app), before);
}

/// T18: whoever registers the address of somebody who is to be an administrator must not become one in their place.
#[tokio::test]
async fn t18_an_address_that_nobody_has_proved_makes_nobody_an_administrator() {
    let app = TestApp::start().await;
    let squatter = app.client().registered("boss").await;
    let create = async || app.auth().create_admin("boss@example.com", "boss", Password::new("unused")).await;
    let refused = create().await;
    assert!(matches!(refused, Err(RegistrationError::Unproved)), "{refused:?}");
    let permissions = async || squatter.get("/api/v1/users/me").await.json()["permissions"].clone();
    assert_eq!(permissions().await, json!([]));
    // The same for an account that has no user name, whose address alone says which is meant.
    let id = id_of(&squatter).await;
    let rename = json!({"username": null});
    let root = app.client().registered("root_of_it").await;
    database::promote(&app, "root_of_it");
    let _ = root.patch(&format!("/api/v1/users/{id}")).json(&rename).await.expect(200);
    let refused = create().await;
    assert!(matches!(refused, Err(RegistrationError::Unproved)), "{refused:?}");
    assert_eq!(permissions().await, json!([]));
    let letters = app.mails().await;
    let letter = letters.iter().find(|letter| letter.to == "boss@example.com").unwrap();
    let _ = app.client().post(&format!("/api/users/confirm/{}", token_of(letter))).await.expect(200);
    assert!(matches!(create().await, Ok(AdminCreation::Promoted(_))));
    assert_eq!(permissions().await, json!(["admin"]));
}

/// The permission of now decides, not the one in a token.
#[tokio::test]
async fn a_demoted_administrator_is_one_no_more_whatever_the_token_says() {
    let (app, boss, _ada, _) = stage().await;
    let tokens = app.client().tokens("boss").await;
    let bearer = app.client().with_bearer(&tokens.access);
    let claims = bearer.post("/api/users/token").await.json();
    assert_eq!(claims["permissions"], json!(["admin"]));
    database::demote(&app, "boss");
    for route in admin_routes() {
        let _ = route.request(&bearer).await.expect_problem(403, "forbidden");
        let _ = route.request(&boss).await.expect_problem(403, "forbidden");
    }
}

#[tokio::test]
async fn what_is_no_id_or_nobodys_is_not_found() {
    let (app, boss, ..) = stage().await;
    let before = database::contents(&app);
    for id in
        ["0190163d-8694-739b-aea5-966c26f8ad91", "nobody", "1", "%00", "0190163d8694739baea5966c26f8ad91"]
    {
        for (method, path, body) in [
            (Method::POST, "/api/users/{id}/blacklist", None),
            (Method::POST, "/api/users/{id}/kick", None),
            (Method::PATCH, "/api/users/{id}/permissions", Some(json!({"action": "CLEAR"}))),
            (Method::GET, "/api/users/{id}", None),
            (Method::GET, "/api/v1/users/{id}", None),
            (Method::PATCH, "/api/v1/users/{id}", Some(json!({"full_name": "Nobody"}))),
            (Method::DELETE, "/api/v1/users/{id}", None),
        ] {
            let request = boss.request(method.clone(), &path.replace("{id}", id));
            let request = match &body {
                Some(body) => request.json(body),
                None => request,
            };
            let _ = request.await.expect_problem(404, "not_found");
        }
    }
    assert_eq!(database::contents(&app), before);
}

#[tokio::test]
async fn a_ban_is_toggled_and_listed() {
    let (app, boss, ada, id) = stage().await;
    let empty = boss.get("/api/users/blacklist").await.expect(200);
    assert_eq!(empty.json(), json!({"global": [], "current": []}));
    assert_eq!(empty.header("cache-control"), Some("no-store"));
    let path = format!("/api/users/{id}/blacklist");
    assert_eq!(boss.post(&path).await.expect(200).json(), Value::Null);
    let _ = ada.get("/api/v1/users/me").await.expect_problem(401, "invalid_token");
    let _ = ada.post("/api/users/token").await.expect_problem(401, "invalid_token");
    let banned = json!([{"id": id, "username": "ada"}]);
    let listed = boss.get("/api/users/blacklist").await.json();
    assert_eq!(listed, json!({"global": banned, "current": [id]}));
    app.clock().advance(Duration::from_mins(15));
    let _ = boss.post("/api/users/token/refresh").await.expect(200);
    let listed = boss.get("/api/users/blacklist").await.json();
    assert_eq!(listed, json!({"global": banned, "current": []}), "its last access token has expired");

    let _ = boss.post(&path).await.expect(200);
    assert_eq!(boss.get("/api/users/blacklist").await.json(), json!({"global": [], "current": []}));
    let _ = ada.post("/api/users/token/refresh").await.expect_problem(401, "invalid_token");
    let _ = app.client().logged_in("ada").await.get("/api/v1/users/me").await.expect(200);

    let events: Vec<_> = app.audit().await.into_iter().filter(|event| event.kind.contains("ban")).collect();
    let boss_id = id_of(&boss).await;
    for (event, kind) in events.iter().zip(["ban", "unban"]) {
        assert_eq!((event.kind.as_str(), event.outcome.as_str()), (kind, "success"));
        assert_eq!(event.account_id.unwrap().to_string(), id);
        assert_eq!(event.actor_id.unwrap().to_string(), boss_id);
        assert_eq!(event.address, "192.0.2.1");
    }
    assert_eq!(events.len(), 2);
}

#[tokio::test]
async fn the_last_administrator_can_neither_leave_nor_be_removed() {
    let (app, boss, ..) = stage().await;
    let id = id_of(&boss).await;
    let before = database::contents(&app);
    let v1 = format!("/api/v1/users/{id}");
    let permissions = format!("/api/users/{id}/permissions");
    for request in [
        boss.post(&format!("/api/users/{id}/blacklist")),
        boss.delete(&v1),
        boss.patch(&v1).json(&json!({"active": false})),
        boss.patch(&v1).json(&json!({"permissions": []})),
        boss.patch(&permissions).json(&json!({"action": "REMOVE", "payload": ["admin"]})),
        boss.patch(&permissions).json(&json!({"action": "CLEAR"})),
    ] {
        let answer = request.await.expect_problem(409, "conflict");
        assert_eq!(answer.json()["detail"], "This is the last active administrator");
    }
    assert_eq!(database::contents(&app), before);
    let refused = app.audit().await.into_iter().filter(|event| event.detail == "last_admin");
    assert!(refused.clone().all(|event| event.outcome == "failure"));
    assert_eq!(refused.count(), 6);

    database::promote(&app, "ada");
    let _ = boss.delete(&v1).await.expect(204);
    let _ = boss.get("/api/v1/users/me").await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn a_kick_ends_every_session_and_keeps_nobody_out() {
    let (app, boss, ada, id) = stage().await;
    let tokens = app.client().tokens("ada").await;
    let kick = boss.post(&format!("/api/users/{id}/kick")).await.expect(200);
    assert_eq!(kick.json(), Value::Null);
    let _ = ada.get("/api/v1/users/me").await.expect_problem(401, "invalid_token");
    let _ = ada.post("/api/users/token/refresh").await.expect_problem(401, "invalid_token");
    let bearer = app.client().with_bearer(&tokens.access);
    let _ = bearer.post("/api/users/token").await.expect_problem(401, "invalid_token");
    let _ = app.client().logged_in("ada").await.get("/api/v1/users/me").await.expect(200);
    let _ = boss.get("/api/users/blackout").await.expect_problem(404, "not_found");
    let kicked = app.audit().await.into_iter().find(|event| event.kind == "kick").unwrap();
    assert_eq!(kicked.account_id.unwrap().to_string(), id);
}

#[tokio::test]
async fn a_blackout_ends_everything_and_its_notice_can_go() {
    let (app, boss, ada, _) = stage().await;
    app.clock().advance(Duration::from_secs(1));
    assert_eq!(boss.post("/api/users/blackout").await.expect(200).json(), Value::Null);
    for client in [&boss, &ada] {
        let _ = client.get("/api/v1/users/me").await.expect_problem(401, "invalid_token");
        let _ = client.copy().post("/api/users/token/refresh").await.expect_problem(401, "invalid_token");
    }
    let boss = app.client().logged_in("boss").await;
    let notice = boss.get("/api/users/blackout").await.expect(200);
    assert_eq!(notice.json(), json!({"ts": "2026-01-01T00:00:01.000Z"}));
    for _ in 0..2 {
        assert_eq!(boss.delete("/api/users/blackout").await.expect(200).json(), Value::Null);
        let _ = boss.get("/api/users/blackout").await.expect_problem(404, "not_found");
    }
    let _ = ada.get("/api/v1/users/me").await.expect_problem(401, "invalid_token");
    let kinds: Vec<_> = app.audit().await.into_iter().map(|event| event.kind).collect();
    for kind in ["blackout", "blackout_cleared"] {
        assert_eq!(kinds.iter().filter(|found| *found == kind).count(), 1, "{kind}");
    }
}

#[tokio::test]
async fn an_id_is_found_by_user_name_alone() {
    let (_app, boss, _ada, id) = stage().await;
    let find = |query: &str| boss.get(&format!("/api/users/id_by_username{query}"));
    for name in ["ada", "ADA", "%41da"] {
        assert_eq!(find(&format!("?username={name}")).await.expect(200).json(), json!({"id": id}));
    }
    for name in ["nobody", "ada@example.com", "ad", "ada%25", "%00"] {
        let _ = find(&format!("?username={name}")).await.expect_problem(404, "not_found");
    }
    for query in ["", "?username=", "?username=ada&username=bob", "?username=%ff", "?name=ada"] {
        let _ = find(query).await.expect_problem(422, "validation_failed");
    }
}

#[tokio::test]
async fn permissions_are_added_removed_and_cleared() {
    let (app, boss, ada, id) = stage().await;
    let change = async |body: Value| boss.patch(&format!("/api/users/{id}/permissions")).json(&body).await;
    for (body, left) in [
        (json!({"action": "ADD", "payload": ["read", "write", "read"]}), json!(["read", "write"])),
        (json!({"action": "ADD", "payload": ["users:read"]}), json!(["read", "users:read", "write"])),
        (json!({"action": "REMOVE", "payload": ["read", "nothing"]}), json!(["users:read", "write"])),
        (json!({"action": "ADD", "payload": []}), json!(["users:read", "write"])),
        (json!({"action": "CLEAR", "payload": ["write"]}), json!([])),
        (json!({"action": "CLEAR"}), json!([])),
        (json!({"action": "ADD", "payload": ["admin"]}), json!(["admin"])),
    ] {
        let account = change(body.clone()).await.expect(200).json();
        assert_eq!(account["permissions"], left, "{body}");
        assert_eq!(account, ada.get("/api/v1/users/me").await.json(), "the account");
    }
    let _ = ada.get("/api/users").await.expect(200);

    let before = database::contents(&app);
    for (body, field, code) in [
        (json!({}), "action", "missing"),
        (json!({"action": 1}), "action", "wrong_type"),
        (json!({"action": "add", "payload": []}), "action", "invalid"),
        (json!({"action": "ADD"}), "payload", "missing"),
        (json!({"action": "ADD", "payload": null}), "payload", "wrong_type"),
        (json!({"action": "ADD", "payload": "read"}), "payload", "wrong_type"),
        (json!({"action": "REMOVE", "payload": ["a", 1]}), "payload", "wrong_type"),
        (json!({"action": "ADD", "payload": ["a b"]}), "payload", "invalid"),
        (json!({"action": "ADD", "payload": [""]}), "payload", "invalid"),
        (json!({"action": "ADD", "payload": ["a\"b"]}), "payload", "invalid"),
        (json!({"action": "ADD", "payload": ["x".repeat(65)]}), "payload", "invalid"),
    ] {
        let problem = change(body.clone()).await.expect_problem(422, "validation_failed").json();
        let errors = problem["errors"].as_array().unwrap();
        let found = errors.iter().any(|error| error["field"] == field && error["code"] == code);
        assert!(found, "{body}: {problem}");
    }
    let many: Vec<_> = (0..100).map(|number| format!("permission-{number}")).collect();
    let body = json!({"action": "ADD", "payload": many});
    let _ = change(body).await.expect_problem(400, "permissions_too_long");
    assert_eq!(database::contents(&app), before);
}

#[tokio::test]
async fn accounts_are_searched_page_by_page() {
    let (app, boss, _ada, id) = stage().await;
    for number in 0..25 {
        let email = format!("{number}@example.com");
        let body = json!({"email": email, "password": PASSWORD, "username": format!("user_{number:02}")});
        let _ = app
            .client()
            .from_address(&format!("198.51.100.{number}"))
            .post("/api/v1/users")
            .json(&body)
            .await
            .expect(201);
    }
    let find = async |query: &str| boss.get(&format!("/api/users{query}")).await.expect(200).json();
    let page = find("?username=SER_").await;
    assert_eq!(page.as_object().unwrap().len(), 3);
    assert_eq!((&page["pages"], &page["currentPage"]), (&json!(2), &json!(1)));
    assert_eq!(page["items"].as_array().unwrap().len(), 20);
    let second = find("?username=SER_&p=2").await;
    assert_eq!((&second["currentPage"], second["items"].as_array().unwrap().len()), (&json!(2), 5));
    assert_eq!(second["items"][0]["permissions"], json!([]));
    let nothing = json!({"items": [], "pages": 0, "currentPage": 1});
    for query in ["?username=%25", "?username=user%3f", "?username=ser.", "?id=1", "?username=ada&id=1"] {
        assert_eq!(find(query).await, nothing, "{query}: no pattern");
    }
    for query in [format!("?id={id}"), "?username=ada".into(), format!("?id={id}&username=A")] {
        let found = find(&query).await;
        assert_eq!((&found["items"][0]["id"], &found["pages"]), (&json!(id), &json!(1)), "{query}");
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{query}");
    }
    assert_eq!(find(&format!("?id={id}&username=x")).await, nothing);
    assert_eq!(find("").await["pages"], 2, "27 in all");
    assert_eq!(find("?p=3").await["items"], json!([]));
    for query in ["?p=0", "?p=-1", "?p=x", "?p=", "?p=1.5", "?p=501", "?p=1&p=2", "?p=99999999999999999999"] {
        let _ = boss.get(&format!("/api/users{query}")).await.expect_problem(422, "validation_failed");
    }
    let account = boss.get(&format!("/api/users/{id}")).await.expect(200);
    assert_eq!(account.json()["username"], "ada");
}
