//! One's own password: forgotten, reset, changed, set (SPEC §1.2).

use std::time::Duration;

use serde_json::json;
use vestibule_testkit::{Answer, Client, PASSWORD, TestApp, faults::Fault};

use super::confirmation::{only_letter, token_of};

const NEW: &str = "another horse battery staple";

async fn forgot(client: &Client, email: &str) -> Answer {
    client.post("/api/users/forgot_password").json(&json!({"email": email})).await
}

async fn reset(client: &Client, token: &str, password: &str) -> Answer {
    let body = json!({"password1": password, "password2": password});
    client.post(&format!("/api/users/password/{token}")).json(&body).await
}

async fn change(client: &Client, old: &str, new: &str) -> Answer {
    let body = json!({"old_password": old, "password1": new, "password2": new});
    client.put("/api/users/password").json(&body).await
}

async fn is_alive(client: &Client) -> bool {
    client.get("/api/v1/users/me").await.status == 200
}

/// An app with ada, whose first letter has been read.
async fn app_with_ada() -> (TestApp, Client) {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let _ = only_letter(&app).await;
    (app, ada)
}

#[tokio::test]
async fn a_forgotten_password_is_chosen_anew_by_mail() {
    let (app, ada) = app_with_ada().await;
    let answer = forgot(&app.client(), "ADA@example.com").await.expect(200);
    assert_eq!(answer.json(), json!(null));
    let letter = only_letter(&app).await;
    assert_eq!(letter.to, "ada@example.com", "T33: to the address that the account has");
    assert!(letter.links[0].starts_with("http://127.0.0.1:8000/reset/"));
    let token = token_of(&letter);
    let weak = reset(&app.client(), &token, "password1").await.expect_problem(400, "password_common");
    assert_eq!(weak.json()["errors"][0]["field"], "password1");
    let _ = reset(&app.client(), &token, NEW).await.expect(200);
    let _ = reset(&app.client(), &token, PASSWORD).await.expect_problem(404, "not_found");
    assert!(!is_alive(&ada).await, "every session ends");
    let _ = app.client().log_in("ada", PASSWORD).await.expect_problem(401, "invalid_credentials");
    let ada = app.client();
    let _ = ada.log_in("ada", NEW).await.expect(200);
    assert_eq!(ada.get("/api/users/confirm").await.json()["confirmed"], true, "the mailbox is proved");
    let told = only_letter(&app).await;
    assert!(told.to == "ada@example.com" && told.code.is_none(), "the owner is told");
    let kinds: Vec<_> = app.audit().await.into_iter().map(|event| event.kind).collect();
    assert!(
        ["password_forgotten", "password_reset"].iter().all(|kind| kinds.iter().any(|found| found == kind))
    );
}

