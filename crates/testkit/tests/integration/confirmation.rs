//! Proving that an address is one's own (SPEC §1.2).

use std::time::Duration;

use serde_json::json;
use vestibule_mail::Received;
use vestibule_testkit::{Client, PASSWORD, TestApp, faults::Fault};

/// The last part of the link in a letter.
pub(super) fn token_of(letter: &Received) -> String {
    letter.links[0].rsplit('/').next().unwrap().to_owned()
}

/// The only letter that has come.
pub(super) async fn only_letter(app: &TestApp) -> Received {
    let mut letters = app.mails().await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    letters.remove(0)
}

async fn is_confirmed(client: &Client) -> bool {
    let answer = client.get("/api/users/confirm").await.expect(200).json();
    assert!(answer["email"].as_str().unwrap().ends_with("@example.com"));
    answer["confirmed"].as_bool().unwrap()
}

async fn confirm(client: &Client, token: &str) -> u16 {
    client.post(&format!("/api/users/confirm/{token}")).await.status.as_u16()
}

#[tokio::test]
async fn whoever_registers_is_written_to_and_confirms_once() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let letter = only_letter(&app).await;
    assert_eq!(letter.to, "ada@example.com");
    assert!(letter.links[0].starts_with("http://127.0.0.1:8000/confirm/"), "{:?}", letter.links);
    // However the code is grouped for the eye.
    let digits: String = letter.text.chars().filter(char::is_ascii_digit).collect();
    assert!(digits.contains(letter.code.as_deref().unwrap()), "{}", letter.text);
    assert!(!is_confirmed(&ada).await);
    // Whoever reads the mail need not be logged in.
    let stranger = app.client();
    let token = token_of(&letter);
    assert_eq!(confirm(&stranger, &token).await, 200);
    assert!(is_confirmed(&ada).await);
    let again = stranger.post(&format!("/api/users/confirm/{token}")).await;
    assert!(
        again.expect_problem(403, "forbidden").json()["detail"].as_str().unwrap().contains("link or code")
    );
    let answer = ada.post("/api/users/confirm").await.expect_problem(400, "email_already_confirmed");
    assert_eq!(answer.json()["detail"], "Email already confirmed");
    let events = app.audit().await;
    assert!(events.iter().any(|event| event.kind == "address_confirmed" && event.outcome == "success"));
    assert!(app.mails().await.is_empty());
}

/// T15: expiry is a matter of the clock and not of who has cleaned up.
#[tokio::test]
async fn t15_a_link_ends_with_its_time_and_with_its_successor() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let first = token_of(&only_letter(&app).await);
    let _ = ada.post("/api/users/confirm").await.expect(200);
    let second = token_of(&only_letter(&app).await);
    assert_eq!(confirm(&app.client(), &first).await, 403, "superseded");
    app.clock().advance(Duration::from_hours(24));
    assert_eq!(confirm(&app.client(), &second).await, 403, "expired");
    for token in ["", "x", "%ff", &"A".repeat(43), &"A".repeat(5000)] {
        assert!([403, 404].contains(&confirm(&app.client(), token).await), "{token:.50}");
    }
}

/// T15: a clock that is set right moves a link's end with it, and never brings a used or replaced one back.
#[tokio::test]
async fn t15_a_link_follows_a_clock_that_jumps() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let first = token_of(&only_letter(&app).await);
    app.clock().advance(Duration::from_hours(24 * 365));
    assert_eq!(confirm(&app.client(), &first).await, 403, "a year ahead");
    app.clock().turn_back(Duration::from_hours(24 * 365));
    let _ = ada.post("/api/users/confirm").await.expect(200);
    let second = token_of(&only_letter(&app).await);
    app.clock().turn_back(Duration::from_hours(24 * 365));
    assert_eq!(confirm(&app.client(), &first).await, 403, "replaced, whatever the clock says");
    assert_eq!(confirm(&app.client(), &second).await, 200);
    assert_eq!(confirm(&app.client(), &second).await, 403, "used");
}

#[tokio::test]
async fn the_third_request_in_half_an_hour_waits() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    for _ in 0..2 {
        let _ = ada.post("/api/users/confirm").await.expect(200);
    }
    let answer = ada.post("/api/users/confirm").await.expect_problem(429, "rate_limited");
    assert_eq!(answer.header("retry-after"), Some("1800"));
    assert_eq!(app.mails().await.len(), 3, "that of the registration is not counted");
    app.clock().advance(Duration::from_mins(30));
    // The access token has expired meanwhile.
    let ada = app.client().logged_in("ada").await;
    let _ = ada.post("/api/users/confirm").await.expect(200);
    let _ = app.client().post("/api/users/confirm").await.expect_problem(401, "not_authenticated");
}

