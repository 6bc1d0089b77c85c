//! Failures at an account: what strangers have to wait for, and what a known device has not (SPEC §5).

use std::time::Duration;

use serde_json::{Value, json};
use vestibule::core::values::secret::SecretKey;
use vestibule_testkit::{Answer, Client, PASSWORD, TestApp, faults::Fault};

use super::{
    account_changes::admin_of,
    confirmation::{only_letter, token_of},
};

const WRONG: &str = "wrong password";

/// A client from a network of its own.
fn from(app: &TestApp, number: usize) -> Client {
    app.client().from_address(&format!("198.51.{}.{}", number / 200, number % 200 + 1))
}

/// A guess with a name, from a network that has made none.
async fn guess(app: &TestApp, name: &str, number: usize) -> Answer {
    from(app, number).log_in(name, WRONG).await
}

/// As many guesses as a name has before strangers wait.
async fn exhaust(app: &TestApp, name: &str) {
    for number in 0..5 {
        let _ = guess(app, name, number).await.expect_problem(401, "invalid_credentials");
    }
    let _ = guess(app, name, 5).await.expect_problem(429, "rate_limited");
}

/// Whatever two answers may differ in is random in every answer.
fn without_ids(answer: &Answer) -> (u16, Value, Option<String>, Option<String>) {
    let mut body = answer.json();
    let _ = body.as_object_mut().unwrap().remove("id");
    let header = |name: &str| answer.header(name).map(str::to_owned);
    (answer.status.as_u16(), body, header("retry-after"), header("www-authenticate"))
}

/// T52: and a name that is nobody's behaves like one that is somebody's, at the same cost.
#[tokio::test]
async fn strangers_wait_longer_from_failure_to_failure_whether_or_not_the_name_is_anybodys() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    let mut heard = Vec::new();
    for name in ["ada", "nobody", "no body!", "nobody@example.com"] {
        let (mut answers, verified) = (Vec::new(), app.hasher().verified());
        exhaust(&app, name).await;
        for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            let refused = guess(&app, name, 6).await.expect_problem(429, "rate_limited");
            assert_eq!(refused.header("retry-after"), Some(wait.to_string().as_str()), "{name}");
            answers.push(without_ids(&refused));
            app.clock().advance(Duration::from_millis(wait * 1000 - 1));
            let _ = guess(&app, name, 7).await.expect_problem(429, "rate_limited");
            app.clock().advance(Duration::from_millis(1));
            answers.push(without_ids(&guess(&app, name, 8).await.expect(401)));
        }
        heard.push((answers, app.hasher().verified() - verified));
    }
    assert!(heard.iter().all(|one| *one == heard[0]));
    assert_eq!(heard[0].1, 5 + 12);
    let detail = heard[0].0[0].1["detail"].clone();
    assert_eq!(detail, "Too many failed logins with this name, try again in 1 s");
}

#[tokio::test]
async fn failures_are_forgotten_when_nobody_can_gain_by_waiting_for_it() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    exhaust(&app, "ada").await;
    app.clock().advance(Duration::from_mins(75) - Duration::from_millis(1));
    let _ = guess(&app, "ada", 6).await.expect(401);
    let _ = guess(&app, "ada", 6).await.expect_problem(429, "rate_limited");
    app.clock().advance(Duration::from_mins(75));
    exhaust(&app, "ada").await;
}

/// T47, Keycloak CVE-2024-4629: from however many networks at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t47_parallel_guesses_at_an_account_do_not_outrun_its_limit() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    for name in ["ada", "nobody"] {
        let verified = app.hasher().verified();
        let tasks: Vec<_> = (0..100)
            .map(|number| {
                let client = from(&app, number);
                tokio::spawn(async move { client.log_in(name, &format!("{WRONG} {number}")).await.status })
            })
            .collect();
        let mut heard = 0;
        for task in tasks {
            match task.await.unwrap().as_u16() {
                401 => heard += 1,
                status => assert_eq!(status, 429),
            }
        }
        assert_eq!((heard, app.hasher().verified() - verified), (5, 5), "{name}");
    }
}

