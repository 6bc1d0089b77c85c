//! `POST /api/users/token/refresh`, and the refresh grant of `POST /api/v1/token`.

use std::time::Duration;

use serde_json::json;
use vestibule::core::{
    ports::{Clock as _, store::prelude::*},
    values::account::AccountId,
};
use vestibule_testkit::{Answer, Client, TestApp, Tokens, faults::Fault};

use super::database;

const DAY: Duration = Duration::from_hours(24);
const MILLISECOND: Duration = Duration::from_millis(1);
const GRACE: Duration = Duration::from_secs(10);

async fn by_body(app: &TestApp, token: &str) -> Answer {
    app.client().post("/api/users/token/refresh").json(&json!({"refresh_token": token})).await
}

async fn by_form(app: &TestApp, token: &str) -> Answer {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    app.client().post("/api/v1/token").form(&form).await
}

async fn child_of(app: &TestApp, token: &str) -> Tokens {
    let answer = by_body(app, token).await.expect(200);
    Tokens { access: answer.member("access_token"), refresh: answer.member("refresh_token") }
}

async fn logged_in(app: &TestApp) -> Tokens {
    let _ = app.client().registered("ada").await;
    app.client().tokens("ada").await
}

fn bearer(app: &TestApp, tokens: &Tokens) -> Client {
    app.client().with_bearer(&tokens.access)
}

#[tokio::test]
async fn by_cookie_the_tokens_stay_in_their_cookies() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let before = browser.cookie("refresh_token").unwrap();
    app.clock().advance(Duration::from_secs(1));
    let answer = browser.post("/api/users/token/refresh").await.expect(200);
    let access = answer.cookie("access_token").unwrap().value;
    assert_eq!(answer.json(), json!({"access": access}));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.cookies().len(), 2);
    assert_ne!(browser.cookie("refresh_token").unwrap(), before);
    let claims = app.client().with_bearer(&access).post("/api/users/token").await.expect(200).json();
    assert_eq!(claims["iat"], 1_767_225_601);
    // When the person proved who they are does not change.
    assert_eq!(claims["auth_time"], 1_767_225_600);
}

#[tokio::test]
async fn by_body_the_tokens_are_in_the_answer_and_no_cookie_is_set() {
    let app = TestApp::start().await;
    let tokens = logged_in(&app).await;
    let answer = by_body(&app, &tokens.refresh).await.expect(200);
    let body = answer.json();
    assert_eq!(
        body,
        json!({
            "access": body["access_token"], "access_token": body["access_token"],
            "refresh_token": body["refresh_token"], "token_type": "bearer", "expires_in": 900,
        })
    );
    assert!(answer.cookies().is_empty());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let form = by_form(&app, &answer.member("refresh_token")).await.expect(200);
    assert_eq!(
        form.json(),
        json!({
            "access_token": form.json()["access_token"], "refresh_token": form.json()["refresh_token"],
            "token_type": "bearer", "expires_in": 900, "scope": "",
        })
    );
    assert!(form.cookies().is_empty());
}

