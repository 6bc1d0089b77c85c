//! `passwords.breached_file`: what is refused with it, and what happens when it is no good.

use std::{collections::BTreeSet, fs};

use http::StatusCode;
use serde_json::{Value, json};
use vestibule::core::{ports::breached_passwords::PasswordSha1, values::password::Password};

use crate::{client::Client, program::Folder};

const BREACHED: &str = "nobody guesses this sentence";

/// A file as Pwned Passwords has it.
fn hashes(passwords: &[&str]) -> String {
    let hash_of = |password: &&str| {
        let sha1 = PasswordSha1::of(&Password::new(password));
        sha1.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().concat()
    };
    let sorted: BTreeSet<_> = passwords.iter().map(hash_of).collect();
    sorted.iter().map(|hash| [hash, ":17\r\n"].concat()).collect::<Vec<_>>().concat()
}

fn with_file(name: &str) -> Folder {
    let folder = Folder::new();
    let path = folder.path(name).display().to_string();
    folder.with("VESTIBULE_PASSWORDS__BREACHED_FILE", &path)
}

/// The codes with which both routes refuse a password; none where both take it.
async fn refusals(client: Client, name: &str, password: &str) -> Vec<String> {
    let email = |route: &str| format!("{name}-{route}@people.example");
    let api = json!({ "email": email("api"), "password": password });
    let form =
        json!({ "email": email("web"), "username": name, "password1": password, "password2": password });
    let api = client.post("/api/v1/users", &api).await;
    let form = client.post("/api/users/register", &form).await;
    let codes = |body: &Value| -> Vec<_> {
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["code"].as_str().unwrap().to_owned()).collect()
    };
    let (found, found_too) = (codes(&api.json()), codes(&form.json()));
    assert_eq!(found, found_too);
    if let Some(first) = found.first() {
        for answer in [&api, &form] {
            assert_eq!((answer.status, answer.member("code")), (StatusCode::BAD_REQUEST, first.clone()));
        }
    }
    found
}

#[tokio::test]
async fn common_and_breached_passwords_are_refused_on_every_way_in() {
    let folder = with_file("pwned.txt");
    folder.write("pwned.txt", &hashes(&["password1", BREACHED, "another one"]));
    let server = folder.with("VESTIBULE_PASSWORDS__CONTEXT_WORDS", "Acme Corp").serve();
    let client = server.client();
    for (password, codes) in [
        ("password1", &["password_common", "password_breached"][..]),
        ("Password1", &["password_common"]),
        (BREACHED, &["password_breached"]),
        ("i like ACME CORP a lot", &["password_contains_name"]),
        ("it is at 127.0.0.1 now", &["password_contains_name"]),
        ("nobody guesses this sentence!", &[]),
    ] {
        assert_eq!(refusals(client, "ada", password).await, codes, "{password}");
    }
}

#[test]
fn an_administrator_gets_no_breached_password_either() {
    let folder = with_file("pwned.txt");
    folder.write("pwned.txt", &hashes(&[BREACHED]));
    let create = ["admin", "create", "--email", "a@b.example", "--username", "root1", "--password-stdin"];
    let ended = folder.run_with_input(&create, BREACHED);
    assert_ne!(ended.code, 0);
    assert!(ended.stderr.contains("Password is known from a data breach"), "{ended:?}");
    assert!(!ended.stderr.contains(BREACHED), "{ended:?}");
}

#[tokio::test]
async fn a_file_that_fails_later_refuses_nobody_and_is_told_once() {
    let folder = with_file("pwned.txt").with("VESTIBULE_METRICS_LISTEN", "127.0.0.1:0");
    folder.write("pwned.txt", &hashes(&["password1", BREACHED]));
    let server = folder.serve();
    let client = server.client();
    assert_eq!(refusals(client, "ada", BREACHED).await, ["password_breached"]);
    // The same file, cut under the server's hands.
    fs::write(folder.path("pwned.txt"), "").unwrap();
    assert_eq!(refusals(client, "ada", BREACHED).await, [""; 0]);
    assert_eq!(refusals(client, "bob", "password1").await, ["password_common"], "the other rules hold");
    let log = folder.log();
    assert_eq!(log.matches("the list of breached passwords gives no answer").count(), 1, "{log}");
    let metrics = server.banner.lines().find_map(|line| line.trim().strip_prefix("metrics    http://"));
    let metrics = Client::new(metrics.unwrap().strip_suffix("/metrics").unwrap().parse().unwrap());
    let page = metrics.get("/metrics").await.text;
    assert!(page.contains("\nvestibule_breached_checks_failed_total 4\n"), "{page}");
}

#[test]
fn a_file_that_cannot_be_searched_refuses_to_start() {
    for (text, told) in [
        (None, "it cannot be read"),
        (Some("password1\n".to_owned()), "at byte 0 no line begins with a SHA-1"),
        (Some(hashes(&["a", "b"]).lines().rev().collect::<Vec<_>>().join("\n")), "it is not sorted by hash"),
    ] {
        let folder = with_file("pwned.txt");
        if let Some(text) = text {
            folder.write("pwned.txt", &text);
        }
        for command in [&["serve"][..], &["config", "check"]] {
            let ended = folder.run(command);
            assert_eq!(ended.code, 2, "{ended:?}");
            assert!(ended.stderr.contains("passwords.breached_file names "), "{ended:?}");
            assert!(ended.stderr.contains(told), "{ended:?}");
        }
        assert!(!folder.path("vestibule-data").exists());
    }
    let ended =
        Folder::new().with("VESTIBULE_PASSWORDS__CONTEXT_WORDS", "Acme,a b").run(&["config", "check"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.stderr.contains("passwords.context_words has \"a b\""), "{ended:?}");
}
