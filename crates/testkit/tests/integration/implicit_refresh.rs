//! Sessions by cookie that go on without a script: when a request refreshes them on the way, and when it must not.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::any,
};
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;
use vestibule::{
    CurrentUser,
    core::{
        logout::{LogoutScope, LogoutTokens},
        values,
    },
    http::{
        cookies::{Cookie, CookieKind},
        implicit_refresh::ImplicitRefresh,
        state::AuthState,
    },
};
use vestibule_testkit::{Answer, Client, PASSWORD, TestApp, TestAppBuilder, VirtualClock, faults::Fault};

use super::database;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

async fn page(CurrentUser(account): CurrentUser) -> String {
    account.username.unwrap_or_default()
}

/// An answer that a test asks for, without a look at who is calling.
async fn answer(Path(kind): Path<String>) -> Response {
    match kind.as_str() {
        "cached" => {
            [("cache-control", "public, max-age=60"), ("cdn-cache-control", "max-age=60")].into_response()
        }
        "login" => [("set-cookie", "access_token=own; Path=/")].into_response(),
        "clear" => [("clear-site-data", "\"cookies\"")].into_response(),
        "panic" => panic!("on purpose"),
        "never" => std::future::pending().await,
        status => StatusCode::from_bytes(status.as_bytes()).unwrap().into_response(),
    }
}

fn builder_of(change: impl Fn(ImplicitRefresh) -> ImplicitRefresh + Send + Sync + 'static) -> TestAppBuilder {
    TestApp::builder()
        .routes(|state| {
            Router::new()
                .route("/page", any(page))
                .route("/answer/{kind}", any(answer))
                .with_state(state.clone())
        })
        .wrapped(move |state, router| router.layer(change(ImplicitRefresh::new(state))))
}

fn builder() -> TestAppBuilder {
    builder_of(|layer| layer)
}

fn has_both(answer: &Answer) -> bool {
    let names: Vec<_> = answer.cookies().into_iter().map(|cookie| cookie.name).collect();
    let both = names == ["access_token", "refresh_token"];
    assert!(both || names.is_empty(), "both or none: {names:?}");
    both
}

/// Whether the session lives on in this browser.
async fn is_alive(browser: &Client) -> bool {
    browser.get("/page").await.status == 200
}

#[tokio::test]
async fn a_session_goes_on_while_somebody_is_there() {
    for (passed, is_dropped, is_refreshed) in [
        (Duration::ZERO, false, false),
        (Duration::from_secs(599), false, false),
        (10 * MINUTE, false, true),
        (Duration::from_secs(899), false, true),
        (15 * MINUTE, false, true),
        (29 * 24 * 60 * MINUTE, false, true),
        // A browser forgets a cookie that has run out.
        (15 * MINUTE, true, true),
        (Duration::ZERO, true, true),
    ] {
        let app = builder().start().await;
        let browser = app.client().registered("ada").await;
        let before = browser.cookie("refresh_token").unwrap();
        app.clock().advance(passed);
        if is_dropped {
            browser.drop_cookie("access_token");
        }
        let answer = browser.get("/page").await.expect(200);
        assert_eq!(answer.text(), "ada");
        assert_eq!(has_both(&answer), is_refreshed, "after {passed:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "after {passed:?}");
        assert_eq!(browser.cookie("refresh_token").unwrap() != before, is_refreshed);
        assert!(is_alive(&browser).await);
        assert!(!has_both(&browser.get("/page").await), "once is enough");
    }
    let app = builder().start().await;
    let browser = app.client().registered("ada").await;
    app.clock().advance(30 * 24 * 60 * MINUTE);
    let answer = browser.get("/page").await.expect_problem(401, "invalid_token");
    assert!(!has_both(&answer), "the session has expired");
}

#[tokio::test]
async fn when_somebody_proved_who_they_are_stays_what_it_was() {
    let app = builder().start().await;
    let browser = app.client().registered("ada").await;
    for _ in 0..9 {
        app.clock().advance(14 * MINUTE);
        assert!(has_both(&browser.get("/page").await.expect(200)));
    }
    let claims = browser.post("/api/users/token").await.expect(200).json();
    assert_eq!(
        (claims["iat"].as_i64(), claims["auth_time"].as_i64()),
        (Some(1_767_233_160), Some(1_767_225_600))
    );
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM session"), 1);
}

/// Method, headers besides the cookies, and whether the session is refreshed.
type Case = (&'static str, &'static [(&'static str, &'static str)], bool);

#[tokio::test]
async fn only_what_our_cookies_may_do_refreshes() {
    const OWN: (&str, &str) = ("origin", "http://127.0.0.1:8000");
    const EVIL: (&str, &str) = ("origin", "https://evil.example");
    const CASES: &[Case] = &[
        ("GET", &[], true),
        ("HEAD", &[], true),
        // Whoever follows a link from elsewhere comes with our cookies (`SameSite=Lax`).
        ("GET", &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], true),
        ("POST", &[OWN], true),
        ("PUT", &[("sec-fetch-site", "same-origin")], true),
        ("POST", &[], false),
        ("POST", &[EVIL], false),
        ("POST", &[("origin", "null")], false),
        ("DELETE", &[("sec-fetch-site", "cross-site")], false),
        ("OPTIONS", &[], false),
        ("TRACE", &[], false),
        ("GET", &[("upgrade", "websocket"), OWN], false),
        ("GET", &[("authorization", "Bearer a.b.c")], false),
        ("GET", &[("authorization", "Bearer")], false),
    ];
    for passed in [12 * MINUTE, 20 * MINUTE] {
        let app = builder().start().await;
        let browser = app.client().registered("ada").await;
        app.clock().advance(passed);
        for (method, headers, is_refreshed) in CASES.iter().filter(|case| !case.2).chain(CASES) {
            let written = database::contents(&app);
            let tab = browser.copy();
            let mut request = tab.request(method.parse().unwrap(), "/answer/204").without("origin");
            for (name, value) in *headers {
                request = request.header(name, value);
            }
            assert_eq!(has_both(&request.await), *is_refreshed, "{method} {headers:?} after {passed:?}");
            if !is_refreshed {
                assert_eq!(database::contents(&app), written, "{method} {headers:?} uses nothing up");
            }
        }
        assert_eq!(database::count(&app, "SELECT generation FROM session"), 1, "all are one page");
        assert!(is_alive(&browser).await);
    }
}

