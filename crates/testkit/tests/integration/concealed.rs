//! `registration.conceal_existing`: registering tells nobody who has an account (SPEC §1.2).

use std::time::Duration;

use serde_json::{Value, json};
use vestibule::core::{StartError, values::account::AccountId};
use vestibule_testkit::{Answer, Client, PASSWORD, TestApp, faults::Fault};

use super::confirmation::{only_letter, token_of};

const OTHER: &str = "another correct horse battery";

/// An application that conceals, where `ada` has an account that she has proved.
async fn concealing() -> TestApp {
    let app = TestApp::builder()
        .policy(|policy| {
            policy.registration.requires_confirmation = true;
            policy.registration.conceals_existing = true;
        })
        .start()
        .await;
    let _ = register(&app.client(), "ada@example.com", "ada", PASSWORD).await.expect(200);
    let link = token_of(&only_letter(&app).await);
    let _ = app.client().post(&format!("/api/users/confirm/{link}")).await.expect(200);
    app
}

async fn register(client: &Client, email: &str, username: &str, password: &str) -> Answer {
    let body = json!({"email": email, "username": username, "password1": password, "password2": password});
    client.post("/api/users/register").json(&body).await
}

async fn create(client: &Client, email: &str, username: &str) -> Answer {
    let body = json!({"email": email, "username": username, "password": OTHER});
    client.post("/api/v1/users").json(&body).await
}

/// Everything that an answer tells, but for what no two answers share.
fn told(answer: &Answer) -> (u16, Vec<String>, Value) {
    // The length is that of what was typed.
    let is_own = |name: &str| ["x-correlation-id", "content-length"].contains(&name);
    let headers = answer.headers.iter().filter(|(name, _)| !is_own(name.as_str()));
    let mut body = answer.json();
    for member in ["email", "username"] {
        assert!(body[member].take().is_string(), "{body}");
    }
    let id = body["id"].take();
    assert!(AccountId::read(id.as_str().unwrap()).unwrap().as_uuid().get_version_num() == 7, "{id}");
    (answer.status.as_u16(), headers.map(|pair| format!("{pair:?}")).collect(), body)
}

/// T52: the answer is the same and so is all the work before it, which never asks for the address.
#[tokio::test]
async fn t52_a_taken_address_and_a_free_one_are_answered_alike() {
    let app = concealing().await;
    let client = app.client();
    let (calls, hashes) = (|| app.store().take_calls(), || app.hasher().hashed());
    let _ = calls();
    let mut seen = Vec::new();
    for (number, email) in
        ["ada@example.com", "free@example.com", "ADA@EXAMPLE.com", "eve@example.com"].into_iter().enumerate()
    {
        let before = hashes();
        let answer = register(&client, email, &format!("name{number}"), OTHER).await;
        assert!(answer.cookies().is_empty());
        assert_eq!(answer.json()["email"], email, "as it was typed");
        seen.push((told(&answer), calls(), hashes() - before));
    }
    assert_eq!(seen[0].0.0, 200);
    assert_eq!(seen[0].1, ["find_credentials", "queue_errand"], "of the user name");
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:#?}");
    let mut seen = Vec::new();
    for (number, email) in ["ada@example.com", "bob@example.com"].into_iter().enumerate() {
        let answer = create(&client, email, &format!("other{number}")).await;
        seen.push((told(&answer), calls()));
    }
    assert_eq!(seen[0].0.0, 201);
    assert_eq!(seen[0], seen[1]);
}

/// T52: what comes of it in the store is the same, too, and only the letter differs.
#[tokio::test]
async fn t52_only_the_owner_is_told() {
    let app = concealing().await;
    let _ = app.store().take_calls();
    let _ = register(&app.client(), "Ada@Example.com", "thief", OTHER).await.expect(200);
    let letter = only_letter(&app).await;
    let of_taken = app.store().take_calls();
    assert_eq!(letter.to, "ada@example.com", "the address that the account has");
    assert!(letter.links.iter().all(|link| !link.contains("/confirm/")), "{:?}", letter.links);
    assert!(letter.code.is_none());
    assert!(letter.text.contains("There is one already"), "{}", letter.text);
    let _ = register(&app.client(), "free@example.com", "thief", OTHER).await.expect(200);
    let letter = only_letter(&app).await;
    assert_eq!(app.store().take_calls(), of_taken);
    assert_eq!(letter.to, "free@example.com");
    assert!(letter.links[0].contains("/confirm/"));
    let events = app.audit().await;
    let told = events.iter().filter(|event| event.kind == "register" && event.outcome == "failure");
    assert_eq!(told.map(|event| event.detail.as_str()).collect::<Vec<_>>(), ["email_taken"]);
}

