//! Captchas at registration, and at logins once there have been failures (SPEC §5).

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use vestibule_captcha::{HostedCaptcha, HostedCaptchaOptions, Provider};
use vestibule_egress::{Egress, EgressOptions, Guard};
use vestibule_testkit::{
    Answer, Client, PASSWORD, TestApp, TestAppBuilder,
    siteverify::{Mood, SiteVerify},
};

fn builder(site: &SiteVerify) -> TestAppBuilder {
    let guard = Guard::default().with_loopback();
    let egress = Egress::new(EgressOptions { guard, ..EgressOptions::default() });
    let destination = egress.destination(&site.url()).unwrap();
    let options = HostedCaptchaOptions {
        provider: Provider::Turnstile,
        site_key: "public".into(),
        secret: "hunter2".to_owned().into(),
        hostnames: vec!["127.0.0.1".into()],
        min_score: 0.5,
        timeout: Duration::from_secs(20),
    };
    TestApp::builder().captcha(Arc::new(HostedCaptcha::new(Arc::new(egress), destination, options)))
}

/// An application with captchas where `ada` and `bob` have accounts, and a provider that knows of logins.
async fn app_with_ada(site: &SiteVerify, change: impl FnOnce(TestAppBuilder) -> TestAppBuilder) -> TestApp {
    let app = change(builder(site)).start().await;
    for name in ["ada", "bob"] {
        let _ = register(&app.client(), name, json!(format!("first-{name}"))).await.expect(200);
    }
    site.solved_for("login");
    let _ = site.take_questions();
    app
}

async fn register(client: &Client, name: &str, captcha: Value) -> Answer {
    let email = format!("{name}@example.com");
    let body = json!({"email": email, "username": name, "password1": PASSWORD, "password2": PASSWORD, "captcha": captcha});
    client.post("/api/users/register").json(&body).await
}

async fn log_in(client: &Client, name: &str, password: &str, captcha: &str) -> Answer {
    let body = json!({"login": name, "password": password, "captcha": captcha});
    client.post("/api/users/login").json(&body).await
}

#[track_caller]
fn is_asked(answer: Answer) {
    let problem = answer.expect_problem(400, "captcha_failed").json();
    assert_eq!(problem["detail"], "Wrong captcha");
    assert_eq!(problem["captcha"], json!({"provider": "turnstile", "site_key": "public"}));
}

#[tokio::test]
async fn a_page_learns_which_captcha_to_show() {
    let site = SiteVerify::start();
    let app = builder(&site).start().await;
    let shown = app.client().get("/api/users/captcha").await.expect(200).json();
    assert_eq!(shown, json!({"provider": "turnstile", "site_key": "public"}));
    let without = TestApp::start().await;
    assert_eq!(without.client().get("/api/users/captcha").await.expect(200).json(), json!(null));
}

#[tokio::test]
async fn whoever_registers_solves_a_captcha_on_either_route() {
    let site = SiteVerify::start();
    let app = builder(&site).start().await;
    let client = app.client();
    for missing in [json!(null), json!(""), json!("  "), json!("two words"), json!("x".repeat(8193))] {
        is_asked(register(&client, "ada", missing).await);
    }
    assert!(site.take_questions().is_empty(), "nobody is asked about what cannot be a token");
    is_asked(register(&client, "ada", json!("bad")).await);
    let (hashed, _) = (app.hasher().hashed(), app.store().take_calls());
    is_asked(register(&client, "ada", json!("bad-too")).await);
    assert_eq!((app.hasher().hashed(), app.store().take_calls()), (hashed, vec![]), "before any work");
    let _ = register(&client, "ada", json!("good")).await.expect(200);
    is_asked(register(&app.client(), "eve", json!("good")).await);
    let user = |captcha: &str| {
        let body = json!({"email": "bob@example.com", "password": PASSWORD, "captcha": captcha});
        app.client().post("/api/v1/users").json(&body)
    };
    is_asked(user("").await);
    let _ = user("fresh").await.expect(201);
    let _ = app.client().post("/api/users/register").json(&json!({"captcha": 1})).await.expect(422);
}

