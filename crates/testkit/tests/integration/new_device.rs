//! Logins from devices that are new to an account: told to its owner once, and to nobody without end (SPEC §6).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use vestibule::core::{
    ports::{clock::Timestamp, store::KnownDevices as _},
    values::account::AccountId,
};
use vestibule_mail::Received;
use vestibule_testkit::{Client, PASSWORD, TestApp, TestAppBuilder, faults::Fault};

use super::{
    account_changes::id_of,
    confirmation::{only_letter, token_of},
};

const PHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1";
const DAY: Duration = Duration::from_hours(24);

/// Ada's browser, whose address is proved; the letters so far are taken.
async fn ada(app: &TestApp) -> Client {
    let ada = app.client().named("Ada's browser").registered("ada").await;
    let letter = only_letter(app).await;
    let _ = ada.post(&format!("/api/users/confirm/{}", token_of(&letter))).await.expect(200);
    ada
}

/// The letters about new devices that have come since.
async fn told(app: &TestApp) -> Vec<Received> {
    let letters = app.mails().await;
    assert!(letters.iter().all(|letter| letter.to == "ada@example.com"), "{letters:?}");
    letters.into_iter().filter(|letter| letter.subject.contains("New login")).collect()
}

/// A program, which keeps no cookies.
async fn program(app: &TestApp, name: &str, address: &str) {
    let program = app.client().named(name).from_address(address);
    let _ = program.tokens("ada").await;
}

#[tokio::test]
async fn a_login_from_a_new_device_is_told_with_when_where_and_what_to_do() {
    let app = TestApp::start().await;
    let ada = ada(&app).await;
    app.clock().advance(Duration::from_hours(3));
    let phone = app.client().named(PHONE).from_address("2001:db8::7");
    let _ = phone.clone().logged_in("ada").await;
    let letters = told(&app).await;
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!(letter.subject, "New login to your account at Example");
    for part in [
        "Hello ada,",
        "1 January 2026",
        "03:00",
        "2001:db8::7",
        "Device: Safari, iPhone",
        "Choose a new password",
    ] {
        assert!(letter.text.contains(part), "{part}: {}", letter.text);
    }
    assert!(letter.html.contains("Safari, iPhone") && letter.html.contains("2001:db8::7"), "{}", letter.html);
    assert!(
        letter.code.is_none() && letter.links.iter().all(|link| link.starts_with("http://127.0.0.1:8000"))
    );

    // Neither again, nor when it refreshes, nor where its owner has been all the time.
    let _ = phone.post("/api/users/token/refresh").await.expect(200);
    let _ = phone.post("/api/users/logout").await.expect(200);
    let _ = phone.clone().from_address("198.51.100.1").named("Phone 2").logged_in("ada").await;
    let _ = ada.clone().logged_in("ada").await;
    assert_eq!(told(&app).await.len(), 0);
}