/// T52: nothing that a stranger can ask afterwards tells what became of a registration.
#[tokio::test]
async fn t52_nothing_tells_what_became_of_a_registration() {
    let app = concealing().await;
    let stranger = app.client();
    for (email, username) in [("ada@example.com", "first"), ("free@example.com", "second")] {
        let _ = register(&stranger, email, username, OTHER).await.expect(200);
    }
    assert_eq!(app.mails().await.len(), 2);
    let mut seen = Vec::new();
    for (email, username) in [("ada@example.com", "first"), ("free@example.com", "second")] {
        let by_name = stranger.log_in(username, OTHER).await.expect_problem(401, "invalid_credentials");
        let by_email = stranger.log_in(email, OTHER).await.expect_problem(401, "invalid_credentials");
        let _ = app.store().take_calls();
        let body = json!({"email": email, "code": "00000000"});
        let by_code = stranger.post("/api/users/confirm_code").json(&body).await;
        let (by_code, attempt) = (by_code.expect_problem(403, "forbidden"), app.store().take_calls());
        // Whether the user name has become somebody's is what a second registration would ask.
        let again = register(&stranger, "third@example.com", username, OTHER).await.expect(200);
        let detail = |answer: &Answer| answer.json()["detail"].clone();
        seen.push((detail(&by_name), detail(&by_email), detail(&by_code), attempt, told(&again)));
    }
    assert_eq!(seen[0], seen[1]);
    // The attempts at codes that were counted are there in the store for both: an answer costs the same.
    let database = rusqlite::Connection::open(app.database()).unwrap();
    let counted = |email: &str| -> i64 {
        let sql = "SELECT SUM(code_attempts) FROM mailed_link WHERE email_canonical = ?1";
        database.query_row(sql, [email], |row| row.get(0)).unwrap()
    };
    assert_eq!((counted("ada@example.com"), counted("free@example.com")), (1, 1));
    let taken = register(&stranger, "ada@example.com", "ada", OTHER).await;
    assert_eq!(taken.expect_problem(400, "username_taken").json()["errors"].as_array().unwrap().len(), 1);
    let _ = create(&stranger, "new@example.com", "ada").await.expect_problem(409, "username_taken");
}

/// An account is what was promised, once its address is proved; by link or by code, with its password and its name.
#[tokio::test]
async fn an_account_is_made_when_its_address_is_proved() {
    let app = concealing().await;
    let promised = register(&app.client(), "bob@example.com", "bob", OTHER).await.expect(200).json();
    let letter = only_letter(&app).await;
    let database = rusqlite::Connection::open(app.database()).unwrap();
    let accounts =
        || -> i64 { database.query_row("SELECT COUNT(*) FROM account", [], |row| row.get(0)).unwrap() };
    assert_eq!(accounts(), 1);
    let body = json!({"email": "bob@example.com", "code": letter.code.clone().unwrap()});
    let _ = app.client().post("/api/users/confirm_code").json(&body).await.expect(200);
    let made = app.client().log_in("bob", OTHER).await.expect(200).json();
    for member in ["id", "email", "username", "full_name", "created_at", "permissions"] {
        assert_eq!(made[member], promised[member], "{member}");
    }
    assert_eq!((&promised["confirmed"], &made["confirmed"]), (&json!(false), &json!(true)));
    let link = token_of(&letter);
    let _ = app.client().post(&format!("/api/users/confirm/{link}")).await.expect_problem(403, "forbidden");
    assert_eq!(accounts(), 2);
    // The page does the same as the route.
    let _ = register(&app.client(), "cyd@example.com", "cyd", OTHER).await.expect(200);
    let link = token_of(&only_letter(&app).await);
    let _ = app.client().get(&format!("/confirm/{link}")).await.expect(200);
    assert_eq!(accounts(), 2, "looking changes nothing");
    let _ = app.client().post(&format!("/confirm/{link}")).await.expect(200);
    let _ = app.client().log_in("cyd@example.com", OTHER).await.expect(200);
}