/// T48, Keycloak CVE-2026-9798: no way in has a budget of its own.
#[tokio::test]
async fn t48_every_way_in_passes_the_same_gate() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    let by_form = async |path: &str, password: &str, number| {
        let form = [("username", "ada"), ("password", password), ("grant_type", "password")];
        from(&app, number).post(path).form(&form).await
    };
    let _ = by_form("/api/v1/login", WRONG, 0).await.expect(401);
    let _ = by_form("/api/v1/token", WRONG, 1).await.expect(401);
    for number in 2..5 {
        let _ = guess(&app, "ada", number).await.expect(401);
    }
    for path in ["/api/v1/login", "/api/v1/token"] {
        let _ = by_form(path, PASSWORD, 6).await.expect_problem(429, "rate_limited");
    }
    let _ = from(&app, 7).log_in("ada", PASSWORD).await.expect_problem(429, "rate_limited");
}

/// T49, django-allauth 2020 and 2022: neither letter case nor the other name is another budget, and nobody learns that two
/// names are one account's.
#[tokio::test]
async fn t49_no_spelling_and_no_other_name_has_a_budget_of_its_own() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    for (number, name) in ["ada", "ADA", " ada ", "Ada", "aDA"].into_iter().enumerate() {
        let _ = guess(&app, name, number).await.expect(401);
    }
    let _ = from(&app, 6).log_in("adA", PASSWORD).await.expect_problem(429, "rate_limited");
    // The address answers as if nothing had happened, but nothing that is said to it is heard.
    let verified = app.hasher().verified();
    for (number, password) in [WRONG, PASSWORD, WRONG, PASSWORD, PASSWORD].into_iter().enumerate() {
        let known = from(&app, number).log_in("Ada@Example.com", password).await.expect(401);
        let unknown = from(&app, number).log_in("nobody@example.com", password).await.expect(401);
        assert_eq!(without_ids(&known), without_ids(&unknown));
    }
    assert_eq!(app.hasher().verified() - verified, 10, "at the same cost");
    let _ = from(&app, 6).log_in("ada@example.com", PASSWORD).await.expect_problem(429, "rate_limited");
    app.clock().advance(Duration::from_secs(1));
    let _ = from(&app, 7).log_in("ada", PASSWORD).await.expect(200);
}

/// T50, django-allauth 65: a success gives back what it took, and forgets its own device's failures.
#[tokio::test]
async fn t50_a_success_clears_its_own_pair_and_nothing_else() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let _ = app.client().registered("eve").await;
    for name in ["ada", "eve"] {
        for number in 0..4 {
            let _ = guess(&app, name, number).await.expect(401);
        }
    }
    // Neither the owner's browser nor a stranger who is right gives others a further guess.
    for _ in 0..10 {
        let _ = ada.log_in("ada", PASSWORD).await.expect(200);
        let _ = from(&app, 7).log_in("ada", PASSWORD).await.expect(200);
    }
    for name in ["ada", "eve"] {
        let _ = guess(&app, name, 5).await.expect(401);
        let _ = guess(&app, name, 6).await.expect_problem(429, "rate_limited");
    }
    for _ in 0..3 {
        for _ in 0..9 {
            let _ = ada.log_in("ada", WRONG).await.expect(401);
        }
        let _ = ada.log_in("ada", PASSWORD).await.expect(200);
        app.clock().advance(Duration::from_mins(1));
    }
    let _ = from(&app, 8).log_in("eve", PASSWORD).await.expect(200);
}

/// T10, Rauthy: strangers lock no owner out of their own browser, and an owner's slips no other browser.
#[tokio::test]
async fn t10_strangers_lock_nobody_out_of_a_known_device() {
    let app = TestApp::builder().policy(|policy| policy.throttle.login_attempts = 1000).start().await;
    let laptop = app.client().registered("ada").await;
    let phone = app.client().logged_in("ada").await;
    exhaust(&app, "ada").await;
    for device in [&laptop, &phone] {
        let _ = device.post("/api/users/logout").await.expect(200);
        let _ = device.log_in("ada", PASSWORD).await.expect(200);
        let _ = device.log_in("ada@example.com", PASSWORD).await.expect(200);
    }
    // A device has its own budget, and then waits as strangers do.
    for _ in 0..10 {
        let _ = phone.log_in("ada", WRONG).await.expect_problem(401, "invalid_credentials");
    }
    for wait in ["1", "2", "4"] {
        let refused = phone.log_in("ada", PASSWORD).await.expect_problem(429, "rate_limited");
        assert_eq!(refused.header("retry-after"), Some(wait));
        let detail = format!("Too many failed logins from this device, try again in {wait} s");
        assert_eq!(refused.json()["detail"], detail);
        app.clock().advance(Duration::from_secs(wait.parse().unwrap()));
        let _ = phone.log_in("ada@example.com", WRONG).await.expect(401);
    }
    let _ = laptop.log_in("ada", PASSWORD).await.expect(200);
    // What is known to one account is a stranger to another.
    let _ = app.client().registered("eve").await;
    exhaust(&app, "eve").await;
    let _ = laptop.log_in("eve", PASSWORD).await.expect_problem(429, "rate_limited");
}

