//! What commands answer: data for scripts, sentences for people, and an exit code that can be relied on.

use std::{fs::File, process::Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::program::{Ended, Folder, eventually};

const ED25519: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n";

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[test]
fn the_check_reads_the_files_of_keys() {
    let folder = Folder::new().with("VESTIBULE_TOKENS__SIGNING_KEY_FILE", "key.pem");
    let check = || folder.run(&["config", "check"]);
    assert!(check().stderr.contains("key.pem, which cannot be read"));
    folder.write("key.pem", "no key");
    let ended = check();
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.stderr.contains("tokens.signing_key_file"), "{ended:?}");
    folder.write("key.pem", ED25519);
    assert_eq!(check().code, 0);
}

#[test]
fn the_check_shows_what_the_configuration_comes_to() {
    let folder = Folder::new();
    assert_eq!(json(&folder.run(&["config", "check", "--json"]))["public_url"], Value::Null);
    let folder =
        folder.with("VESTIBULE_PUBLIC_URL", "https://login.example.org").with("VESTIBULE_MAIL__MODE", "off");
    let shown = json(&folder.run(&["config", "check", "--json"]));
    assert_eq!(
        (&shown["public_url"], &shown["mode"]),
        (&"https://login.example.org".into(), &"production".into())
    );
    assert_eq!(shown["values"]["tokens.refresh_max"], "90d");
    let text = folder.run(&["config", "check"]).stdout;
    assert!(text.contains("https://login.example.org") && text.contains("production"), "{text}");
}

#[test]
fn looking_for_keys_makes_nothing() {
    let folder = Folder::new();
    let ended = folder.run(&["keys", "list"]);
    assert_eq!(ended.code, 3);
    assert!(ended.stderr.contains("there is no database at"), "{ended:?}");
    assert!(!folder.path("vestibule-data").exists());
}

#[tokio::test]
async fn keys_are_listed_with_their_state_and_another_algorithm_is_told() {
    let folder = Folder::new();
    assert_eq!(folder.serve().stop().await.code(), Some(0));
    assert!(!folder.log().contains("tokens.algorithm"));
    let folder = folder.with("VESTIBULE_TOKENS__ALGORITHM", "ES256");
    assert_eq!(folder.serve().stop().await.code(), Some(0));
    let told = "tokens.algorithm is ES256 but the signing key is EdDSA; \"vestibule keys rotate\" changes it";
    assert!(folder.log().contains(told), "{}", folder.log());
    assert!(folder.run(&["keys", "rotate"]).stdout.contains(" (ES256) signs from now on."));
    assert_eq!(folder.run(&["keys", "rotate", "--compromised"]).code, 0);
    let keys = json(&folder.run(&["keys", "list", "--json"]));
    let states: Vec<_> = keys.as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["signing", "dead", "dead"]);
    assert!(folder.run(&["keys", "list"]).stdout.contains("dead since 2"));
    folder.write("key.pem", ED25519);
    let folder = folder.with("VESTIBULE_TOKENS__ALGORITHM", "EdDSA");
    let keys =
        json(&folder.with("VESTIBULE_TOKENS__SIGNING_KEY_FILE", "key.pem").run(&["keys", "list", "--json"]));
    assert_eq!(keys[0]["created_at"], Value::Null);
}

#[tokio::test]
async fn a_hang_up_changes_nothing() {
    let folder = Folder::new();
    let server = folder.serve();
    server.signal(Signal::SIGHUP);
    let told = async || folder.log().contains("SIGHUP is ignored").then_some(());
    eventually("it says that it goes on", told).await;
    assert_eq!(server.stop().await.code(), Some(0));
}

#[tokio::test]
async fn scripts_are_answered_in_json() {
    let folder = Folder::new();
    assert_eq!(json(&folder.run(&["init", "--json"]))["file"], "vestibule.toml");
    let server = folder.serve();
    let beside = Folder::new().with("VESTIBULE_LISTEN", &server.address.to_string());
    assert_eq!(json(&beside.run(&["healthcheck", "--json"]))["ready"], true);
    assert_eq!(server.stop().await.code(), Some(0));
    let ended = beside.run(&["healthcheck", "--json"]);
    assert_eq!((ended.code, &json(&ended)["ready"]), (1, &Value::Bool(false)));
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let folder = Folder::new();
    for arguments in [&["version"][..], &["config", "check", "--json"], &["openapi"], &["--help"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ended = folder.command(arguments).stdin(Stdio::null()).stdout(full).output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn help_tells_the_exit_codes_and_the_environment() {
    let help = Folder::new().run(&["--help"]).stdout;
    assert!(help.contains("Exit codes:") && help.contains("VESTIBULE_CONFIG"), "{help}");
    let help = Folder::new().run(&["keys", "rotate", "--help"]).stdout;
    assert!(help.contains("tokens.signing_key_file"), "{help}");
}

#[test]
fn where_the_log_is_json_a_failed_start_is_too() {
    let folder =
        Folder::new().with("VESTIBULE_LOG__FORMAT", "json").with("VESTIBULE_LISTEN", "192.0.2.1:8000");
    let folder =
        folder.with("VESTIBULE_PUBLIC_URL", "https://login.example.org").with("VESTIBULE_MAIL__MODE", "off");
    let ended = folder.run(&["serve"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    let lines: Vec<Value> = ended.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let error = lines.last().unwrap();
    assert_eq!(error["level"], "ERROR");
    assert!(error["help"].as_str().unwrap().contains("this machine has no address 192.0.2.1"), "{error}");
}