/// Whoever registers an address of somebody else's cannot take the registration of its owner away.
#[tokio::test]
async fn each_registration_has_its_own_link_and_the_first_proof_wins() {
    let app = concealing().await;
    let _ = register(&app.client(), "bob@example.com", "bob", PASSWORD).await.expect(200);
    let own = token_of(&only_letter(&app).await);
    let _ = register(&app.client(), "bob@example.com", "bob", OTHER).await.expect(200);
    let theirs = token_of(&only_letter(&app).await);
    let _ = app.client().post(&format!("/api/users/confirm/{own}")).await.expect(200);
    let _ = app.client().post(&format!("/api/users/confirm/{theirs}")).await.expect_problem(403, "forbidden");
    let _ = app.client().log_in("bob", PASSWORD).await.expect(200);
    let _ = app.client().log_in("bob", OTHER).await.expect_problem(401, "invalid_credentials");
    // Who comes second to a user name has an account without one.
    for (email, name) in [("one@example.com", "shared"), ("two@example.com", "shared")] {
        let _ = register(&app.client(), email, name, OTHER).await.expect(200);
        app.clock().advance(Duration::from_secs(1));
    }
    // Letters of one moment come in any order.
    let mut letters = app.mails().await;
    letters.sort_by(|one, other| one.to.cmp(&other.to));
    for letter in letters {
        let _ = app.client().post(&format!("/api/users/confirm/{}", token_of(&letter))).await.expect(200);
    }
    let second = app.client().log_in("two@example.com", OTHER).await.expect(200).json();
    assert_eq!(second["username"], json!(null));
}

/// Strangers cannot have an owner's mailbox filled, nor anybody else's, and what is limited is not told.
#[tokio::test]
async fn mails_to_an_address_are_limited_in_silence() {
    let app = concealing().await;
    for email in ["ada@example.com", "free@example.com"] {
        for number in 0..4 {
            let name = format!("{}{number}", &email[..3]);
            let _ = register(&app.client(), email, &name, OTHER).await.expect(200);
        }
        let letters = app.mails().await;
        // One of the address that has an account was counted when that was made.
        let expected = if email.starts_with("ada") { 1 } else { 2 };
        assert_eq!(letters.len(), expected, "{email}");
    }
    app.clock().advance(Duration::from_mins(30));
    let _ = register(&app.client(), "ada@example.com", "late", OTHER).await.expect(200);
    assert_eq!(app.mails().await.len(), 1);
}

/// T52: who has an account asks in vain, too, and the owner is told.
#[tokio::test]
async fn t52_changing_an_address_tells_nothing_either() {
    let app = concealing().await;
    let _ = register(&app.client(), "bob@example.com", "bob", PASSWORD).await.expect(200);
    let link = token_of(&only_letter(&app).await);
    let _ = app.client().post(&format!("/api/users/confirm/{link}")).await.expect(200);
    let bob = app.client().logged_in("bob").await;
    let id = bob.get("/api/v1/users/me").await.json()["id"].as_str().unwrap().to_owned();
    let mut answers = Vec::new();
    for email in ["ada@example.com", "free@example.com"] {
        let body = json!({"email": email, "password": PASSWORD});
        let answer = bob.post(&format!("/api/users/{id}/change_email")).json(&body).await;
        answers.push((answer.status, answer.text()));
        assert_eq!(only_letter(&app).await.to, email);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, 200);
}

/// T52: whoever asks for somebody's address after their own cannot tell by the older link, nor by what is asked of the store,
/// nor by a code; and not either where nobody is written to any more.
#[tokio::test]
async fn t52_an_older_link_ends_whether_or_not_the_new_address_is_taken() {
    let app = concealing().await;
    let _ = register(&app.client(), "eve@example.com", "eve", PASSWORD).await.expect(200);
    let link = token_of(&only_letter(&app).await);
    let _ = app.client().post(&format!("/api/users/confirm/{link}")).await.expect(200);
    let change = async |email: &str| {
        let eve = app.client().logged_in("eve").await;
        let id = eve.get("/api/v1/users/me").await.json()["id"].as_str().unwrap().to_owned();
        let body = json!({"email": email, "password": PASSWORD});
        let _ = app.store().take_calls();
        let answer = eve.post(&format!("/api/users/{id}/change_email")).json(&body).await;
        (told_of_change(&answer), app.store().take_calls())
    };
    for is_full in [false, true] {
        let mut seen = Vec::new();
        for target in ["ada@example.com", "free@example.com"] {
            app.clock().advance(Duration::from_mins(30));
            for number in 0..if is_full { 2 } else { 0 } {
                let name = format!("{}{number}", &target[..3]);
                let _ = register(&app.client(), target, &name, OTHER).await.expect(200);
            }
            let _ = (app.mails().await, change("second@example.com").await);
            let older = token_of(&only_letter(&app).await);
            let changed = change(target).await;
            let letters: Vec<_> = app.mails().await.into_iter().map(|letter| letter.to).collect();
            assert_eq!(letters.len(), usize::from(!is_full), "{target}: {letters:?}");
            assert!(letters.iter().all(|to| to == target), "{letters:?}");
            let by_link = app.client().post(&format!("/api/users/confirm/{older}")).await;
            let body = json!({"email": target, "code": "00000000"});
            let by_code = app.client().post("/api/users/confirm_code").json(&body).await;
            let database = rusqlite::Connection::open(app.database()).unwrap();
            let sql = "SELECT COALESCE(SUM(code_attempts), 0) FROM mailed_link \
                       WHERE email_canonical = ?1 AND purpose = 'confirm'";
            let counted: i64 = database.query_row(sql, [target], |row| row.get(0)).unwrap();
            seen.push((changed, by_link.status.as_u16(), by_code.status.as_u16(), counted));
        }
        assert_eq!((seen[0].0.0.0, seen[0].1, seen[0].2, seen[0].3), (200, 403, 403, 1));
        assert_eq!(seen[0], seen[1], "full: {is_full}");
    }
    let _ = app.client().log_in("eve@example.com", PASSWORD).await.expect(200);
}