#[tokio::test]
async fn a_forged_or_foreign_device_is_a_stranger() {
    let app = TestApp::builder().policy(|policy| policy.throttle.login_attempts = 1000).start().await;
    let ada = app.client().registered("ada").await;
    let eve = app.client().registered("eve").await;
    exhaust(&app, "ada").await;
    let cookie = ada.cookie("device").unwrap();
    let (head, last) = cookie.split_at(cookie.len() - 2);
    let forged = format!("{head}{}", if last == "AA" { "BB" } else { "AA" });
    for planted in
        [eve.cookie("device").unwrap(), forged, "vd1.AAAA".into(), "x".into(), cookie.to_uppercase()]
    {
        let stranger = app.client();
        stranger.plant_cookie("device", &planted);
        let _ = stranger.log_in("ada", PASSWORD).await.expect_problem(429, "rate_limited");
    }
    let copy = app.client();
    copy.plant_cookie("device", &cookie);
    let _ = copy.log_in("ada", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_browser_is_known_for_180_days_and_by_several_accounts() {
    let app = TestApp::builder_at("https://app.example").start().await;
    let browser = app.client();
    let body =
        json!({"email": "a@example.com", "username": "ada", "password1": PASSWORD, "password2": PASSWORD});
    let answer = browser.post("/api/users/register").json(&body).await.expect(200);
    let cookie = answer.cookie("device").unwrap();
    for part in ["Path=/", "Max-Age=15552000", "HttpOnly", "SameSite=Lax", "Secure"] {
        assert!(cookie.attributes.iter().any(|attribute| attribute == part), "{part}: {cookie:?}");
    }
    let _ = browser.post("/api/users/logout").await.expect(200);
    assert_eq!(browser.cookie("device").as_deref(), Some(cookie.value.as_str()));
    let _ = browser.clone().registered("eve").await;
    for name in ["ada", "eve"] {
        exhaust(&app, name).await;
        let _ = browser.log_in(name, PASSWORD).await.expect(200);
    }
    app.clock().advance(Duration::from_hours(24 * 180));
    exhaust(&app, "ada").await;
    let _ = browser.log_in("ada", PASSWORD).await.expect_problem(429, "rate_limited");
}

/// Programs keep nothing: they are strangers, and are given nothing to keep.
#[tokio::test]
async fn a_program_is_given_no_device() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    for path in ["/api/v1/login", "/api/v1/token"] {
        let program = app.client();
        let answer =
            program.post(path).form(&[("username", "ada"), ("password", PASSWORD)]).await.expect(200);
        assert!(answer.cookies().is_empty());
    }
    let body = json!({"email": "eve@example.com", "password": PASSWORD});
    let answer = app.client().post("/api/v1/users").json(&body).await.expect(201);
    assert!(answer.cookies().is_empty());
}

#[tokio::test]
async fn a_device_outlives_a_change_of_the_secret() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let cookie = browser.cookie("device").unwrap();
    let previous = vec![app.secret().clone()];
    let app = app.stop().await.secret(SecretKey::generate(), previous).start().await;
    exhaust(&app, "ada").await;
    let browser = app.client();
    browser.plant_cookie("device", &cookie);
    let _ = browser.log_in("ada", PASSWORD).await.expect(200);
    assert_ne!(browser.cookie("device").unwrap(), cookie, "it is signed anew");
}

#[tokio::test]
async fn what_fails_on_our_side_counts_for_nobody() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    for method in ["find_credentials", "open_session"] {
        app.store().fail(method, Fault::Before);
        for number in 0..10 {
            let _ = from(&app, number).log_in("ada", PASSWORD).await.expect_problem(503, "unavailable");
        }
        app.store().heal();
    }
    exhaust(&app, "ada").await;
}

#[tokio::test]
async fn nothing_is_limited_where_limits_are_off() {
    let app = TestApp::builder().policy(|policy| policy.throttle.is_enabled = false).start().await;
    let ada = app.client().registered("ada").await;
    for _ in 0..40 {
        let _ = app.client().log_in("ada", WRONG).await.expect(401);
        let _ = ada.log_in("ada", WRONG).await.expect(401);
    }
}

