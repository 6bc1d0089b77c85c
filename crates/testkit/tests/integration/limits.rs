//! The limits on logins and registrations (SPEC §5).

use std::time::Duration;

use serde_json::json;
use vestibule::http::client::TrustedProxies;
use vestibule_testkit::{Answer, Client, PASSWORD, TestApp, TestAppBuilder, faults::Fault};

const WRONG: &str = "wrong password";

/// Networks are limited and accounts are not; theirs are in `gate.rs`.
fn limited(attempts: u32) -> TestAppBuilder {
    TestApp::builder().policy(|policy| {
        policy.throttle.login_attempts = attempts;
        policy.throttle.account_failures = 1000;
    })
}

async fn guess(client: &Client) -> Answer {
    client.log_in("ada", WRONG).await
}

/// How many guesses are heard before the limit.
async fn guesses_heard(client: &Client) -> usize {
    for heard in 0..100 {
        if guess(client).await.status == 429 {
            return heard;
        }
    }
    panic!("there is no limit");
}

#[tokio::test]
async fn thirty_a_minute_and_then_a_wait_that_is_told() {
    let app = limited(30).start().await;
    let _ = app.client().registered("ada").await;
    for _ in 0..30 {
        let _ = guess(&app.client()).await.expect_problem(401, "invalid_credentials");
        app.clock().advance(Duration::from_millis(500));
    }
    let verified = app.hasher().verified();
    let answer = guess(&app.client()).await.expect_problem(429, "rate_limited");
    assert_eq!(
        (answer.header("retry-after"), answer.json()["kind"].as_str()),
        (Some("45"), Some("functional"))
    );
    assert_eq!(answer.json()["detail"], "Too many failed logins from your network, try again in 45 s");
    let unknown = app.client().log_in("nobody", WRONG).await.expect_problem(429, "rate_limited");
    assert_eq!(unknown.json()["detail"], answer.json()["detail"], "whoever it is");
    // The right password does not pass either, by whichever route.
    for path in ["/api/v1/login", "/api/v1/token"] {
        let form = [("username", "ada"), ("password", PASSWORD)];
        let _ = app.client().post(path).form(&form).await.expect_problem(429, "rate_limited");
    }
    let _ = app.client().log_in("ada", PASSWORD).await.expect_problem(429, "rate_limited");
    assert_eq!(app.hasher().verified(), verified, "refused before the work");
    // A fixed window from the first attempt: refused ones do not prolong it.
    app.clock().advance(Duration::from_millis(44_999));
    let answer = guess(&app.client()).await.expect_problem(429, "rate_limited");
    assert_eq!(answer.header("retry-after"), Some("1"));
    app.clock().advance(Duration::from_millis(1));
    let _ = guess(&app.client()).await.expect_problem(401, "invalid_credentials");
    let events = app.audit().await;
    let limited: Vec<_> = events.iter().filter(|event| event.detail == "rate_limited").collect();
    assert_eq!(limited.len(), 1, "once a window");
    assert!(limited.iter().all(|event| event.kind == "login" && event.outcome == "failure"));
}