#[tokio::test]
async fn what_the_handler_answers_decides() {
    // (answer, refreshed after it where the access cookie still counts, sent with it where it does not)
    for (kind, after, before) in [
        ("200", true, true),
        ("303", true, true),
        ("404", true, true),
        ("304", false, true),
        ("500", false, true),
        ("503", false, true),
        ("panic", false, true),
        ("never", true, true),
        ("cached", true, true),
        ("clear", false, false),
    ] {
        for (passed, expected) in [(12 * MINUTE, after), (20 * MINUTE, before)] {
            // Only what never answers is given up.
            let patience = if kind == "never" { Duration::from_millis(20) } else { MINUTE };
            let app = builder().http(|http| http.request_timeout = patience).start().await;
            let browser = app.client().registered("ada").await;
            app.clock().advance(passed);
            let answer = browser.get(&format!("/answer/{kind}")).await;
            assert_eq!(has_both(&answer), expected, "{kind} after {passed:?}: {}", answer.status);
            if expected {
                assert_eq!(answer.header("cache-control"), Some("no-store"), "{kind}");
                assert_eq!(answer.header("cdn-cache-control"), None, "{kind}");
            }
            // Whoever got the child goes on with it; whoever got none has not used the parent up, or comes back in time.
            app.clock().advance(SECOND);
            assert!(is_alive(&browser).await, "{kind} after {passed:?}");
        }
    }
}

#[tokio::test]
async fn cookies_that_the_handler_sets_or_deletes_are_its_own() {
    for passed in [12 * MINUTE, 20 * MINUTE] {
        let app = builder().start().await;
        let browser = app.client().registered("ada").await;
        app.clock().advance(passed);
        let answer = browser.copy().get("/answer/login").await;
        assert_eq!(answer.cookies().len(), 1);
        assert_eq!(answer.cookie("access_token").unwrap().value, "own");
        let answer = browser.post("/api/users/logout").await.expect(200);
        assert!(
            answer.cookies().iter().all(vestibule_testkit::SetCookie::is_deleted),
            "{:?}",
            answer.cookies()
        );
        assert_eq!(browser.cookie("access_token"), None);
        let _ = browser.get("/page").await.expect_problem(401, "not_authenticated");

        let browser = app.client().logged_in("ada").await;
        app.clock().advance(passed);
        let answer =
            browser.post("/api/users/login").json(&json!({"login": "ada", "password": PASSWORD})).await;
        let answer = answer.expect(200);
        let names: Vec<_> = answer.cookies().into_iter().map(|cookie| cookie.name).collect();
        assert_eq!(names.iter().filter(|name| *name == "refresh_token").count(), 1, "{names:?}");
        assert!(is_alive(&browser).await);
    }
}