/// Whoever administrates sees who must wait for how long, and ends it; strangers learn no more than their own wait.
#[tokio::test]
async fn limits_are_told_to_the_owner_and_to_administrators_who_end_them() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let id = ada.get("/api/v1/users/me").await.member("id");
    assert_eq!(ada.get("/api/users/limits").await.expect(200).json(), json!([]));
    exhaust(&app, "ada").await;
    let _ = guess(&app, "ada@example.com", 9).await.expect(401);
    let body =
        json!({"old_password": WRONG, "password1": "another password", "password2": "another password"});
    let _ = ada.put("/api/users/password").json(&body).await.expect(400);
    let until = "2026-01-01T00:00:01.000Z";
    let row = |whose, failures, until: Value, rule| json!({"rule": rule, "whose": whose, "failures": failures, "until": until});
    let strangers = [
        row("username", 5, json!(until), "account_failures"),
        row("email", 1, Value::Null, "account_failures"),
        row("account", 5, json!(until), "account_failures"),
    ];
    let own = ada.get("/api/users/limits").await.expect(200).json();
    assert_eq!(own.as_array().unwrap()[..3], strangers);
    assert_eq!(own[3], row("session", 1, Value::Null, "device_failures"));
    let root = admin_of(&app).await;
    assert_eq!(root.get(&format!("/api/users/{id}/limits")).await.expect(200).json(), json!(strangers));
    let _ = root.post(&format!("/api/users/{id}/unlock")).await.expect(200);
    assert_eq!(root.get(&format!("/api/users/{id}/limits")).await.expect(200).json(), json!([]));
    let _ = from(&app, 10).log_in("ada@example.com", PASSWORD).await.expect(200);
    exhaust(&app, "ada").await;
    let nobody = "/api/users/0190163d-8694-739b-aea5-966c26f8ad91";
    let _ = root.post(&format!("{nobody}/unlock")).await.expect_problem(404, "not_found");
    let event = app.audit().await.into_iter().find(|event| event.kind == "unlock").unwrap();
    assert_eq!((event.account_id.unwrap().to_string(), event.actor_id.is_some()), (id, true));
}

/// Whoever reads the mailbox is let in to try, and no device is known any more.
#[tokio::test]
async fn a_reset_by_mail_ends_every_wait_and_every_acquaintance() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    exhaust(&app, "ada").await;
    let _ = app.mails().await;
    let _ = app
        .client()
        .post("/api/users/forgot_password")
        .json(&json!({"email": "ada@example.com"}))
        .await
        .expect(200);
    let token = token_of(&only_letter(&app).await);
    let body = json!({"password1": "another password", "password2": "another password"});
    let _ = app.client().post(&format!("/api/users/password/{token}")).json(&body).await.expect(200);
    app.clock().advance(Duration::from_millis(1));
    let _ = from(&app, 7).log_in("ada", "another password").await.expect(200);
    exhaust(&app, "ada").await;
    let _ = ada.log_in("ada", "another password").await.expect_problem(429, "rate_limited");
}

/// A wait is written down once, for the account if there is one; its owner sees it.
#[tokio::test]
async fn a_wait_is_written_down_once() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    for name in ["ada", "nobody"] {
        exhaust(&app, name).await;
        for number in 0..20 {
            let _ = guess(&app, name, number).await.expect(429);
        }
    }
    let _ = guess(&app, "ada@example.com", 30).await.expect(401);
    let events = app.audit().await;
    let refused: Vec<_> = events.iter().filter(|event| event.detail == "account_failures").collect();
    assert_eq!(refused.len(), 3);
    assert_eq!(refused.iter().filter(|event| event.account_id.is_none()).count(), 1);
    let seen = ada.get("/api/users/activity").await.expect(200).json();
    let seen = seen.as_array().unwrap().iter().filter(|event| event["detail"] == "account_failures").count();
    assert_eq!(seen, 2);
}

