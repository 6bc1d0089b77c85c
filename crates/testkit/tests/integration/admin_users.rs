//! Administrators at `/api/v1/users`, and what nobody can set for themselves.

use serde_json::{Value, json};
use vestibule_testkit::{PASSWORD, TestApp};

use super::{
    admin::{id_of, stage},
    database,
};

#[tokio::test]
async fn accounts_are_listed_in_pages() {
    let (_app, boss, ..) = stage().await;
    let list = async |query: &str| boss.get(&format!("/api/v1/users{query}")).await.expect(200).json();
    let all = list("").await;
    let names: Vec<_> = all.as_array().unwrap().iter().map(|one| one["username"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 2);
    assert_eq!(list("?skip=1&limit=1").await, json!([all[1]]));
    assert_eq!(list("?skip=2").await, json!([]));
    assert_eq!(list("?skip=4294967295&limit=100").await, json!([]));
    for query in
        ["?skip=-1", "?skip=x", "?limit=0", "?limit=101", "?limit=", "?limit=1&limit=2", "?skip=4294967296"]
    {
        let _ = boss.get(&format!("/api/v1/users{query}")).await.expect_problem(422, "validation_failed");
    }
}

#[tokio::test]
async fn an_account_is_changed_in_whole_or_not_at_all() {
    let (app, boss, ada, id) = stage().await;
    let path = format!("/api/v1/users/{id}");
    let body = json!({
        "email": "Countess@example.com", "username": "Countess", "full_name": " Ada King ", "confirmed": true,
        "permissions": ["read"], "id": "x", "created_at": "never", "password_hash": "x",
    });
    let changed = boss.patch(&path).json(&body).await.expect(200);
    assert_eq!(changed.header("cache-control"), Some("no-store"));
    let account = changed.json();
    for (member, value) in [
        ("id", json!(id)),
        ("email", json!("Countess@example.com")),
        ("username", json!("Countess")),
        ("full_name", json!("Ada King")),
        ("confirmed", json!(true)),
        ("active", json!(true)),
        ("permissions", json!(["read"])),
        ("created_at", json!("2026-01-01T00:00:00.000Z")),
    ] {
        assert_eq!(account[member], value, "{member}");
    }
    assert_eq!(boss.get(&path).await.expect(200).json(), account);
    assert_eq!(ada.get("/api/v1/users/me").await.expect(200).json(), account);
    assert_eq!(boss.patch(&path).json(&json!({})).await.expect(200).json(), account);
    let nameless = boss.patch(&path).json(&json!({"username": null, "full_name": null})).await.expect(200);
    assert_eq!((&nameless.json()["username"], &nameless.json()["full_name"]), (&Value::Null, &Value::Null));
    let moved = boss.patch(&path).json(&json!({"email": "new@example.com"})).await.expect(200);
    assert_eq!(moved.json()["confirmed"], false, "nobody has proved the new address");

    let before = database::contents(&app);
    for (body, status, code) in [
        (json!({"email": "boss@example.com", "full_name": "X"}), 409, "email_taken"),
        (json!({"username": "BOSS", "full_name": "X"}), 409, "username_taken"),
        (json!({"email": "nonsense", "full_name": "X"}), 400, "invalid_email"),
        (json!({"username": "a b c", "full_name": "X"}), 400, "username_characters"),
        (json!({"username": "admin"}), 400, "username_reserved"),
        (json!({"full_name": "a\nb", "active": false}), 400, "full_name_invalid"),
        (json!({"email": null}), 422, "validation_failed"),
        (json!({"active": null}), 422, "validation_failed"),
        (json!({"active": "false"}), 422, "validation_failed"),
        (json!({"active": 0}), 422, "validation_failed"),
        (json!({"confirmed": "yes"}), 422, "validation_failed"),
        (json!({"permissions": null}), 422, "validation_failed"),
        (json!({"permissions": {"admin": true}}), 422, "validation_failed"),
        (json!({"permissions": ["a b"]}), 422, "validation_failed"),
        (json!({"username": 7}), 422, "validation_failed"),
    ] {
        let _ = boss.patch(&path).json(&body).await.expect_problem(status, code);
    }
    assert_eq!(database::contents(&app), before);
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_change_is_named_at_once() {
    let (_app, boss, _ada, id) = stage().await;
    let body = json!({"email": "x", "username": "-", "full_name": "\u{0}"});
    let answer = boss.patch(&format!("/api/v1/users/{id}")).json(&body).await;
    let problem = answer.expect_problem(400, "invalid_email").json();
    let codes: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["code"]).collect();
    assert_eq!(codes, ["invalid_email", "username_length", "full_name_invalid"]);
}

#[tokio::test]
async fn an_account_disabled_by_a_change_is_banned() {
    let (app, boss, ada, id) = stage().await;
    let path = format!("/api/v1/users/{id}");
    let banned = boss.patch(&path).json(&json!({"active": false})).await.expect(200);
    assert_eq!(banned.json()["active"], false);
    let _ = ada.get("/api/v1/users/me").await.expect_problem(401, "invalid_token");
    let _ = boss.patch(&path).json(&json!({"active": true})).await.expect(200);
    let _ = ada.post("/api/users/token/refresh").await.expect_problem(401, "invalid_token");
    let kinds: Vec<_> = app.audit().await.into_iter().map(|event| event.kind).collect();
    for kind in ["ban", "unban"] {
        assert!(kinds.iter().any(|found| found == kind), "{kinds:?}");
    }
}

/// T24, better-auth GHSA-2vg6-77g8-24mp: a deletion takes sessions with it, from caches too.
#[tokio::test]
async fn t24_a_deleted_account_is_gone_from_everywhere() {
    let (app, boss, ada, id) = stage().await;
    let tokens = app.client().tokens("ada").await;
    let bearer = app.client().with_bearer(&tokens.access);
    // Verified once, so that the token is in the cache.
    let _ = bearer.post("/api/users/token").await.expect(200);
    let deleted = boss.delete(&format!("/api/v1/users/{id}")).await.expect(204);
    assert!(deleted.body.is_empty());
    let _ = bearer.post("/api/users/token").await.expect_problem(401, "invalid_token");
    let _ = ada.get("/api/v1/users/me").await.expect_problem(401, "invalid_token");
    let _ = ada.post("/api/users/token/refresh").await.expect_problem(401, "invalid_token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
    let _ = app.client().post("/api/v1/token").form(&form).await.expect_problem(401, "invalid_token");
    let _ = app.client().log_in("ada", PASSWORD).await.expect_problem(401, "invalid_credentials");
    let _ = boss.delete(&format!("/api/v1/users/{id}")).await.expect_problem(404, "not_found");
    for table in [
        "username_part WHERE part = CAST('ada' AS BLOB)",
        "mailed_link WHERE email_canonical = 'ada@example.com'",
    ] {
        assert_eq!(database::count(&app, &format!("SELECT COUNT(*) FROM {table}")), 0, "{table}");
    }
    // A node that starts now hears of it, too.
    let app = app.stop().await.start().await;
    let bearer = app.client().with_bearer(&tokens.access);
    let _ = bearer.post("/api/users/token").await.expect_problem(401, "invalid_token");
    let newcomer = app.client().registered("ada").await;
    assert_ne!(id_of(&newcomer).await, id);
    let _ = bearer.post("/api/users/token").await.expect_problem(401, "invalid_token");
}

/// T04, Zitadel CVE-2026-27946: whatever people send of themselves, they cannot confirm, activate or promote.
#[tokio::test]
async fn t04_nobody_sets_their_own_privileges() {
    let app = TestApp::start().await;
    let privileges = json!({
        "id": "0190163d-8694-739b-aea5-966c26f8ad91", "active": true, "confirmed": true, "email_confirmed": true,
        "permissions": ["admin"], "scope": "admin", "administrates": 1, "role": "admin", "is_admin": true,
        "created_at": "1970-01-01T00:00:00Z", "last_login_at": "1970-01-01T00:00:00Z",
        "email": "Ada@example.com", "username": "Ada", "password": PASSWORD, "password1": PASSWORD,
        "password2": PASSWORD, "old_password": PASSWORD, "login": "ada", "restore": true,
    });
    let ada = app.client();
    let _ = ada.post("/api/users/register").json(&privileges).await.expect(200);
    let untouched = async |name: &str| {
        let account = app.client().logged_in(name).await.get("/api/v1/users/me").await.expect(200).json();
        assert_ne!(account["id"], privileges["id"]);
        assert_eq!(
            (&account["confirmed"], &account["permissions"]),
            (&json!(false), &json!([])),
            "{account}"
        );
        assert_eq!(account["created_at"], "2026-01-01T00:00:00.000Z");
        account["id"].as_str().unwrap().to_owned()
    };
    let id = untouched("ada").await;
    let mut other = privileges.clone();
    other["email"] = json!("bob@example.com");
    other["username"] = json!("bob");
    let _ = app.client().post("/api/v1/users").json(&other).await.expect(201);
    let _ = untouched("bob").await;
    for route in super::guard::ROUTES {
        let own = route.path.replace("{id}", &id);
        // A session of its own for each: some routes end the one that comes along.
        let ada = app.client().logged_in("ada").await;
        let answer = ada.request(route.method.parse().unwrap(), &own).json(&privileges).await;
        assert!(!route.needs_login() || answer.status != 401, "{route:?} {}", answer.text());
        if route.path == "/api/users/delete" {
            assert_eq!(answer.status, 200, "{}", answer.text());
            let back = app.client().post("/api/users/login").json(&privileges);
            let _ = back.await.expect(200);
        }
        let _ = untouched("ada").await;
    }
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM account WHERE administrates = 1"), 0);
}

/// T16, better-auth CVE-2025-61928: who is meant comes from the token, whatever body and query say.
#[tokio::test]
async fn t16_no_route_reads_its_subject_from_body_or_query() {
    let (app, _boss, ada, id) = stage().await;
    let eve = app.client().registered("eve").await;
    let body =
        json!({"id": id, "user_id": id, "account_id": id, "account": id, "sub": id, "username": "ada"});
    let query = format!("?id={id}&user_id={id}&account={id}&account_id={id}&sub={id}&username=ada");
    let own_sessions = eve.get("/api/users/sessions").await.expect(200).json();
    for (path, member) in [("/api/v1/users/me", "id"), ("/api/users/activity", "account_id")] {
        let plain = eve.get(path).await.expect(200);
        let asked = eve.get(&format!("{path}{query}")).json(&body).await.expect(200);
        assert_eq!(plain.json(), asked.json(), "{path}");
        assert!(!asked.text().contains(&id), "{path} {member}");
    }
    assert_eq!(eve.get(&format!("/api/users/sessions{query}")).json(&body).await.json(), own_sessions);
    let claims = eve.post(&format!("/api/users/token{query}")).json(&body).await.expect(200);
    assert_ne!(claims.member("sub"), id);
    let password =
        json!({"old_password": PASSWORD, "password1": "x 8 y 9 z 10", "password2": "x 8 y 9 z 10"});
    let mut meant = body.as_object().unwrap().clone();
    meant.extend(password.as_object().unwrap().clone());
    let _ = eve.put(&format!("/api/users/password{query}")).json(&Value::Object(meant)).await.expect(200);
    let mut everywhere = body.clone();
    everywhere["scope"] = json!("all");
    let _ = eve.post(&format!("/api/users/logout{query}")).json(&everywhere).await.expect(200);
    let _ = ada.get("/api/v1/users/me").await.expect(200);
    let _ = app.client().logged_in("ada").await;
}

/// Somebody with an administrator's rights who takes an account over must not do so unnoticed.
#[tokio::test]
async fn the_owner_is_told_of_names_that_an_administrator_changes_at_the_old_address() {
    let (app, boss, _ada, id) = stage().await;
    let _ = app.mails().await;
    let path = format!("/api/v1/users/{id}");
    let names = json!({"username": "countess", "email": "new@example.com", "confirmed": true});
    let _ = boss.patch(&path).json(&names).await.expect(200);
    let letters = app.mails().await;
    assert!(letters.iter().all(|letter| letter.to == "ada@example.com"), "{letters:?}");
    let says = |word: &str| letters.iter().filter(|letter| letter.text.contains(word)).count();
    assert_eq!((letters.len(), says("countess"), says("new@example.com")), (2, 1, 1), "{letters:?}");
    // What stays as it is, and what is not a name, is no letter.
    for patch in [names, json!({"full_name": "Ada"}), json!({"username": null}), json!({"active": false})] {
        let _ = boss.patch(&path).json(&patch).await.expect(200);
        assert!(app.mails().await.is_empty(), "{patch}");
    }
    let taken = json!({"email": "boss@example.com", "username": "other"});
    let _ = boss.patch(&path).json(&taken).await.expect(409);
    assert!(app.mails().await.is_empty(), "nothing has changed");
}