/// Everything that the answer to a change of address tells.
fn told_of_change(answer: &Answer) -> (u16, Vec<String>, String) {
    let headers = answer.headers.iter().filter(|(name, _)| *name != "x-correlation-id");
    (answer.status.as_u16(), headers.map(|pair| format!("{pair:?}")).collect(), answer.text())
}

/// T18: whoever registers somebody else's address over and over takes neither their letter nor their password from them.
#[tokio::test]
async fn t18_nobody_silences_the_registration_of_somebody_else() {
    let app = concealing().await;
    let mallory = app.client().from_address("198.51.100.66");
    for number in 0..4 {
        let name = format!("mallory{number}");
        let _ = register(&mallory, "victim@example.com", &name, OTHER).await.expect(200);
    }
    let theirs = app.mails().await;
    assert_eq!(theirs.len(), 2, "one network fills no mailbox");
    assert!(theirs.iter().all(|letter| letter.text.contains("198.51.100.66")), "{}", theirs[0].text);
    app.clock().advance(Duration::from_mins(1));
    let victim = app.client().from_address("203.0.113.7");
    let _ = register(&victim, "victim@example.com", "victim", PASSWORD).await.expect(200);
    let own = only_letter(&app).await;
    assert!(own.text.contains("203.0.113.7") && !own.text.contains("198.51.100.66"), "{}", own.text);
    assert!(own.html.contains("203.0.113.7"));
    let _ = victim.post(&format!("/api/users/confirm/{}", token_of(&own))).await.expect(200);
    let _ = victim.log_in("victim", PASSWORD).await.expect(200);
    for letter in theirs {
        let refused = mallory.post(&format!("/api/users/confirm/{}", token_of(&letter))).await;
        let _ = refused.expect_problem(403, "forbidden");
    }
    let _ = mallory.log_in("victim@example.com", OTHER).await.expect_problem(401, "invalid_credentials");
    // The owner of a taken address is told who asked, too.
    let _ = register(&mallory, "ada@example.com", "newcomer", OTHER).await.expect(200);
    let told = only_letter(&app).await;
    assert!(told.text.contains("198.51.100.66") && told.code.is_none(), "{}", told.text);
}

/// And from many networks a mailbox is not filled either.
#[tokio::test]
async fn mails_to_an_address_are_limited_from_all_networks_together() {
    let app = concealing().await;
    for number in 0..8 {
        let stranger = app.client().from_address(&format!("198.51.100.{number}"));
        for time in 0..2 {
            let name = format!("name{number}{time}");
            let _ = register(&stranger, "victim@example.com", &name, OTHER).await.expect(200);
        }
    }
    assert_eq!(app.mails().await.len(), 10, "as many as five networks may have sent");
}

/// A store that fails between the answer and the letter costs neither the registration nor one of the letters.
#[tokio::test]
async fn t58_an_outage_after_the_answer_is_made_up_for() {
    let app = concealing().await;
    let _ = register(&app.client(), "bob@example.com", "bob", OTHER).await.expect(200);
    for _ in 0..3 {
        app.store().fail("keep_registration", Fault::Before);
        assert!(app.mails().await.is_empty());
        app.store().heal();
        app.clock().advance(Duration::from_hours(1));
    }
    let link = token_of(&only_letter(&app).await);
    for method in ["find_registration", "complete_registration"] {
        app.store().fail(method, Fault::Before);
        let answer = app.client().post(&format!("/api/users/confirm/{link}")).await;
        app.store().heal();
        let _ = answer.expect_problem(503, "unavailable");
    }
    let _ = app.client().post(&format!("/api/users/confirm/{link}")).await.expect(200);
}

/// Rules that would break the promise do not start.
#[tokio::test]
async fn what_would_tell_after_all_does_not_start() {
    let refused = TestApp::builder()
        .policy(|policy| policy.registration.conceals_existing = true)
        .try_start()
        .await
        .unwrap_err();
    assert!(matches!(refused, StartError::Policy(_)), "{refused}");
    assert!(refused.to_string().contains("logged in at once"));
}