/// Whoever changes a password may have lost the old one to somebody whose browser is known by now: only the browser that it
/// is changed in stays known.
#[tokio::test]
async fn a_changed_password_ends_every_acquaintance_elsewhere() {
    let app = TestApp::start().await;
    let own = app.client().registered("ada").await;
    let elsewhere = app.client().logged_in("ada").await;
    let new = "another correct horse battery";
    let change = |old: &str, new: &str| json!({"old_password": old, "password1": new, "password2": new});
    let _ = own.put("/api/users/password").json(&change(PASSWORD, new)).await.expect(200);
    exhaust(&app, "ada").await;
    let _ = elsewhere.log_in("ada", new).await.expect_problem(429, "rate_limited");
    let _ = app.mails().await;
    let _ = own.log_in("ada", new).await.expect(200);
    assert!(app.mails().await.is_empty(), "it is no new device");
    // A program keeps no cookie and is given none.
    app.clock().advance(Duration::from_secs(1));
    let token = own.cookie("access_token").unwrap();
    let program = app.client().with_bearer(&token);
    let answer = program.put("/api/users/password").json(&change(new, PASSWORD)).await.expect(200);
    assert!(answer.cookies().is_empty());
    let _ = guess(&app, "ada", 9).await.expect_problem(401, "invalid_credentials");
    let _ = own.log_in("ada", PASSWORD).await.expect_problem(429, "rate_limited");
}

/// Asks for a new password and returns the token of the link and the code.
async fn forgotten(app: &TestApp) -> (String, String) {
    let _ = app.mails().await;
    let body = json!({"email": "ada@example.com"});
    let _ = app.client().post("/api/users/forgot_password").json(&body).await.expect(200);
    let letter = only_letter(app).await;
    (token_of(&letter), letter.code.unwrap())
}

const ANOTHER: &str = "another password";

/// Strangers who go on guessing do not keep an owner out who has just chosen a new password, on whichever way.
#[tokio::test]
async fn whoever_chooses_a_password_by_mail_is_known_afterwards() {
    let app = TestApp::builder().policy(|policy| policy.throttle.mails = 100).start().await;
    let old = app.client().registered("ada").await;
    let new = json!({"password1": ANOTHER, "password2": ANOTHER});
    for way in ["link", "code", "page"] {
        let browser = app.client().named(way);
        let (token, code) = forgotten(&app).await;
        let answer = match way {
            "link" => browser.post(&format!("/api/users/password/{token}")).json(&new).await,
            "code" => {
                let mut body = new.clone();
                body["email"] = json!("ada@example.com");
                body["code"] = json!(code);
                browser.post("/api/users/password_code").json(&body).await
            }
            _ => {
                browser
                    .post(&format!("/reset/{token}"))
                    .form(&[("password1", ANOTHER), ("password2", ANOTHER)])
                    .await
            }
        };
        let cookie = answer.expect(200).cookie("device").unwrap();
        assert!(cookie.attributes.iter().any(|attribute| attribute == "Max-Age=15552000"), "{way}");
        exhaust(&app, "ada").await;
        let _ = app.mails().await;
        let _ = old.log_in("ada", ANOTHER).await.expect_problem(429, "rate_limited");
        let _ = browser.log_in("ada", ANOTHER).await.expect(200);
        assert_eq!(app.mails().await.len(), 0, "{way}: it is nothing new");
        app.clock().advance(Duration::from_hours(2));
    }
    // A device that was known before is new to its owner, even with the right password.
    let _ = old.log_in("ada", ANOTHER).await.expect(200);
    assert!(only_letter(&app).await.subject.contains("New login"));
}

/// A foreign page cannot make its visitor's browser forget the accounts that it knows.
#[tokio::test]
async fn a_reset_from_a_foreign_page_gives_no_device() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let (token, _) = forgotten(&app).await;
    let request = browser.post(&format!("/reset/{token}")).header("origin", "https://evil.example");
    let answer = request.form(&[("password1", ANOTHER), ("password2", ANOTHER)]).await;
    assert!(answer.cookie("device").is_none(), "{}", answer.status);
}

/// The budgets of known devices are told like those of strangers, also of devices that have logged out.
#[tokio::test]
async fn owners_and_administrators_see_the_budgets_of_devices() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let id = ada.get("/api/v1/users/me").await.member("id");
    let phone = app.client().named("Phone").logged_in("ada").await;
    let _ = phone.post("/api/users/logout").await.expect(200);
    for _ in 0..10 {
        let _ = phone.log_in("ada", WRONG).await.expect(401);
    }
    let expected = json!([{"rule": "device_failures", "whose": "device", "failures": 10,
        "until": "2026-01-01T00:00:01.000Z"}]);
    assert_eq!(ada.get("/api/users/limits").await.expect(200).json(), expected);
    let root = admin_of(&app).await;
    let path = format!("/api/users/{id}/limits");
    assert_eq!(root.get(&path).await.expect(200).json(), expected);
    let _ = root.post(&format!("/api/users/{id}/unlock")).await.expect(200);
    assert_eq!(root.get(&path).await.expect(200).json(), json!([]));
}