/// The browser that has a page loads what is on it at once, each with the cookies it had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t19_the_requests_of_one_page_get_one_child() {
    for passed in [12 * MINUTE, 20 * MINUTE] {
        let app = builder().start().await;
        let browser = app.client().registered("ada").await;
        app.clock().advance(passed);
        let tabs: Vec<_> = (0..32).map(|_| browser.copy()).collect();
        let tasks: Vec<_> = tabs
            .iter()
            .map(|tab| {
                let tab = tab.clone();
                tokio::spawn(async move { tab.get("/page").await })
            })
            .collect();
        for task in tasks {
            let answer = task.await.unwrap().expect(200);
            assert_eq!((answer.text().as_str(), has_both(&answer)), ("ada", true));
        }
        let child = tabs[0].cookie("refresh_token").unwrap();
        assert!(tabs.iter().all(|tab| tab.cookie("refresh_token").unwrap() == child));
        assert_eq!(database::count(&app, "SELECT generation FROM session"), 1);
        for tab in &tabs {
            assert!(is_alive(tab).await);
        }
        let events = app.audit().await;
        assert!(events.iter().all(|event| event.kind != "refresh_reuse"));
    }
}

/// The route that a script calls, at the same time as the page is loaded.
#[tokio::test]
async fn the_route_that_refreshes_and_the_layer_do_not_fight() {
    for passed in [12 * MINUTE, 20 * MINUTE] {
        let app = builder().start().await;
        let browser = app.client().registered("ada").await;
        app.clock().advance(passed);
        let (script, page) = (browser.copy(), browser.copy());
        assert!(has_both(&page.get("/page").await.expect(200)));
        assert!(has_both(&script.post("/api/users/token/refresh").await.expect(200)));
        assert_eq!(page.cookie("refresh_token"), script.cookie("refresh_token"));
        assert_eq!(database::count(&app, "SELECT generation FROM session"), 1);
    }
}

/// A slow request of the same page must not present what a quick one has used up longer ago than the grace.
#[tokio::test]
async fn a_slow_answer_ends_no_session() {
    let clock: Arc<OnceLock<VirtualClock>> = Arc::default();
    let turned = Arc::clone(&clock);
    let slow = move |Path(seconds): Path<u64>| {
        let turned = Arc::clone(&turned);
        async move { turned.get().unwrap().advance(Duration::from_secs(seconds)) }
    };
    let builder = builder().routes(move |state| {
        let slow = Router::new().route("/slow/{seconds}", any(slow.clone()));
        slow.route("/page", any(page)).with_state(state.clone())
    });
    let app = builder.start().await;
    clock.set(app.clock().clone()).unwrap();
    let browser = app.client().registered("ada").await;
    app.clock().advance(11 * MINUTE);
    let other = browser.copy();
    let answer = other.get("/slow/6").await.expect(200);
    assert!(!has_both(&answer), "somebody else may have refreshed meanwhile");
    assert!(has_both(&other.get("/slow/5").await.expect(200)));
    assert!(is_alive(&other).await);
}

#[tokio::test]
async fn a_session_that_ends_meanwhile_stays_ended() {
    let ending = |state: &AuthState| {
        let end = async |State(state): State<AuthState>, headers: HeaderMap| {
            let Cookie::Present(access) = state.http().cookies.read(&headers, CookieKind::Access) else {
                return;
            };
            let tokens = LogoutTokens { access: Some(access), refresh: [None, None] };
            let client = values::client::Client::new([192, 0, 2, 9].into(), "testkit");
            state.auth().log_out(tokens, LogoutScope::All, &client).await.unwrap();
        };
        Router::new().route("/end", any(end)).route("/page", any(page)).with_state(state.clone())
    };
    for passed in [12 * MINUTE, 20 * MINUTE] {
        let app = builder().routes(ending).start().await;
        let browser = app.client().registered("ada").await;
        app.clock().advance(passed);
        let answer = browser.get("/end").await.expect(200);
        assert!(!has_both(&answer), "after {passed:?}");
        assert!(!is_alive(&browser).await);
    }
}