/// A slip does not cost a captcha that was solved.
#[tokio::test]
async fn a_broken_rule_is_told_before_the_captcha_is_used_up() {
    let site = SiteVerify::start();
    let app = builder(&site).start().await;
    let mut body = json!({"email": "no address", "username": "ada", "password1": PASSWORD, "password2": PASSWORD, "captcha": "good"});
    let _ = app.client().post("/api/users/register").json(&body).await.expect_problem(400, "invalid_email");
    assert!(site.take_questions().is_empty());
    body["email"] = json!("ada@example.com");
    let _ = app.client().post("/api/users/register").json(&body).await.expect(200);
}

#[tokio::test]
async fn a_login_needs_a_captcha_after_three_failures() {
    let site = SiteVerify::start();
    let app = app_with_ada(&site, |builder| builder).await;
    let client = app.client();
    for _ in 0..3 {
        let _ = log_in(&client, "ada", "wrong", "").await.expect_problem(401, "invalid_credentials");
    }
    let (verified, _) = (app.hasher().verified(), app.store().take_calls());
    is_asked(log_in(&client, "ada", PASSWORD, "").await);
    is_asked(log_in(&client, "ada", PASSWORD, "bad").await);
    assert_eq!((app.hasher().verified(), app.store().take_calls()), (verified, vec![]), "before any work");
    let _ = log_in(&client, "ada", "wrong", "one").await.expect_problem(401, "invalid_credentials");
    is_asked(log_in(&client, "ada", PASSWORD, "one").await);
    let _ = log_in(&client, "ada", PASSWORD, "two").await.expect(200);
    assert_eq!(site.take_questions().len(), 4);
    // Every way in, and the form has the same field.
    let form = |captcha: &'static str| [("username", "ada"), ("password", PASSWORD), ("captcha", captcha)];
    for path in ["/api/v1/login", "/api/v1/token"] {
        is_asked(client.post(path).form(&form("")).await);
        let _ = client.post(path).form(&form(path)).await.expect(200);
    }
    app.clock().advance(Duration::from_mins(15));
    let _ = log_in(&client, "ada", PASSWORD, "").await.expect(200);
    let events = app.audit().await;
    assert!(events.iter().any(|event| event.kind == "login" && event.detail == "captcha_failed"));
}

/// T52: being asked for a captcha says nothing about the name: nobody has looked for an account by then.
#[tokio::test]
async fn t52_whether_a_captcha_is_needed_tells_nothing_about_accounts() {
    let site = SiteVerify::start();
    let app = app_with_ada(&site, |builder| builder).await;
    let from = |number: u8, name: &'static str, password: &'static str| {
        let body = json!({"login": name, "password": password});
        app.client().from_address(&format!("192.0.2.{number}")).post("/api/users/login").json(&body)
    };
    let mut seen = Vec::new();
    for (network, name) in [(0, "ada"), (100, "nobody"), (200, "no name at all")] {
        // From another network each time: by name alone.
        let mut statuses = Vec::new();
        for number in 0..5 {
            let _ = app.store().take_calls();
            let answer = from(network + number, name, "wrong").await;
            statuses.push((answer.status.as_u16(), app.store().take_calls().len()));
        }
        seen.push(statuses);
    }
    assert_eq!(seen[0].iter().map(|(status, _)| *status).collect::<Vec<_>>(), [401, 401, 401, 400, 400]);
    assert_eq!(seen[0][4].1, 0);
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    // Another name from a network of its own is not asked; from one that has failed, it is.
    let _ = from(50, "bob", PASSWORD).await.expect(200);
    for name in ["x", "y", "z"] {
        let _ = from(51, name, "wrong").await.expect_problem(401, "invalid_credentials");
    }
    is_asked(from(51, "bob", PASSWORD).await);
}

/// Logins that succeed count for nothing, and parallel guesses cannot outrun the count.
#[tokio::test]
async fn failures_count_before_they_are_known_and_successes_do_not() {
    let site = SiteVerify::start();
    let app = app_with_ada(&site, |builder| builder).await;
    for _ in 0..6 {
        let _ = log_in(&app.client(), "ada", PASSWORD, "").await.expect(200);
    }
    let mut guesses = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let client = app.client();
        guesses.spawn(async move { log_in(&client, "ada", "wrong", "").await.status.as_u16() });
    }
    let mut statuses = guesses.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 3, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 9, "{statuses:?}");
}

