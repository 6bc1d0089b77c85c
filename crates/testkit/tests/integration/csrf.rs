//! Requests that our cookies authenticate, where they are proven by double submit instead of by their origin.

use std::time::Duration;

use axum::{Router, routing::any};
use serde_json::json;
use vestibule::{
    Authenticated, Csrf, LoggedIn, core::values::account::Account, http::implicit_refresh::ImplicitRefresh,
};
use vestibule_testkit::{Answer, Client, PASSWORD, RequestBuilder, TestApp, TestAppBuilder};

use super::database;

const HEADER: &str = "x-csrf-token";
const COOKIE: &str = "csrf_access_token";
const MINUTE: Duration = Duration::from_mins(1);

fn builder_at(url: &str) -> TestAppBuilder {
    TestApp::builder_at(url)
        .http(|http| http.csrf = Csrf::double_submit())
        .routes(|state| {
            let own = any(async |LoggedIn(account): LoggedIn<Account>| account.email);
            let token = any(async |user: Authenticated| user.claims.username.clone().unwrap_or_default());
            Router::new().route("/own", own).route("/token", token).with_state(state.clone())
        })
        .wrapped(|state, router| router.layer(ImplicitRefresh::new(state)))
}

fn builder() -> TestAppBuilder {
    builder_at("http://127.0.0.1:8000")
}

fn verdict(answer: &Answer) -> (u16, String) {
    let code = if answer.status == 200 { String::new() } else { answer.code() };
    (answer.status.as_u16(), code)
}

fn refused() -> (u16, String) {
    (403, "cross_site_request".into())
}

/// A request of ada's to each kind of route; none of them is refused for anything but its proof.
fn requests(ada: &Client) -> Vec<(&'static str, RequestBuilder)> {
    let passwords = json!({"old_password": PASSWORD, "password1": "another horse battery", "password2": "another horse battery"});
    vec![
        ("an extractor of applications", ada.post("/own")),
        ("an extractor of the engine", ada.delete("/token")),
        ("the password", ada.put("/api/users/password").json(&passwords)),
        ("a refresh", ada.post("/api/users/token/refresh")),
        ("the end of the session", ada.post("/api/users/logout")),
    ]
}

#[tokio::test]
async fn every_route_by_every_value() {
    let own_origin = "http://127.0.0.1:8000";
    // (why, whose value, origin, enough)
    for (why, whose, origin, is_enough) in [
        ("good", "own", own_origin, true),
        ("good, from anywhere", "own", "https://app.example", true),
        ("absent, from our own pages", "", own_origin, false),
        ("another session's of another account", "eve", own_origin, false),
        ("another session's of the same account", "other", own_origin, false),
        ("made up", "00000000000000000000000000000000", own_origin, false),
        ("nonsense", "x", own_origin, false),
    ] {
        let app = builder().start().await;
        let ada = app.client().registered("ada").await;
        let eve = app.client().registered("eve").await;
        let other = app.client().logged_in("ada").await;
        for (what, request) in requests(&ada) {
            // Logins and registrations are for those who have no value yet; foreign pages are kept away by their origin.
            if origin != own_origin && matches!(what, "a refresh") {
                continue;
            }
            let value = match whose {
                "own" => ada.cookie(COOKIE).unwrap(),
                "eve" => eve.cookie(COOKIE).unwrap(),
                "other" => other.cookie(COOKIE).unwrap(),
                value => value.to_owned(),
            };
            let request = request.header("origin", origin);
            let request = if value.is_empty() { request } else { request.header(HEADER, value) };
            let expected = if is_enough { (200, String::new()) } else { refused() };
            assert_eq!(verdict(&request.await), expected, "{what}: {why}");
        }
        if !is_enough {
            let _ = ada.get("/own").await.expect(200);
            assert_eq!(database::count(&app, "SELECT MAX(generation) FROM session"), 0, "{why}");
        }
    }
}

#[tokio::test]
async fn what_changes_nothing_and_what_no_foreign_page_can_send_needs_no_value() {
    let app = builder().start().await;
    let ada = app.client().registered("ada").await;
    for path in ["/own", "/token", "/api/v1/users/me"] {
        let _ = ada.get(path).header("origin", "https://evil.example").await.expect(200);
    }
    let bearer = app.client().with_bearer(&app.client().tokens("ada").await.access);
    let _ = bearer.post("/own").await.expect(200);
    let _ = bearer.post("/api/users/logout").await.expect(200);
    // Whoever logs in has no value yet, or an old one.
    let _ = ada.log_in("ada", PASSWORD).await.expect(200);
    let foreign = json!({"login": "ada", "password": PASSWORD});
    let foreign =
        app.client().post("/api/users/login").json(&foreign).header("origin", "https://evil.example");
    let _ = foreign.await.expect_problem(403, "cross_site_request");
}

