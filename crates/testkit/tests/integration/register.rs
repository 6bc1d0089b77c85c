//! `POST /api/users/register`.

use serde_json::{Value, json};
use vestibule_testkit::{PASSWORD, TestApp};

use super::database;

fn body(changes: &Value) -> Value {
    let mut body = json!({
        "email": "Ada@Example.com", "username": "Ada", "password1": PASSWORD, "password2": PASSWORD,
    });
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn an_account_is_made_and_its_owner_logged_in() {
    let app = TestApp::start().await;
    let ada = app.client();
    let request = body(&json!({"full_name": " Ada Lovelace "}));
    let answer = ada.post("/api/users/register").json(&request).await.expect(200);
    let account = answer.json();
    assert_eq!(
        account,
        json!({
            "id": account["id"], "email": "Ada@Example.com", "username": "Ada", "full_name": "Ada Lovelace",
            "active": true, "confirmed": false, "permissions": [], "created_at": "2026-01-01T00:00:00.000Z",
            "last_login_at": account["last_login_at"],
        })
    );
    assert_eq!(account["id"].as_str().unwrap().as_bytes()[14], b'7', "a UUIDv7");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.cookies().len(), 3);
    assert_eq!(ada.get("/api/v1/users/me").await.expect(200).json()["id"], account["id"]);
    assert_eq!(ada.get("/api/users/sessions").await.expect(200).json().as_array().unwrap().len(), 1);

    let [event] = app.audit().await.try_into().unwrap();
    assert_eq!((event.kind.as_str(), event.outcome.as_str()), ("register", "success"));
    assert_eq!(event.account_id.unwrap().to_string(), account["id"]);
    assert_eq!(event.address, "192.0.2.1");
}

#[tokio::test]
async fn every_broken_rule_is_named_and_the_first_is_the_answer() {
    let app = TestApp::start().await;
    let length = "Password must contain from 8 to 256 symbols";
    for (changes, codes, detail) in [
        (json!({"email": "ada"}), &["invalid_email"][..], "Enter a valid e-mail address"),
        (json!({"username": "ab"}), &["username_length"], "Username must contain from 3 to 20 symbols"),
        (
            json!({"username": "a".repeat(21)}),
            &["username_length"],
            "Username must contain from 3 to 20 symbols",
        ),
        (
            json!({"username": "a.b"}),
            &["username_characters"],
            "Username must not contain special characters",
        ),
        (
            json!({"username": "ａｄａ"}),
            &["username_characters"],
            "Username must not contain special characters",
        ),
        (json!({"username": "Admin"}), &["username_reserved"], "Wrong username"),
        (json!({"username": "change_info"}), &["username_reserved"], "Wrong username"),
        (json!({"password1": "1234567", "password2": "1234567"}), &["password_length"], length),
        (
            json!({"password1": "Password1", "password2": "Password1"}),
            &["password_common"],
            "Password is too common",
        ),
        (
            json!({"username": "michael", "password1": "michael1", "password2": "michael2"}),
            &["password_common", "password_contains_name", "passwords_mismatch"],
            "Password is too common",
        ),
        (json!({"password2": "another password"}), &["passwords_mismatch"], "Passwords mismatch"),
        (
            json!({"username": "battery"}),
            &["password_contains_name"],
            "Password must not contain your username or e-mail address",
        ),
        (
            json!({"full_name": "a".repeat(101)}),
            &["full_name_invalid"],
            "Full name must have at most 100 symbols and no control characters",
        ),
        (
            json!({"email": "x", "username": "!", "password1": "short", "password2": "other"}),
            &["invalid_email", "username_length", "password_length", "passwords_mismatch"],
            "Enter a valid e-mail address",
        ),
    ] {
        let answer = app.client().post("/api/users/register").json(&body(&changes)).await;
        let problem = answer.expect_problem(400, codes[0]).json();
        assert_eq!(problem["detail"], detail, "{changes}");
        let found: Vec<_> =
            problem["errors"].as_array().unwrap().iter().map(|error| &error["code"]).collect();
        assert_eq!(found, codes, "{changes}");
    }
    assert_eq!(app.hasher().hashed(), 0, "rules come before the work");
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM account"), 0);
}

#[tokio::test]
async fn taken_names_are_told_whatever_their_case() {
    let app = TestApp::start().await;
    let _ada = app.client().registered("ada").await;
    for (changes, codes) in [
        (json!({"username": "other"}), &["email_taken"][..]),
        (json!({"email": "other@example.com"}), &["username_taken"]),
        (json!({}), &["email_taken", "username_taken"]),
    ] {
        let answer = app.client().post("/api/users/register").json(&body(&changes)).await;
        let problem = answer.expect_problem(400, codes[0]).json();
        let found: Vec<_> =
            problem["errors"].as_array().unwrap().iter().map(|error| &error["code"]).collect();
        assert_eq!(found, codes);
        let sentence =
            if codes[0] == "email_taken" { "Email already exists" } else { "Username already exists" };
        assert_eq!(problem["detail"], sentence);
    }
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM account"), 1);
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM session"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_registrations_of_a_name_at_once_one_wins() {
    let app = TestApp::start().await;
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let client = app.client();
            let request = body(&json!({"email": format!("ada{number}@example.com")}));
            tokio::spawn(async move { client.post("/api/users/register").json(&request).await })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        let answer = task.await.unwrap();
        let is_taken = answer.code() == "username_taken" && answer.cookies().is_empty();
        assert!(answer.status == 200 || is_taken, "{}", answer.text());
        statuses.push(answer.status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400, 400, 400, 400, 400]);
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM account"), 1);
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM session"), 1);
}