/// T47, Keycloak CVE-2024-4629: guesses in parallel do not outrun the counter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t47_parallel_guesses_do_not_outrun_the_limit() {
    let app = limited(30).start().await;
    let _ = app.client().registered("ada").await;
    let tasks: Vec<_> = (0..100)
        .map(|number| {
            let client = app.client();
            tokio::spawn(
                async move { client.log_in("ada", &format!("wrong password {number}")).await.status },
            )
        })
        .collect();
    let mut heard = 0;
    for task in tasks {
        match task.await.unwrap().as_u16() {
            401 => heard += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert_eq!((heard, app.hasher().verified()), (30, 30));
}

/// T50, django-allauth 65: a success gives back its own attempt and nothing else.
#[tokio::test]
async fn t50_a_success_gives_back_its_own_attempt_and_nothing_else() {
    let app = limited(5).start().await;
    let _ = app.client().registered("ada").await;
    for _ in 0..4 {
        let _ = guess(&app.client()).await.expect(401);
    }
    for _ in 0..10 {
        let _ = app.client().log_in("ada", PASSWORD).await.expect(200);
    }
    assert_eq!(guesses_heard(&app.client()).await, 1);
    let _ = app.client().log_in("ada", PASSWORD).await.expect(429);
}

#[tokio::test]
async fn an_outage_before_the_verdict_gives_the_attempt_back() {
    let app = limited(3).start().await;
    let _ = app.client().registered("ada").await;
    for method in ["find_credentials", "open_session"] {
        app.store().fail(method, Fault::Before);
        for _ in 0..5 {
            let answer = app.client().log_in("ada", PASSWORD).await.expect_problem(503, "unavailable");
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
        app.store().heal();
    }
    assert_eq!(guesses_heard(&app.client()).await, 3);
}

#[tokio::test]
async fn a_disabled_account_counts_like_a_wrong_password() {
    let app = limited(3).start().await;
    let _ = app.client().registered("ada").await;
    super::database::disable(&app, "ada");
    for _ in 0..3 {
        let _ = app.client().log_in("ada", PASSWORD).await.expect(403);
    }
    let _ = app.client().log_in("ada", PASSWORD).await.expect(429);
}

/// T49, django-allauth 2020: no spelling of the name has a counter of its own.
#[tokio::test]
async fn t49_every_spelling_and_every_route_shares_the_counter() {
    let app = limited(6).start().await;
    let _ = app.client().registered("ada").await;
    for name in ["ada", "ADA", " ada "] {
        let _ = app.client().log_in(name, WRONG).await.expect(401);
    }
    for path in ["/api/v1/login", "/api/v1/token"] {
        let form = [("username", "ada@EXAMPLE.com"), ("password", WRONG)];
        let _ = app.client().post(path).form(&form).await.expect(401);
    }
    assert_eq!(guesses_heard(&app.client()).await, 1);
}

/// T09, authentik CVE-2023-36456: a spoofed address does not beat the limit.
#[tokio::test]
async fn t09_a_forwarded_address_from_a_stranger_counts_for_nothing() {
    let app = limited(3).start().await;
    for number in 0..3 {
        let spoofed =
            app.client().post("/api/users/login").header("x-forwarded-for", format!("198.51.100.{number}"));
        let spoofed = spoofed.header("forwarded", format!("for=198.51.100.{number}"));
        let body = serde_json::json!({"login": "ada", "password": WRONG});
        let _ = spoofed.header("x-real-ip", "198.51.100.9").json(&body).await.expect(401);
    }
    let _ = guess(&app.client()).await.expect(429);
    // T10, Rauthy: nor does it get anybody else blocked.
    for number in 0..3 {
        let _ = guess(&app.client().from_address(&format!("198.51.100.{number}"))).await.expect(401);
    }
}

/// T08, authentik CVE-2024-47070: garbage in the header never opens a way around.
#[tokio::test]
async fn t08_behind_a_trusted_proxy_the_right_most_stranger_counts() {
    let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
    let app = limited(2).http(|http| http.trusted_proxies = trusted).start().await;
    let proxied = |forwarded: &str| {
        let body = serde_json::json!({"login": "ada", "password": WRONG});
        let request = app.client().from_address("10.0.0.1").post("/api/users/login").json(&body);
        request.header("x-forwarded-for", forwarded)
    };
    for forwarded in ["1.1.1.1, 203.0.113.5", "garbage, 203.0.113.5, 10.0.0.2"] {
        let _ = proxied(forwarded).await.expect(401);
    }
    let _ = proxied("9.9.9.9, 203.0.113.5").await.expect(429);
    let _ = proxied("203.0.113.5:4711").await.expect(429);
    let _ = proxied("203.0.113.6").await.expect(401);
    // Whatever cannot be read is the proxy's own.
    for (garbage, status) in
        [("", 401), ("unknown", 401), ("203.0.113.7, \u{ff}", 429), (",,,", 429), ("203.0.113.7;", 429)]
    {
        assert_eq!(proxied(garbage).await.status.as_u16(), status, "{garbage}");
    }
}

/// T08: whatever stands in the header, a caller who is at the limit stays there, and nobody is a 5xx.
#[tokio::test]
async fn t08_no_garbage_opens_a_way_around() {
    let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
    let app = limited(2).http(|http| http.trusted_proxies = trusted).start().await;
    let proxied = |forwarded: &[String]| {
        let body = json!({"login": "ada", "password": WRONG});
        let request = app.client().from_address("10.0.0.1").post("/api/users/login").json(&body);
        forwarded.iter().fold(request, |request, value| request.header("x-forwarded-for", value))
    };
    // Both the proxy itself and the client behind it.
    for exhausted in ["", "203.0.113.5"] {
        for _ in 0..2 {
            let _ = proxied(&[exhausted.to_owned()]).await.expect(401);
        }
    }
    let long = "198.51.100.1, ".repeat(600);
    for garbage in [
        "unknown",
        "_hidden",
        "for=198.51.100.1",
        "198.51.100.1:",
        "198.51.100.1:99999",
        "198.51.100.256",
        "0x7f.1",
        "198.51.100.1/32",
        "fe80::1%eth0",
        "[fe80::1%25eth0]",
        "[2001:db8::1",
        "2001:db8::1]:80",
        "[198.51.100.1]",
        "1e3",
        "\u{661}\u{662}",
        "198.51.100.1 203.0.113.9",
        "198.51.100.1;203.0.113.9",
        "\"198.51.100.1\"",
        "-1",
        "localhost",
        "198.51.100.1\t.",
        "0300.0.0.1",
        ",",
        "null",
        long.trim_end_matches(", "),
    ] {
        let is_chain = garbage == long.trim_end_matches(", ");
        let alone = proxied(&[garbage.to_owned()]).await;
        // Of a chain of strangers the last one counts, who has a limit of their own.
        assert_eq!(alone.status.as_u16(), if is_chain { 401 } else { 429 }, "{garbage:.40}");
        let before = proxied(&[format!("{garbage}, 203.0.113.5")]).await;
        let in_two_headers = proxied(&[garbage.to_owned(), "203.0.113.5".to_owned()]).await;
        let in_between = proxied(&[format!("203.0.113.5, {garbage}, 10.0.0.1")]).await;
        for (answer, is_known) in [(before, true), (in_two_headers, true), (in_between, !is_chain)] {
            assert_eq!(answer.status.as_u16() == 429, is_known, "{garbage:.40}");
            assert!(!answer.status.is_server_error(), "{garbage:.40}");
        }
    }
}

#[tokio::test]
async fn an_ipv6_caller_counts_by_its_64() {
    let app = limited(2).start().await;
    for address in ["2001:db8::1", "2001:db8::ffff:1"] {
        let _ = guess(&app.client().from_address(address)).await.expect(401);
    }
    let _ = guess(&app.client().from_address("2001:db8::2")).await.expect(429);
    let _ = guess(&app.client().from_address("2001:db8:0:1::1")).await.expect(401);
    for address in ["192.0.2.9", "::ffff:192.0.2.9"] {
        let _ = guess(&app.client().from_address(address)).await.expect(401);
    }
    let _ = guess(&app.client().from_address("192.0.2.9")).await.expect(429);
}

#[tokio::test]
async fn a_malformed_login_is_no_attempt() {
    let app = limited(2).start().await;
    for _ in 0..5 {
        let answer = app.client().post("/api/users/login").json(&serde_json::json!({"login": "ada"})).await;
        let _ = answer.expect_problem(422, "validation_failed");
    }
    assert_eq!(guesses_heard(&app.client()).await, 2);
}

#[tokio::test]
async fn the_limit_can_be_turned_off() {
    let app = limited(1).policy(|policy| policy.throttle.is_enabled = false).start().await;
    for _ in 0..5 {
        let _ = guess(&app.client()).await.expect(401);
    }
}

/// A flood of refused attempts is no flood of audit events.
#[tokio::test]
async fn a_reached_limit_is_written_down_once_a_window() {
    let app = TestApp::builder().policy(|policy| policy.throttle.login_attempts = 1).start().await;
    let _ = app.client().log_in("nobody", "a wrong guess").await.expect_problem(401, "invalid_credentials");
    for _ in 0..20 {
        let _ = app.client().log_in("nobody", "a wrong guess").await.expect_problem(429, "rate_limited");
    }
    let refused = async || app.audit().await.iter().filter(|event| event.detail == "rate_limited").count();
    assert_eq!(refused().await, 1);
    app.clock().advance(Duration::from_mins(1));
    let _ = app.client().log_in("nobody", "a wrong guess").await.expect_problem(401, "invalid_credentials");
    let _ = app.client().log_in("nobody", "a wrong guess").await.expect_problem(429, "rate_limited");
    assert_eq!(refused().await, 2);
}

async fn register(client: &Client, name: &str, password: &str) -> Answer {
    let body = json!({
        "email": format!("{name}@example.com"), "username": name, "password1": password, "password2": password,
    });
    client.post("/api/users/register").json(&body).await
}

#[tokio::test]
async fn twenty_registrations_an_hour_by_whichever_route() {
    let app = TestApp::start().await;
    for number in 0..10 {
        let _ = register(&app.client(), &format!("ada{number}"), PASSWORD).await.expect(200);
        let body = json!({"email": format!("eve{number}@example.com"), "password": PASSWORD});
        let _ = app.client().post("/api/v1/users").json(&body).await.expect(201);
    }
    app.clock().advance(Duration::from_mins(10));
    let hashed = app.hasher().hashed();
    let answer = register(&app.client(), "late", PASSWORD).await.expect_problem(429, "rate_limited");
    assert_eq!(answer.header("retry-after"), Some("3000"));
    assert_eq!(answer.json()["detail"], "Too many registrations from your network, try again in 3000 s");
    let body = json!({"email": "late@example.com", "password": PASSWORD});
    let _ = app.client().post("/api/v1/users").json(&body).await.expect_problem(429, "rate_limited");
    assert_eq!(app.hasher().hashed(), hashed, "refused before the work");
    let _ = register(&app.client().from_address("198.51.100.7"), "other", PASSWORD).await.expect(200);
    let _ = app.client().log_in("ada0", PASSWORD).await.expect(200);
    app.clock().advance(Duration::from_mins(50));
    let _ = register(&app.client(), "late", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_registration_counts_unless_it_breaks_rules_or_the_failure_is_ours() {
    let app = TestApp::builder().policy(|policy| policy.throttle.registrations = 3).start().await;
    for _ in 0..5 {
        let _ = register(&app.client(), "ada", "short").await.expect_problem(400, "password_length");
    }
    app.store().fail("insert_account", Fault::Before);
    for _ in 0..5 {
        let _ = register(&app.client(), "ada", PASSWORD).await.expect_problem(503, "unavailable");
    }
    app.store().heal();
    let _ = register(&app.client(), "ada", PASSWORD).await.expect(200);
    for _ in 0..2 {
        let _ = register(&app.client(), "ada", PASSWORD).await.expect(400);
    }
    let _ = register(&app.client(), "eve", PASSWORD).await.expect_problem(429, "rate_limited");
}

/// T47: parallel registrations do not outrun the counter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t47_parallel_registrations_do_not_outrun_the_limit() {
    let app = TestApp::start().await;
    let tasks: Vec<_> = (0..60)
        .map(|number| {
            let client = app.client();
            tokio::spawn(async move { register(&client, &format!("ada{number}"), PASSWORD).await.status })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        match task.await.unwrap().as_u16() {
            200 => made += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert_eq!(made, 20);
}