/// T60: whoever logs in writes a part of the letter; nothing of it becomes a link, a tag or a template.
#[tokio::test]
async fn t60_a_hostile_user_agent_is_not_repeated() {
    let app = TestApp::start().await;
    let _ = ada(&app).await;
    for name in ["<b>bold</b> {{ 7777*7777 }}", "Confirm at https://evil.example/x", "www.evil.example"] {
        let _ = app.client().named(name).logged_in("ada").await;
        app.clock().advance(Duration::from_mins(30));
        let letter = only_letter(&app).await;
        for text in [&letter.subject, &letter.text, &letter.html] {
            assert!(
                !text.contains("evil") && !text.contains("<b>bold") && !text.contains("60481729"),
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn the_letter_is_in_the_owners_language() {
    for (language, subject) in
        [("de", "Neue Anmeldung"), ("fr", "Nouvelle connexion"), ("es", "Nuevo inicio de sesión")]
    {
        let app = TestApp::start().await;
        let body = json!({"email": "ada@example.com", "username": "ada", "password1": PASSWORD,
            "password2": PASSWORD});
        let register = app.client().post("/api/users/register").header("accept-language", language);
        let _ = register.json(&body).await.expect(200);
        let _ = app.mails().await;
        let _ = app.client().named("Phone").logged_in("ada").await;
        let letter = only_letter(&app).await;
        assert!(letter.subject.starts_with(subject), "{language}: {}", letter.subject);
        assert!(letter.text.contains("Phone"), "{}", letter.text);
    }
}

/// Whoever has just made the account needs no letter about themselves, with or without a session.
#[tokio::test]
async fn whoever_registers_is_told_nothing() {
    for is_first_proved in [false, true] {
        let app = TestApp::builder()
            .policy(|policy| policy.registration.requires_confirmation = is_first_proved)
            .start()
            .await;
        let browser = app.client().registered("ada").await;
        let letter = only_letter(&app).await;
        let _ = browser.post(&format!("/api/users/confirm/{}", token_of(&letter))).await.expect(200);
        let _ = browser.clone().logged_in("ada").await;
        let _ = app.client().logged_in("ada").await;
        program(&app, "testkit", "192.0.2.1").await;
        assert_eq!(told(&app).await.len(), 0);
        program(&app, "elsewhere", "192.0.2.1").await;
        assert_eq!(told(&app).await.len(), 1);
    }
}

/// An account whose registration told nobody whether it would be made.
#[tokio::test]
async fn a_concealed_registration_is_a_registration() {
    let app = TestApp::builder()
        .policy(|policy| {
            policy.registration.conceals_existing = true;
            policy.registration.requires_confirmation = true;
        })
        .start()
        .await;
    let browser = app.client();
    let body = json!({"email": "ada@example.com", "username": "ada", "password1": PASSWORD,
        "password2": PASSWORD});
    let _ = browser.post("/api/users/register").json(&body).await;
    let letter = only_letter(&app).await;
    let _ = browser.post(&format!("/api/users/confirm/{}", token_of(&letter))).await.expect(200);
    let _ = browser.clone().logged_in("ada").await;
    assert_eq!(told(&app).await.len(), 0);
    let _ = app.client().named("Phone").logged_in("ada").await;
    assert_eq!(told(&app).await.len(), 1);
}

/// One letter, and not one a minute; and one more once it has not come for as long as a device is known.
#[tokio::test]
async fn a_program_that_logs_in_each_minute_is_told_of_once() {
    let app = TestApp::start().await;
    let _ = ada(&app).await;
    for _ in 0..30 {
        program(&app, "backup/1.0", "203.0.113.5").await;
        app.clock().advance(Duration::from_mins(1));
    }
    assert_eq!(told(&app).await.len(), 1);
    for _ in 0..6 {
        app.clock().advance(DAY * 40);
        program(&app, "backup/1.0", "203.0.113.5").await;
        app.auth().delete_expired().await.unwrap();
    }
    assert_eq!(told(&app).await.len(), 0, "it is in use");
    program(&app, "backup/1.0", "203.0.113.6").await;
    program(&app, "backup/1.1", "203.0.113.5").await;
    assert_eq!(told(&app).await.len(), 2);
    app.clock().advance(DAY * 181);
    program(&app, "backup/1.0", "203.0.113.5").await;
    assert_eq!(told(&app).await.len(), 1);
}

/// Somebody else's browser can look the same: a place is known for a day, and no longer because it is come back to.
#[tokio::test]
async fn a_browser_without_its_cookie_is_new_once_a_day() {
    let app = TestApp::start().await;
    let _ = ada(&app).await;
    let stranger = || app.client().named("Chrome").from_address("203.0.113.5");
    let mut letters = Vec::new();
    for _ in 0..8 {
        let _ = stranger().logged_in("ada").await;
        letters.push(told(&app).await.len());
        app.clock().advance(Duration::from_hours(8));
    }
    assert_eq!(letters, [1, 0, 0, 1, 0, 0, 1, 0]);
}

#[tokio::test]
async fn logins_at_once_are_told_of_once() {
    let app = TestApp::start().await;
    let _ = ada(&app).await;
    let [one, two, three] = std::array::from_fn(|_| app.client().named("Phone"));
    let (one, two, three) =
        tokio::join!(one.log_in("ada", PASSWORD), two.log_in("ada", PASSWORD), three.log_in("ada", PASSWORD));
    for answer in [one, two, three] {
        let _ = answer.expect(200);
    }
    assert_eq!(told(&app).await.len(), 1);
}

/// Another account's cookie, one that was changed, the owner's own id without its MAC, and the owner's cookie after it has
/// run out.
#[tokio::test]
async fn no_forged_cookie_keeps_the_letter_back() {
    let app = TestApp::builder().policy(|policy| policy.throttle.mails = 100).start().await;
    let ada = ada(&app).await;
    let own = ada.cookie("device").unwrap();
    let eve = app.client().named("Eve's browser").registered("eve").await.cookie("device").unwrap();
    let _ = app.mails().await;
    let (head, last) = own.split_at(own.len() - 2);
    let changed = format!("{head}{}", if last == "AA" { "BB" } else { "AA" });
    // The number alone, without the MAC that says whose device it is.
    let bytes = URL_SAFE_NO_PAD.decode(own.strip_prefix("vd1.").unwrap()).unwrap();
    let number = format!("vd1.{}", URL_SAFE_NO_PAD.encode(&bytes[..16]));
    for (number, planted) in [eve, changed, number, "vd1.AAAA".into()].iter().enumerate() {
        let thief = app.client().named(&format!("thief {number}"));
        thief.plant_cookie("device", planted);
        let _ = thief.logged_in("ada").await;
        assert_eq!(told(&app).await.len(), 1, "{number}");
    }
    app.clock().advance(DAY * 180);
    let late = app.client().named("thief");
    late.plant_cookie("device", &own);
    let _ = late.logged_in("ada").await;
    assert_eq!(told(&app).await.len(), 1);
}

/// Whoever knows the password cannot fill the mailbox either; and what was not told is told at its next login.
#[tokio::test]
async fn the_mailbox_is_not_flooded() {
    let app = TestApp::start().await;
    let _ = ada(&app).await;
    for number in 0..40 {
        program(&app, &format!("thief/{number}"), "203.0.113.5").await;
    }
    assert_eq!(told(&app).await.len(), 2);
    app.clock().advance(Duration::from_mins(30));
    program(&app, "thief/39", "203.0.113.5").await;
    program(&app, "thief/39", "203.0.113.5").await;
    assert_eq!(told(&app).await.len(), 1);
}

/// Anybody can register with anybody's address: until it is proved, a letter a day.
#[tokio::test]
async fn an_address_that_nobody_has_proved_gets_a_letter_a_day() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    let _ = app.mails().await;
    let mut letters = 0;
    for number in 0..24 {
        program(&app, &format!("program/{number}"), "203.0.113.5").await;
        letters += told(&app).await.len();
        app.clock().advance(Duration::from_hours(1) - Duration::from_millis(1));
    }
    assert_eq!(letters, 1);
}

#[tokio::test]
async fn a_failed_login_is_told_to_nobody_and_leaves_nothing() {
    let app = TestApp::start().await;
    let ada = ada(&app).await;
    let id = AccountId::read(&id_of(&ada).await).unwrap();
    let known = async || app.store().list_known_devices(id, Timestamp::EPOCH).await.unwrap().len();
    let before = known().await;
    let _ = app.client().named("Phone").log_in("ada", "wrong password").await.expect(401);
    app.store().fail("open_session", Fault::Before);
    let _ = app.client().named("Phone").log_in("ada", PASSWORD).await.expect(503);
    app.store().heal();
    assert_eq!((told(&app).await.len(), known().await), (0, before));
}

/// Nobody knows whether the owner is told: the letter about a login whose answer was lost is not.
#[tokio::test]
async fn the_letter_comes_with_the_session_and_not_with_its_answer() {
    let app = TestApp::start().await;
    let _ = ada(&app).await;
    app.store().fail("open_session", Fault::After);
    let _ = app.client().named("Phone").log_in("ada", PASSWORD).await.expect(503);
    app.store().heal();
    assert_eq!(told(&app).await.len(), 1);
}

fn silent() -> TestAppBuilder {
    TestApp::builder().policy(|policy| policy.mail.tells_of_new_devices = false)
}

/// What was a device's first login stays one when letters are wanted again.
#[tokio::test]
async fn nobody_is_told_where_that_is_switched_off() {
    let app = silent().start().await;
    let _ = ada(&app).await;
    program(&app, "backup/1.0", "203.0.113.5").await;
    assert_eq!(told(&app).await.len(), 0);
    let app = app.stop().await.policy(|policy| policy.mail.tells_of_new_devices = true).start().await;
    program(&app, "backup/1.0", "203.0.113.5").await;
    assert_eq!(told(&app).await.len(), 0);
    program(&app, "backup/1.1", "203.0.113.5").await;
    assert_eq!(told(&app).await.len(), 1);
}

/// What is kept of devices belongs to the account: its owner takes it along, and it goes with the account.
#[tokio::test]
async fn known_devices_are_the_owners_data() {
    let app = TestApp::start().await;
    let ada = ada(&app).await;
    app.clock().advance(Duration::from_mins(1));
    program(&app, "backup/1.0", "203.0.113.5").await;
    let document = ada.get("/api/users/export").await.expect(200).json();
    let newest = json!({"since": "2026-01-01T00:01:00.000Z", "until": "2026-06-30T00:01:00.000Z",
        "told_at": "2026-01-01T00:01:00.000Z"});
    let devices = document["known_devices"].as_array().unwrap();
    assert_eq!((devices.len(), &devices[0]), (3, &newest), "and the browser that registered, and its place");
    assert_eq!(devices[1]["told_at"], json!(null));
}