#[tokio::test]
async fn a_closed_door_is_told_before_any_work() {
    let app = TestApp::builder().policy(|policy| policy.registration.is_enabled = false).start().await;
    let answer = app.client().post("/api/users/register").json(&body(&json!({}))).await;
    let _ = answer.expect_problem(403, "registration_disabled");
    let request = json!({"email": "ada@example.com", "password": PASSWORD});
    let answer = app.client().post("/api/v1/users").json(&request).await;
    let _ = answer.expect_problem(403, "registration_disabled");
    assert_eq!(app.hasher().hashed(), 0);
}

/// T16, better-auth CVE-2025-61928, and T04, Zitadel CVE-2026-27946: nobody makes themselves what they are not.
#[tokio::test]
async fn t16_unknown_fields_are_ignored_and_never_stored() {
    let app = TestApp::start().await;
    let wishes = json!({
        "id": "0190163d-8694-739b-aea5-966c26f8ad91", "active": false, "confirmed": true,
        "permissions": ["admin"], "created_at": "1999-01-01T00:00:00Z", "is_admin": true, "role": ["admin"],
    });
    let browser = app.client();
    let account = browser.post("/api/users/register").json(&body(&wishes)).await.expect(200).json();
    let mut other_body = wishes;
    other_body["email"] = json!("bob@example.com");
    other_body["password"] = json!(PASSWORD);
    let other = app.client().post("/api/v1/users").json(&other_body).await.expect(201).json();
    for account in [account, other] {
        assert_ne!(account["id"], other_body["id"]);
        assert_eq!(account["active"], true);
        assert_eq!(account["confirmed"], false);
        assert_eq!(account["permissions"], json!([]));
        assert_eq!(account["created_at"], "2026-01-01T00:00:00.000Z");
    }
    assert!(!database::contents(&app).concat().contains("admin"));
}

/// T27, Auth.js GHSA-7rqj-j65f-68wh: normalised, then checked, then stored.
#[tokio::test]
async fn t27_what_is_typed_in_another_normal_form_is_the_same() {
    let app = TestApp::start().await;
    let decomposed = "e\u{301}".repeat(8);
    let request = body(&json!({
        "email": " Ada@BÜCHER.example ", "username": " Ada ", "password1": decomposed, "password2": "é".repeat(8),
    }));
    let account = app.client().post("/api/users/register").json(&request).await.expect(200).json();
    assert_eq!((&account["email"], &account["username"]), (&json!("Ada@BÜCHER.example"), &json!("Ada")));
    for name in ["ada@bücher.example", "ADA@XN--BCHER-KVA.EXAMPLE", "aDA"] {
        let _ = app.client().log_in(name, &"é".repeat(8)).await.expect(200);
    }
    // A password is never trimmed or cut.
    let _ = app.client().log_in("ada", &format!("{} ", "é".repeat(8))).await.expect(401);
}

/// T34, Django CVE-2013-1443: a long password costs nothing.
#[tokio::test]
async fn t34_a_long_password_is_refused_before_it_is_hashed() {
    let app = TestApp::start().await;
    let long = "x".repeat(257);
    let request = body(&json!({"password1": long, "password2": long}));
    let answer = app.client().post("/api/users/register").json(&request).await;
    let _ = answer.expect_problem(400, "password_length");
    assert_eq!(app.hasher().hashed(), 0);
    let longest = "é".repeat(256);
    let request = body(&json!({"password1": longest, "password2": longest}));
    let _ = app.client().post("/api/users/register").json(&request).await.expect(200);
    let _ = app.client().log_in("ada", &longest).await.expect(200);
}

/// T60, lettre RUSTSEC-2021-0069 and idna RUSTSEC-2024-0421: no line breaks, no masked names.
#[tokio::test]
async fn t60_addresses_that_could_inject_or_mask_are_refused() {
    let app = TestApp::start().await;
    for email in [
        "ada@example.com\r\nBcc: eve@example.com",
        "ada\n@example.com",
        "ada@exam\u{0}ple.com",
        "ada@example.com\u{0}",
        "\"ada lovelace\"@example.com",
        "Ada <ada@example.com>",
        "ada@example.com,eve@example.com",
        "ada@xn--example-.com",
        "ada@xn--ls8h=.com",
        "ada@[127.0.0.1]",
        "аda@example.com",
        "ada@@example.com",
    ] {
        let answer = app.client().post("/api/users/register").json(&body(&json!({"email": email}))).await;
        let _ = answer.expect_problem(400, "invalid_email");
    }
    for name in ["Ada\r\nLovelace", "Ada\u{0}", "Ada\u{7f}", "\u{85}Ada\u{1b}x"] {
        let answer = app.client().post("/api/users/register").json(&body(&json!({"full_name": name}))).await;
        let _ = answer.expect_problem(400, "full_name_invalid");
    }
}

/// T03, Zitadel CVE-2024-28197: a session somebody else knows does not become the new account's.
#[tokio::test]
async fn t03_registering_ends_the_session_whose_cookie_came_along() {
    let app = TestApp::start().await;
    let browser = app.client().registered("eve").await;
    let planted = browser.cookie("access_token").unwrap();
    let _ = browser.post("/api/users/register").json(&body(&json!({}))).await.expect(200);
    assert_ne!(browser.cookie("access_token").unwrap(), planted);
    assert_eq!(browser.get("/api/v1/users/me").await.json()["username"], "Ada");
    let _ = app.client().with_bearer(&planted).get("/api/v1/users/me").await.expect(401);
}