/// T51: a code has its own cap; the fifth wrong one is the last, and the link lives on.
#[tokio::test]
async fn t51_codes_are_good_for_five_attempts() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let letter = only_letter(&app).await;
    let (stranger, code) = (app.client(), letter.code.clone().unwrap());
    let attempt = |email: &str, code: &str| {
        stranger.post("/api/users/confirm_code").json(&json!({"email": email, "code": code}))
    };
    let wrong = if code == "00000000" { "00000001" } else { "00000000" };
    for _ in 0..4 {
        let _ = attempt("ada@example.com", wrong).await.expect_problem(403, "forbidden");
    }
    let spaced = format!("{} {}", &code[..4], &code[4..]);
    let _ = attempt("eve@example.com", &code).await.expect_problem(403, "forbidden");
    let _ = attempt("ADA@Example.com", &spaced).await.expect(200);
    assert!(is_confirmed(&ada).await);

    let _ = app.client().registered("eve").await;
    let letter = only_letter(&app).await;
    let code = letter.code.clone().unwrap();
    let wrong = if code == "00000000" { "00000001" } else { "00000000" };
    for _ in 0..5 {
        let _ = attempt("eve@example.com", wrong).await.expect_problem(403, "forbidden");
    }
    let _ = attempt("eve@example.com", &code).await.expect_problem(403, "forbidden");
    assert_eq!(confirm(&app.client(), &token_of(&letter)).await, 200);
}

/// T01: nothing that a request says of hosts reaches a mailed link.
#[tokio::test]
async fn t01_links_lead_to_the_public_url_whatever_the_request_says() {
    let app = TestApp::builder_at("https://id.example.org").start().await;
    let body =
        json!({"email": "ada@example.com", "username": "ada", "password1": PASSWORD, "password2": PASSWORD});
    let request = app.client().post("/api/users/register").json(&body);
    let _ = request
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example;proto=http")
        .header("x-original-url", "https://evil.example/")
        .header("x-forwarded-proto", "http")
        .await
        .expect(200);
    let forgot = app.client().post("/api/users/forgot_password").json(&json!({"email": "ada@example.com"}));
    let _ =
        forgot.header("host", "evil.example").header("x-forwarded-host", "evil.example").await.expect(200);
    let letters = app.mails().await;
    assert_eq!(letters.len(), 2);
    for letter in letters {
        assert!(letter.links[0].starts_with("https://id.example.org/"), "{:?}", letter.links);
        for part in [&letter.subject, &letter.text, &letter.html] {
            assert!(!part.contains("evil"), "{part}");
        }
    }
}

#[tokio::test]
async fn people_are_written_to_in_the_language_they_asked_for() {
    let app = TestApp::start().await;
    let mut subjects = std::collections::HashSet::new();
    for (name, accepted) in [("ada", "de-AT, en;q=0.5"), ("eve", "fr"), ("bob", "es"), ("joe", "it")] {
        let email = format!("{name}@example.com");
        let body = json!({"email": email, "username": name, "password1": PASSWORD, "password2": PASSWORD});
        let request = app.client().post("/api/users/register").json(&body);
        let _ = request.header("accept-language", accepted).await.expect(200);
        subjects.insert(only_letter(&app).await.subject);
    }
    assert_eq!(subjects.len(), 4, "{subjects:?}");
    // Long afterwards, too: the account remembers.
    let forgot = app.client().post("/api/users/forgot_password").json(&json!({"email": "ada@example.com"}));
    let _ = forgot.header("accept-language", "fr").await.expect(200);
    assert!(only_letter(&app).await.html.contains("lang=\"de\""));
}

/// T58: an outage is never a success, and what was not confirmed can be later.
#[tokio::test]
async fn t58_an_outage_confirms_nothing_and_costs_nothing() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let token = token_of(&only_letter(&app).await);
    for method in ["find_link", "confirm_address"] {
        app.store().fail(method, Fault::Before);
        assert_eq!(confirm(&app.client(), &token).await, 503, "{method}");
        app.store().heal();
    }
    app.store().fail("issue_link", Fault::Before);
    let _ = ada.post("/api/users/confirm").await.expect_problem(503, "unavailable");
    app.store().heal();
    assert!(app.mails().await.is_empty());
    assert_eq!(confirm(&app.client(), &token).await, 200);
}