/// T52: known, unknown, disabled and limited addresses get the same answer after the same work; only mail differs.
#[tokio::test]
async fn t52_whoever_asks_learns_nothing() {
    let (app, _) = app_with_ada().await;
    let _ = app.store().take_calls();
    let mut answers = Vec::new();
    for email in ["ada@example.com", "nobody@example.com", "ada@example.com", "ada@example.com"] {
        let answer = forgot(&app.client(), email).await;
        let headers: Vec<_> = answer
            .headers
            .iter()
            .filter(|(name, _)| *name != "x-correlation-id")
            .map(|pair| format!("{pair:?}"))
            .collect();
        answers.push((answer.status, headers, answer.text(), app.store().take_calls()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].3, ["queue_errand"]);
    assert_eq!(app.mails().await.len(), 2, "and no third within half an hour");
    let _ = forgot(&app.client(), "no address").await.expect(422);
    let _ = forgot(&app.client(), "").await.expect_problem(422, "validation_failed");
}

/// T52: a wrong code is answered alike, and costs the same, whether the address is somebody's, nobody's or disabled: as often
/// as a code outlives, and as often as codes are mailed.
#[tokio::test]
async fn t52_a_wrong_reset_code_costs_the_same_for_nobody() {
    let (app, _) = app_with_ada().await;
    let _ = app.client().registered("banned").await;
    let database = rusqlite::Connection::open(app.database()).unwrap();
    database.execute("UPDATE account SET active = 0 WHERE username = 'banned'", []).unwrap();
    let _ = app.mails().await;
    let counted = |email: &str| -> Option<i64> {
        let sql = "SELECT SUM(code_attempts) FROM mailed_link WHERE email_canonical = ?1";
        database.query_row(sql, [email], |row| row.get(0)).unwrap()
    };
    let mut seen = Vec::new();
    for email in ["ada@example.com", "nobody@example.com", "banned@example.com"] {
        let mut told = Vec::new();
        for _ in 0..3 {
            let _ = forgot(&app.client(), email).await.expect(200);
            let _ = app.mails().await;
            for _ in 0..6 {
                let (before, _) = (counted(email), app.store().take_calls());
                let body = json!({"email": email, "code": "4711", "password1": NEW, "password2": NEW});
                let answer = app.client().post("/api/users/password_code").json(&body).await;
                let detail = answer.expect_problem(404, "not_found").json()["detail"].clone();
                told.push((detail, app.store().take_calls(), counted(email) != before));
            }
        }
        seen.push(told);
        app.clock().advance(Duration::from_mins(1));
    }
    let is_counted: Vec<_> = seen[0].iter().map(|(_, _, is_counted)| *is_counted).collect();
    let code = [true, true, true, true, true, false];
    assert_eq!(is_counted, [code, code, [false; 6]].concat(), "two are mailed in half an hour");
    assert_eq!(seen[1], seen[0], "nobody");
    assert_eq!(seen[2], seen[0], "somebody who is not let in");
    let rows = || -> i64 {
        database
            .query_row("SELECT COUNT(*) FROM mailed_link WHERE purpose = 'decoy'", [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(rows(), 2, "one for each address, however often somebody asks");
    app.clock().advance(Duration::from_hours(2));
    app.auth().delete_expired().await.unwrap();
    assert_eq!(rows(), 0);
}

/// T53: an account without a password gets one by mail, and none that is empty.
#[tokio::test]
async fn t53_an_account_without_a_password_can_set_one() {
    let (app, ada) = app_with_ada().await;
    let status = ada.get("/api/users/password").await.expect(200).json();
    assert_eq!(status, json!({"status": "change"}));
    let twice = json!({"password1": NEW, "password2": NEW});
    let answer = ada.post("/api/users/password").json(&twice).await.expect_problem(400, "password_exists");
    assert_eq!(answer.json()["detail"], "Password exists");
    let database = rusqlite::Connection::open(app.database()).unwrap();
    database.execute("UPDATE account SET password_hash = NULL", []).unwrap();
    assert_eq!(ada.get("/api/users/password").await.json(), json!({"status": "set"}));
    for password in ["", PASSWORD] {
        let _ = change(&ada, password, NEW).await.status.eq(&200).then(|| panic!("changed from nothing"));
        let _ = app.client().log_in("ada", password).await.status.eq(&200).then(|| panic!("logged in"));
    }
    let _ = ada.post("/api/users/password").json(&twice).await.expect(200);
    let _ = app.client().log_in("ada", NEW).await.expect(200);
    assert!(is_alive(&ada).await);
}

#[tokio::test]
async fn a_password_is_changed_by_whoever_knows_it() {
    let (app, ada) = app_with_ada().await;
    let other = app.client().logged_in("ada").await;
    let wrong = change(&ada, "wrong password", NEW).await.expect_problem(400, "password_wrong");
    assert_eq!(wrong.json()["detail"], "Wrong password!");
    let _ = change(&ada, PASSWORD, "short").await.expect_problem(400, "password_length");
    let body = json!({"oldPassword": PASSWORD, "password1": NEW, "password2": "something else"});
    let _ = ada.put("/api/users/password").json(&body).await.expect_problem(400, "passwords_mismatch");
    assert!(is_alive(&other).await);
    let body = json!({"oldPassword": PASSWORD, "password1": NEW, "password2": NEW});
    let _ = ada.put("/api/users/password").json(&body).await.expect(200);
    assert!(is_alive(&ada).await, "one's own session goes on");
    assert!(!is_alive(&other).await, "the others end");
    let letter = only_letter(&app).await;
    assert!(letter.to == "ada@example.com" && letter.code.is_none());
    let _ = app.client().log_in("ada", PASSWORD).await.expect_problem(401, "invalid_credentials");
    let _ = app.client().log_in("ada", NEW).await.expect(200);
    let _ =
        app.client().put("/api/users/password").json(&body).await.expect_problem(401, "not_authenticated");
}

/// T02, T47: guesses at the old password count like logins, before anybody looks at them.
#[tokio::test]
async fn t47_guesses_at_the_old_password_count_like_logins() {
    let app = TestApp::builder().policy(|policy| policy.throttle.login_attempts = 5).start().await;
    let ada = app.client().registered("ada").await;
    for _ in 0..5 {
        let _ = change(&ada, "wrong password", NEW).await.expect_problem(400, "password_wrong");
    }
    let verified = app.hasher().verified();
    let _ = change(&ada, PASSWORD, NEW).await.expect_problem(429, "rate_limited");
    assert_eq!(app.hasher().verified(), verified);
    let _ = app.client().log_in("ada", PASSWORD).await.expect_problem(429, "rate_limited");
    app.clock().advance(Duration::from_mins(1));
    let _ = change(&ada, PASSWORD, NEW).await.expect(200);
}

/// T47: whoever guesses from a session that is not theirs leaves a trace: each wrong guess, and then once the limit.
#[tokio::test]
async fn t47_a_session_that_is_refused_for_guessing_leaves_a_trace() {
    let (app, ada) = app_with_ada().await;
    for _ in 0..10 {
        let _ = change(&ada, "wrong password", NEW).await.expect_problem(400, "password_wrong");
    }
    for _ in 0..3 {
        let _ = change(&ada, PASSWORD, NEW).await.expect_problem(429, "rate_limited");
    }
    let session = app.audit().await.iter().find(|event| event.detail == "wrong_password").unwrap().session_id;
    let refused = || async {
        let events = app.audit().await.into_iter().filter(|event| event.detail == "device_failures");
        events.map(|event| (event.kind, event.outcome, event.session_id)).collect::<Vec<_>>()
    };
    let event = ("password_changed".to_owned(), "failure".to_owned(), session);
    assert!(session.is_some());
    assert_eq!(refused().await, std::slice::from_ref(&event), "once while the limit lasts");
    let activity = ada.get("/api/users/activity").await.expect(200).text();
    assert!(activity.contains("device_failures"), "its owner sees it: {activity}");
    app.clock().advance(Duration::from_secs(1));
    let _ = change(&ada, "wrong password", NEW).await.expect_problem(400, "password_wrong");
    let _ = change(&ada, "wrong password", NEW).await.expect_problem(429, "rate_limited");
    assert_eq!(refused().await, [event.clone(), event], "and again with the next wait");
}

/// T18: whoever registers with somebody else's address has lost everything once its owner has proved the mailbox.
#[tokio::test]
async fn t18_a_reset_takes_the_account_back_from_whoever_came_first() {
    let (app, thief) = app_with_ada().await;
    let tokens = app.client().tokens("ada").await;
    let _ = forgot(&app.client(), "ada@example.com").await.expect(200);
    let token = token_of(&only_letter(&app).await);
    let _ = reset(&app.client(), &token, NEW).await.expect(200);
    assert!(!is_alive(&thief).await);
    assert!(!is_alive(&app.client().with_bearer(&tokens.access)).await);
    let refresh = json!({"refresh_token": tokens.refresh});
    let _ = app
        .client()
        .post("/api/users/token/refresh")
        .json(&refresh)
        .await
        .expect_problem(401, "invalid_token");
    let _ = app.client().log_in("ada", PASSWORD).await.expect_problem(401, "invalid_credentials");
}

/// T20: of many redemptions at once one is heard.
#[tokio::test]
async fn t20_a_link_is_redeemed_once_by_one_of_many() {
    let (app, _) = app_with_ada().await;
    let _ = forgot(&app.client(), "ada@example.com").await.expect(200);
    let token = token_of(&only_letter(&app).await);
    let mut tasks = Vec::new();
    for number in 0..16 {
        let (client, token) = (app.client(), token.clone());
        tasks.push(tokio::spawn(async move {
            reset(&client, &token, &format!("{NEW} {number}")).await.status.as_u16()
        }));
    }
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 404].contains(status)), "{statuses:?}");
}

/// T51, T02: the code of a reset has its own cap.
#[tokio::test]
async fn t51_a_reset_by_code_is_good_for_five_attempts() {
    let (app, _) = app_with_ada().await;
    let _ = forgot(&app.client(), "ada@example.com").await.expect(200);
    let letter = only_letter(&app).await;
    let (client, code) = (app.client(), letter.code.clone().unwrap());
    let wrong = if code == "00000000" { "00000001" } else { "00000000" };
    let attempt = |email: &str, code: &str, password: &str| {
        let body = json!({"email": email, "code": code, "password1": password, "password2": password});
        client.post("/api/users/password_code").json(&body)
    };
    for _ in 0..4 {
        let _ = attempt("ada@example.com", wrong, NEW).await.expect_problem(404, "not_found");
    }
    let _ = attempt("ada@example.com", &code, NEW).await.expect(200);
    let _ = app.client().log_in("ada", NEW).await.expect(200);
    let _ = attempt("ada@example.com", &code, PASSWORD).await.expect_problem(404, "not_found");
    let _ = attempt("no address", &code, PASSWORD).await.expect_problem(404, "not_found");
}

/// T02, Zitadel CVE-2025-64102: each code of each account has its own counter and its own cap, and none is that of logins.
#[tokio::test]
async fn t02_each_code_has_a_counter_and_a_cap_of_its_own() {
    let app = TestApp::start().await;
    let mut codes = Vec::new();
    for name in ["ada", "bob"] {
        let email = format!("{name}@example.com");
        let _ = app.client().registered(name).await;
        let confirm = only_letter(&app).await.code.unwrap();
        let _ = forgot(&app.client(), &email).await.expect(200);
        codes.push((email, confirm, only_letter(&app).await.code.unwrap()));
    }
    let client = app.client();
    let attempt = async |path: &str, email: &str, code: &str| {
        let body = json!({"email": email, "code": code, "password1": NEW, "password2": NEW});
        client.post(&format!("/api/users/{path}")).json(&body).await.status.as_u16()
    };
    let wrong = |code: &str| if code == "00000000" { "00000001" } else { "00000000" }.to_owned();
    let (confirm, reset) = ("confirm_code", "password_code");
    let [(ada, ada_confirm, ada_reset), (bob, bob_confirm, bob_reset)] = &codes[..] else { panic!() };
    for _ in 0..5 {
        assert_eq!(attempt(confirm, ada, &wrong(ada_confirm)).await, 403);
    }
    assert_eq!(attempt(confirm, ada, ada_confirm).await, 403, "the cap of this code");
    assert_eq!(attempt(confirm, ada, ada_reset).await, 403, "a code is good for what it was mailed for");
    for _ in 0..4 {
        assert_eq!(attempt(reset, ada, &wrong(ada_reset)).await, 404);
        assert_eq!(attempt(reset, bob, &wrong(bob_reset)).await, 404);
    }
    assert_eq!(attempt(reset, bob, ada_reset).await, 404, "and for whom");
    assert_eq!(attempt(reset, bob, bob_reset).await, 404, "the cap of this code");
    assert_eq!(attempt(confirm, bob, bob_confirm).await, 200, "another code");
    assert_eq!(attempt(reset, ada, ada_reset).await, 200, "another account's");
    for number in 0..29 {
        let _ = app.client().log_in(&format!("nobody{number}"), "a wrong password").await.expect(401);
    }
    let _ = app.client().log_in("bob", PASSWORD).await.expect(200);
}

/// T15, T24: a reset ends with its time, with its account's ban, and with a change of the password.
#[tokio::test]
async fn t15_a_reset_ends_in_time_and_with_what_it_was_for() {
    let (app, ada) = app_with_ada().await;
    let link = async || {
        let _ = forgot(&app.client(), "ada@example.com").await.expect(200);
        token_of(&only_letter(&app).await)
    };
    let token = link().await;
    app.clock().advance(Duration::from_hours(2));
    let _ = reset(&app.client(), &token, NEW).await.expect_problem(404, "not_found");
    let token = link().await;
    let ada = {
        drop(ada);
        app.client().logged_in("ada").await
    };
    let _ = change(&ada, PASSWORD, NEW).await.expect(200);
    let _ = only_letter(&app).await;
    let _ = reset(&app.client(), &token, PASSWORD).await.expect_problem(404, "not_found");
    app.clock().advance(Duration::from_mins(30));
    let token = link().await;
    let database = rusqlite::Connection::open(app.database()).unwrap();
    database.execute("UPDATE account SET active = 0", []).unwrap();
    let _ = reset(&app.client(), &token, PASSWORD).await.expect_problem(404, "not_found");
}

/// T58: an outage changes nothing that is told, and a link outlives it.
#[tokio::test]
async fn t58_an_outage_resets_nothing_and_costs_nothing() {
    let (app, ada) = app_with_ada().await;
    app.store().fail("queue_errand", Fault::Before);
    let _ = forgot(&app.client(), "ada@example.com").await.expect_problem(503, "unavailable");
    app.store().heal();
    let _ = forgot(&app.client(), "ada@example.com").await.expect(200);
    let token = token_of(&only_letter(&app).await);
    for method in ["find_link", "reset_password"] {
        app.store().fail(method, Fault::Before);
        let _ = reset(&app.client(), &token, NEW).await.expect_problem(503, "unavailable");
        app.store().heal();
    }
    app.store().fail("change_password", Fault::Before);
    let _ = change(&ada, PASSWORD, NEW).await.expect_problem(503, "unavailable");
    app.store().heal();
    let _ = reset(&app.client(), &token, NEW).await.expect(200);
}