#[tokio::test]
async fn the_readable_cookie_comes_and_goes_with_the_others() {
    for (url, prefix, secure) in
        [("http://127.0.0.1:8000", "", ""), ("https://id.example.org", "__Host-", "; Secure")]
    {
        let app = builder_at(url).start().await;
        let body = json!({"email": "ada@example.com", "username": "ada", "password1": PASSWORD, "password2": PASSWORD});
        let browser = app.client();
        let answer = browser.post("/api/users/register").json(&body).await.expect(200);
        let name = format!("{prefix}{COOKIE}");
        let line = |answer: &Answer| {
            let lines =
                answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned());
            lines.filter(|line| line.starts_with(&name)).collect::<Vec<_>>()
        };
        let value = browser.cookie(COOKIE).unwrap();
        assert_eq!(value.len(), 32);
        let expected = format!("{name}={value}; Path=/; Max-Age=2592000; SameSite=Lax{secure}");
        assert_eq!(line(&answer), std::slice::from_ref(&expected));
        app.clock().advance(MINUTE);
        let refreshed = browser.post("/api/users/token/refresh").header(HEADER, &value).await.expect(200);
        assert_eq!(line(&refreshed), [expected], "the value is the session's");
        // On the way, too, and only with the value where something may change.
        app.clock().advance(12 * MINUTE);
        let _ = browser.post("/own").await.expect_problem(403, "cross_site_request");
        let answer = browser.post("/own").header(HEADER, &value).await.expect(200);
        assert_eq!(line(&answer).len(), 1);
        app.clock().advance(20 * MINUTE);
        let answer = browser.post("/token").await;
        assert!(answer.cookies().is_empty() && answer.status != 200, "{}", answer.status);
        let answer = browser.post("/token").header(HEADER, &value).await.expect(200);
        assert_eq!(line(&answer).len(), 1);
        let out = browser.post("/api/users/logout").header(HEADER, &value).await.expect(200);
        assert_eq!(line(&out), [format!("{name}=; Path=/; Max-Age=0; SameSite=Lax{secure}")]);
        assert_eq!(browser.cookie(COOKIE), None);
        let _ = browser.log_in("ada", PASSWORD).await.expect(200);
        assert_ne!(browser.cookie(COOKIE).unwrap(), value, "another session, another value");
    }
}

#[tokio::test]
async fn a_planted_pair_proves_nothing_and_dead_cookies_do_no_harm() {
    let app = builder().start().await;
    let ada = app.client().registered("ada").await;
    let eve = app.client().registered("eve").await;
    let theirs = eve.cookie(COOKIE).unwrap();
    ada.plant_cookie(COOKIE, &theirs);
    let answer = ada.post("/own").header(HEADER, &theirs).await;
    assert_eq!(verdict(&answer), refused());
    // One cookie of each: neither value fits both.
    let mixed = ada.copy();
    mixed.plant_cookie("refresh_token", &eve.cookie("refresh_token").unwrap());
    for value in [&theirs, &app.auth().csrf_token(session_of(&app, &ada).await)] {
        for path in ["/api/users/logout", "/api/users/token/refresh"] {
            assert_eq!(verdict(&mixed.post(path).header(HEADER, value).await), refused(), "{path}");
        }
    }
    let dead = app.client();
    dead.plant_cookie("access_token", "a.b.c");
    dead.plant_cookie("refresh_token", "vr1.nonsense");
    let _ = dead.post("/api/users/logout").header(HEADER, "x").await.expect(200);
    let again = app.client();
    again.plant_cookie("refresh_token", "vr1.nonsense");
    let refresh = again.post("/api/users/token/refresh").header(HEADER, "x").await;
    assert_eq!(refresh.status, 401);
}

async fn session_of(app: &TestApp, client: &Client) -> vestibule::core::values::session::SessionId {
    let access = client.cookie("access_token").unwrap();
    app.auth().verify_access_token(&access).await.unwrap().session_id
}

#[tokio::test]
async fn a_value_outlives_its_secret_while_that_is_a_previous_one() {
    let app = builder().start().await;
    let ada = app.client().registered("ada").await;
    let value = ada.cookie(COOKIE).unwrap();
    let cookies = ["access_token", "refresh_token"].map(|name| (name, ada.cookie(name).unwrap()));
    let old = app.secret().clone();
    let new = vestibule::core::values::secret::SecretKey::generate();
    let app = app.stop().await.secret(new, vec![old]).start().await;
    let ada = app.client();
    for (name, value) in &cookies {
        ada.plant_cookie(name, value);
    }
    for path in ["/own", "/token", "/api/users/token/refresh"] {
        let _ = ada.post(path).header(HEADER, &value).await.expect(200);
    }
    let next = ada.cookie(COOKIE).unwrap();
    assert_ne!(next, value);
    let _ = ada.post("/own").header(HEADER, &next).await.expect(200);
}