#[tokio::test]
async fn the_body_wins_over_the_cookie() {
    let app = TestApp::start().await;
    let browser = app.client().registered("bob").await;
    let tokens = logged_in(&app).await;
    let before = browser.cookie("refresh_token").unwrap();
    let body = json!({"refresh_token": tokens.refresh});
    let answer = browser.post("/api/users/token/refresh").json(&body).await.expect(200);
    assert!(answer.cookies().is_empty());
    let claims = app.client().with_bearer(&answer.member("access")).post("/api/users/token").await.json();
    assert_eq!(claims["username"], "ada");
    assert_eq!(browser.cookie("refresh_token").unwrap(), before);
    // A bad one is refused, never skipped in favour of the cookie.
    let body = json!({"refresh_token": "vr1.nonsense"});
    let answer = browser.post("/api/users/token/refresh").json(&body).await;
    let _ = answer.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn what_is_no_refresh_token_of_ours_is_refused() {
    let app = TestApp::start().await;
    let tokens = logged_in(&app).await;
    let answer = app.client().post("/api/users/token/refresh").await;
    let _ = answer.expect_problem(401, "not_authenticated");
    for token in ["x", "vr1.", "vr2.AAAA", tokens.access.as_str(), &format!("{} ", tokens.refresh)] {
        let answer = by_body(&app, token).await.expect_problem(401, "invalid_token");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
        let _ = by_form(&app, token).await.expect_problem(401, "invalid_token");
    }
    // Nor is a refresh token an access token.
    let wrong = app.client().with_bearer(&tokens.refresh).get("/api/v1/users/me").await;
    let _ = wrong.expect_problem(401, "invalid_token");
    let browser = app.client();
    browser.plant_cookie("access_token", &tokens.refresh);
    let _ = browser.get("/api/v1/users/me").await.expect_problem(401, "invalid_token");
}

/// T14, authentik CVE-2026-25748: a malformed cookie denies; it never counts as none.
#[tokio::test]
async fn t14_a_malformed_cookie_is_refused() {
    let app = TestApp::start().await;
    let good = app.client().registered("ada").await.cookie("refresh_token").unwrap();
    for cookies in [
        format!("refresh_token={good}; refresh_token={good}"),
        format!("refresh_token=\"{good}\""),
        "refresh_token=".into(),
        format!("refresh_token={good}; access_token="),
    ] {
        let request = app.client().post("/api/users/token/refresh").header("cookie", cookies);
        let _ = request.await.expect_problem(401, "invalid_token");
    }
}

#[tokio::test]
async fn every_mutation_of_a_refresh_token_is_refused() {
    let app = TestApp::start().await;
    let tokens = logged_in(&app).await;
    let before = database::contents(&app);
    for position in 0..tokens.refresh.len() {
        for replacement in ["A", "B", ".", ""] {
            let mut mutated = tokens.refresh.clone();
            mutated.replace_range(position..=position, replacement);
            if mutated != tokens.refresh {
                let _ = by_body(&app, &mutated).await.expect_problem(401, "invalid_token");
            }
        }
    }
    assert_eq!(database::contents(&app), before);
    let _ = by_body(&app, &tokens.refresh).await.expect(200);
}

/// T19, better-auth CVE-2026-53517: parallel refreshes do not fork the family.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t19_parallel_refreshes_leave_one_child() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let parent = browser.cookie("refresh_token").unwrap();
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let tab = browser.copy();
            tokio::spawn(async move { tab.post("/api/users/token/refresh").await })
        })
        .collect();
    let mut children = Vec::new();
    for task in tasks {
        children.push(task.await.unwrap().expect(200).cookie("refresh_token").unwrap().value);
    }
    assert!(children.iter().all(|child| *child == children[0] && *child != parent));
    assert_eq!(database::count(&app, "SELECT generation FROM session"), 1);
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM session"), 1);
    // The one child lives; once it is used, its parent is proof of theft.
    let grandchild = child_of(&app, &children[0]).await;
    assert_eq!(database::count(&app, "SELECT generation FROM session"), 2);
    let _ = by_body(&app, &parent).await.expect_problem(401, "invalid_token");
    let _ = by_body(&app, &grandchild.refresh).await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn a_retry_within_the_grace_gets_the_same_child_and_writes_nothing() {
    let app = TestApp::start().await;
    let parent = logged_in(&app).await.refresh;
    let child = child_of(&app, &parent).await;
    let written = database::contents(&app);
    for _ in 0..4 {
        app.clock().advance(Duration::from_millis(2500));
        let again = child_of(&app, &parent).await;
        assert_eq!(again.refresh, child.refresh);
        let _ = bearer(&app, &again).get("/api/v1/users/me").await.expect(200);
        assert_eq!(database::contents(&app), written, "the grace does not slide");
    }
    // Ten seconds have passed to the millisecond.
    app.clock().advance(MILLISECOND);
    let _ = by_body(&app, &parent).await.expect_problem(401, "invalid_token");
    let _ = by_body(&app, &child.refresh).await.expect_problem(401, "invalid_token");
}