#[tokio::test]
async fn every_login_needs_one_where_no_failure_is_free() {
    let site = SiteVerify::start();
    let app =
        app_with_ada(&site, |builder| builder.policy(|policy| policy.captcha.login_after_failures = 0)).await;
    is_asked(log_in(&app.client(), "ada", PASSWORD, "").await);
    let _ = log_in(&app.client(), "ada", PASSWORD, "one").await.expect(200);
}

#[tokio::test]
async fn while_the_provider_is_away_people_are_refused_or_let_through_as_configured() {
    for lets_through in [false, true] {
        let site = SiteVerify::start();
        let app = builder(&site)
            .policy(|policy| policy.captcha.lets_through_on_outage = lets_through)
            .start()
            .await;
        site.set(Mood::Says(500, String::new()));
        let answer = register(&app.client(), "ada", json!("token")).await;
        if lets_through {
            let _ = answer.expect(200);
        } else {
            let answer = answer.expect_problem(503, "captcha_unavailable");
            assert_eq!(answer.header("retry-after"), Some("10"));
            assert!(!answer.text().contains("500"), "{}", answer.text());
        }
        // Without a token there is nobody to ask.
        is_asked(register(&app.client(), "bob", json!("")).await);
        // Keys that the provider refuses open no door, once it is asked again.
        app.clock().advance(Duration::from_secs(1));
        site.set(Mood::Says(200, "{\"success\": false, \"error-codes\": [\"invalid-input-secret\"]}".into()));
        let _ =
            register(&app.client(), "cyd", json!("token")).await.expect_problem(503, "captcha_unavailable");
    }
}

/// Whoever has many requests while the provider is away has us ask it once a second, and no more; what it says of a token
/// is no reason to leave it alone.
#[tokio::test]
async fn a_provider_that_is_away_is_not_asked_by_everybody() {
    let site = SiteVerify::start();
    let app = builder(&site).start().await;
    site.set(Mood::Says(503, String::new()));
    for second in 0..3 {
        for number in 0..50 {
            let client = app.client().from_address(&format!("198.51.100.{}", number % 10));
            let answer = register(&client, "ada", json!(format!("token{number}"))).await;
            let answer = answer.expect_problem(503, "captcha_unavailable");
            assert_eq!(answer.header("retry-after"), Some("10"));
        }
        assert_eq!(site.take_questions().len(), 1, "second {second}");
        app.clock().advance(Duration::from_secs(1));
    }
    site.set(Mood::Says(200, "{\"success\": false, \"error-codes\": [\"bad-request\"]}".into()));
    for _ in 0..3 {
        let _ = register(&app.client(), "ada", json!("odd")).await.expect_problem(503, "captcha_unavailable");
    }
    assert_eq!(site.take_questions().len(), 3, "a token that it cannot read keeps nobody else out");
    site.solved_for("register");
    let _ = register(&app.client(), "ada", json!("good")).await.expect(200);
}

/// A network whose captchas cannot be verified has done nothing wrong.
#[tokio::test]
async fn an_outage_and_a_missing_captcha_count_for_nothing() {
    let site = SiteVerify::start();
    let app = builder(&site).policy(|policy| policy.throttle.registrations = 2).start().await;
    for _ in 0..5 {
        is_asked(register(&app.client(), "ada", json!("")).await);
    }
    site.set(Mood::Silent);
    site.set(Mood::Says(503, String::new()));
    for _ in 0..5 {
        let _ = register(&app.client(), "ada", json!("x")).await.expect_problem(503, "captcha_unavailable");
    }
    site.solved_for("register");
    app.clock().advance(Duration::from_secs(1));
    for _ in 0..2 {
        is_asked(register(&app.client(), "ada", json!("bad")).await);
    }
    let _ = register(&app.client(), "ada", json!("good")).await.expect_problem(429, "rate_limited");
}