#[tokio::test]
async fn a_refresh_token_that_does_not_count_changes_nothing() {
    let app = builder().start().await;
    let ada = app.client().registered("ada").await;
    let eve = app.client().registered("eve").await;
    let planted = eve.cookie("refresh_token").unwrap();
    let own = ada.cookie("refresh_token").unwrap();
    app.clock().advance(12 * MINUTE);
    for (refresh, why) in [
        (planted.as_str(), "of another session"),
        ("vr1.nonsense", "none of ours"),
        ("\"quoted\"", "malformed"),
    ] {
        let tab = ada.copy();
        tab.plant_cookie("refresh_token", refresh);
        let answer = tab.get("/page").await.expect(200);
        assert_eq!((answer.text().as_str(), has_both(&answer)), ("ada", false), "{why}");
    }
    let tab = ada.copy();
    tab.plant_cookie("access_token", "a.b.c");
    let answer = tab.get("/page").await.expect_problem(401, "invalid_token");
    assert!(!has_both(&answer), "a bad token is never skipped");
    app.clock().advance(10 * MINUTE);
    let tab = ada.copy();
    tab.plant_cookie("refresh_token", "vr1.nonsense");
    assert!(!has_both(&tab.get("/page").await.expect_problem(401, "invalid_token")));
    let twice = format!("refresh_token={own}; refresh_token={own}");
    let answer = app.client().get("/page").header("cookie", twice).await;
    assert!(!has_both(&answer.expect_problem(401, "not_authenticated")));
    assert_eq!(database::count(&app, "SELECT MAX(generation) FROM session"), 0);
    // A token that had been used before is theft, as everywhere.
    let thief = ada.copy();
    assert!(has_both(&ada.get("/page").await.expect(200)));
    app.clock().advance(11 * SECOND);
    let _ = thief.get("/page").await.expect_problem(401, "invalid_token");
    assert!(!is_alive(&ada).await);
}

#[tokio::test]
async fn an_outage_logs_nobody_out() {
    let app = builder().start().await;
    let browser = app.client().registered("ada").await;
    app.clock().advance(12 * MINUTE);
    app.store().fail("rotate_session", Fault::Before);
    let answer = browser.get("/page").await.expect(200);
    assert!(!has_both(&answer), "the access token still counts");
    app.clock().advance(10 * MINUTE);
    let answer = browser.get("/page").await.expect_problem(503, "unavailable");
    assert!(!has_both(&answer));
    app.store().heal();
    assert!(has_both(&browser.get("/page").await.expect(200)));
}

#[tokio::test]
async fn a_withdrawn_key_ends_tokens_and_no_session() {
    let app = builder().start().await;
    let browser = app.client().registered("ada").await;
    let _ = app.auth().rotate_keys(true).await.unwrap();
    let answer = browser.get("/page").await.expect(200);
    assert_eq!((answer.text().as_str(), has_both(&answer)), ("ada", true));
}

#[tokio::test]
async fn without_a_grace_there_is_no_refresh_on_the_way_and_a_window_has_an_end() {
    let app = builder().policy(|policy| policy.tokens.refresh_grace = Duration::ZERO).start().await;
    let browser = app.client().registered("ada").await;
    app.clock().advance(20 * MINUTE);
    assert!(!has_both(&browser.get("/page").await.expect_problem(401, "invalid_token")));
    let app = builder_of(|layer| layer.within(Duration::MAX)).start().await;
    let browser = app.client().registered("ada").await;
    app.clock().advance(7 * MINUTE);
    assert!(!has_both(&browser.get("/page").await.expect(200)));
    app.clock().advance(MINUTE);
    assert!(has_both(&browser.get("/page").await.expect(200)));
}

#[tokio::test]
async fn other_cookies_reach_the_handler_as_they_were() {
    let app = TestApp::builder()
        .routes(|_| {
            let echo = async |headers: http::HeaderMap| {
                let lines = headers.get_all("cookie").iter().map(|line| line.as_bytes().to_vec());
                let conditions = headers.contains_key("if-none-match");
                (
                    if conditions { StatusCode::CONFLICT } else { StatusCode::OK },
                    lines.collect::<Vec<_>>().join(&b'\n'),
                )
            };
            Router::new().route("/echo", any(echo))
        })
        .wrapped(|state, router| router.layer(ImplicitRefresh::new(state)))
        .start()
        .await;
    let browser = app.client().registered("ada").await;
    let refresh = browser.cookie("refresh_token").unwrap();
    let line = format!("theme=dark; refresh_token={refresh};; access_token2=x; odd");
    let request = app.client().request(Method::GET, "/echo").header("cookie", line);
    let answer =
        request.another_header("cookie", "last=1").header("if-none-match", "\"x\"").await.expect(200);
    let new = |name: &str| answer.cookie(name).unwrap().value;
    assert_eq!(
        answer.text(),
        format!(
            "theme=dark; access_token2=x; odd; last=1; access_token={}; refresh_token={}",
            new("access_token"),
            new("refresh_token")
        )
    );
}