/// The store did what it was asked, and its answer came too late: who comes back as told is no thief.
#[tokio::test]
async fn the_grace_does_not_run_while_the_store_is_away() {
    let app = TestApp::start().await;
    let (waiting, patient, slow) =
        (logged_in(&app).await.refresh, app.client().tokens("ada").await, app.client().tokens("ada").await);
    app.store().fail("rotate_session", Fault::After);
    for token in [&waiting, &patient.refresh, &slow.refresh] {
        let _ = by_body(&app, token).await.expect_problem(503, "unavailable");
    }
    app.clock().advance(10 * GRACE);
    let _ = by_body(&app, &waiting).await.expect_problem(503, "unavailable");
    app.clock().advance(10 * GRACE);
    app.store().heal();

    let child = child_of(&app, &waiting).await;
    app.clock().advance(GRACE);
    assert_eq!(child_of(&app, &waiting).await.refresh, child.refresh);
    let _ = child_of(&app, &patient.refresh).await;
    // Once the child is used, its parent is theft, outage or not; and the grace is over at some time.
    let grandchild = child_of(&app, &child.refresh).await;
    let _ = by_body(&app, &waiting).await.expect_problem(401, "invalid_token");
    let _ = by_body(&app, &grandchild.refresh).await.expect_problem(401, "invalid_token");
    app.clock().advance(MILLISECOND);
    let _ = by_body(&app, &slow.refresh).await.expect_problem(401, "invalid_token");
    let events = app.audit().await;
    assert_eq!(events.iter().filter(|event| event.kind == "refresh_reuse").count(), 2);
}

/// T13, authentik CVE-2025-29928: reuse ends the session in every place at once.
#[tokio::test]
async fn t13_a_used_token_that_comes_back_ends_the_session_everywhere() {
    for wait in [Duration::ZERO, GRACE + MILLISECOND] {
        let app = TestApp::start().await;
        let parent = logged_in(&app).await;
        let child = child_of(&app, &parent.refresh).await;
        let _ = bearer(&app, &child).post("/api/users/token").await.expect(200);
        let thieves = if wait.is_zero() {
            // The child has been used: even within the grace this is theft.
            Some(child_of(&app, &child.refresh).await)
        } else {
            app.clock().advance(wait);
            None
        };
        let _ = by_body(&app, &parent.refresh).await.expect_problem(401, "invalid_token");
        for tokens in [&parent, &child].into_iter().chain(&thieves) {
            let _ = bearer(&app, tokens).post("/api/users/token").await.expect_problem(401, "invalid_token");
            let _ = bearer(&app, tokens).get("/api/v1/users/me").await.expect_problem(401, "invalid_token");
            let _ = by_body(&app, &tokens.refresh).await.expect_problem(401, "invalid_token");
        }
        let events = app.audit().await;
        let reuse: Vec<_> = events.iter().filter(|event| event.kind == "refresh_reuse").collect();
        assert_eq!(reuse.len(), 1, "the session is revoked once");
        assert_eq!((reuse[0].outcome.as_str(), reuse[0].detail.as_str()), ("failure", "session_revoked"));
        let opened = events.iter().find(|event| event.kind == "login").unwrap();
        assert_eq!((reuse[0].session_id, reuse[0].account_id), (opened.session_id, opened.account_id));

        // A restart forgets nothing.
        let app = app.stop().await.start().await;
        let _ = bearer(&app, &child).post("/api/users/token").await.expect_problem(401, "invalid_token");
    }
}

#[tokio::test]
async fn a_session_slides_for_thirty_days_to_the_millisecond() {
    let app = TestApp::start().await;
    let tokens = logged_in(&app).await;
    app.clock().advance(30 * DAY);
    app.clock().turn_back(MILLISECOND);
    let child = child_of(&app, &tokens.refresh).await;
    app.clock().advance(30 * DAY);
    let _ = by_body(&app, &child.refresh).await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn a_session_ends_after_ninety_days_however_often_it_is_refreshed() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    for day in [29_u64, 58, 87] {
        app.clock().advance(29 * DAY);
        let answer = browser.post("/api/users/token/refresh").await.expect(200);
        let lifetime = (90 - day).min(30) * 86_400;
        let attributes = answer.cookie("refresh_token").unwrap().attributes;
        assert!(attributes.contains(&format!("Max-Age={lifetime}")), "{attributes:?}");
    }
    app.clock().advance(3 * DAY);
    app.clock().turn_back(MILLISECOND);
    let last = child_of(&app, &browser.cookie("refresh_token").unwrap()).await;
    app.clock().advance(MILLISECOND);
    let _ = by_body(&app, &last.refresh).await.expect_problem(401, "invalid_token");
    let _ = browser.post("/api/users/token/refresh").await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn a_clock_that_runs_backwards_ends_no_session() {
    let app = TestApp::start().await;
    let tokens = logged_in(&app).await;
    let child = child_of(&app, &tokens.refresh).await;
    app.clock().turn_back(DAY);
    assert_eq!(child_of(&app, &tokens.refresh).await.refresh, child.refresh, "no time has passed");
    let grandchild = child_of(&app, &child.refresh).await;
    app.clock().advance(DAY);
    let _ = by_body(&app, &grandchild.refresh).await.expect(200);
}

#[tokio::test]
async fn the_new_token_says_what_the_account_is_today() {
    let app = TestApp::start().await;
    let tokens = logged_in(&app).await;
    database::change(&app, "UPDATE account SET permissions = '[\"read\"]' WHERE username = ?1", "ada");
    let child = child_of(&app, &tokens.refresh).await;
    let claims = bearer(&app, &child).post("/api/users/token").await.json();
    assert_eq!(claims["permissions"], json!(["read"]));
    let claims = bearer(&app, &tokens).post("/api/users/token").await.json();
    assert_eq!(claims["permissions"], json!([]));
}

#[tokio::test]
async fn a_permission_taken_away_takes_its_scope_along() {
    let app = TestApp::builder()
        .policy(|policy| policy.tokens.scopes = ["read"].into_iter().collect())
        .start()
        .await;
    let _ = app.client().registered("ada").await;
    let set = |list: &str| {
        let sql = format!("UPDATE account SET permissions = '{list}' WHERE username = ?1");
        database::change(&app, &sql, "ada");
    };
    set("[\"read\"]");
    let form = [("username", "ada"), ("password", vestibule_testkit::PASSWORD), ("scope", "read")];
    let login = app.client().post("/api/v1/token").form(&form).await.expect(200);
    set("[]");
    let refreshed = by_form(&app, &login.member("refresh_token")).await.expect(200);
    assert_eq!((&login.json()["scope"], &refreshed.json()["scope"]), (&json!("read"), &json!("")));
}

#[tokio::test]
async fn an_account_that_is_cut_off_is_refused_and_may_log_in_anew() {
    for is_everyone in [false, true] {
        let app = TestApp::start().await;
        let browser = app.client().registered("ada").await;
        let other = app.client().registered("bob").await;
        let claims = browser.post("/api/users/token").await.json();
        let account = AccountId::read(claims["sub"].as_str().unwrap()).unwrap();
        // As another process does it: this one hears of it by its catch-up read.
        if is_everyone {
            app.store().cut_off_everyone(app.clock().now()).await.unwrap();
        } else {
            let now = app.clock().now();
            app.store().cut_off_account(account, now).await.unwrap().unwrap();
        }
        app.auth().catch_up().await.unwrap();
        let _ = browser.post("/api/users/token").await.expect_problem(401, "invalid_token");
        let _ = browser.get("/api/v1/users/me").await.expect_problem(401, "invalid_token");
        let _ = browser.copy().post("/api/users/token/refresh").await.expect_problem(401, "invalid_token");
        let status = if is_everyone { 401 } else { 200 };
        let _ = other.post("/api/users/token").await.expect(status);
        // A login in the same millisecond, and even on a clock that lags, begins after the cut-off.
        app.clock().turn_back(Duration::from_millis(500));
        let anew = app.client().logged_in("ada").await;
        let _ = anew.get("/api/v1/users/me").await.expect(200);
        let _ = anew.post("/api/users/token/refresh").await.expect(200);
        let _ = app.client().registered("eve").await.post("/api/users/token").await.expect(200);
        // A restart forgets nothing.
        let app = app.stop().await.start().await;
        let stale = app.client();
        stale.plant_cookie("access_token", &browser.cookie("access_token").unwrap());
        let _ = stale.post("/api/users/token").await.expect_problem(401, "invalid_token");
    }
}
