//! A configuration that is wrong refuses to start, with a sentence and exit code 2.

use serde_json::Value;
use vestibule::core::values::secret::SecretKey;

use crate::program::Folder;

fn strong_secret() -> String {
    String::from_utf8(SecretKey::generate().expose().to_vec()).unwrap()
}

#[test]
fn init_writes_a_file_that_is_right_and_never_replaces_one_unasked() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["init"]).code, 0);
    let written = std::fs::read_to_string(folder.path("vestibule.toml")).unwrap();
    assert!(written.contains("#shutdown_grace = \"20s\""));
    assert_eq!(folder.run(&["config", "check"]).code, 0);
    folder.write("vestibule.toml", "# mine\n");
    let ended = folder.run(&["init"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("--force"), "{ended:?}");
    assert_eq!(std::fs::read_to_string(folder.path("vestibule.toml")).unwrap(), "# mine\n");
    assert_eq!(folder.run(&["init", "--force"]).code, 0);
}

#[test]
fn t30_what_is_wrong_is_told_by_every_command_and_nothing_is_made() {
    let folder = Folder::new();
    folder.write("vestibule.toml", "[server]\nshutdown_grase = \"1s\"\n");
    for command in [&["serve"][..], &["config", "check"], &["migrate"], &["keys", "list"]] {
        let ended = folder.run(command);
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.stderr.contains("vestibule.toml line 2"), "{ended:?}");
        assert!(ended.stderr.contains("did you mean server.shutdown_grace?"), "{ended:?}");
    }
    assert!(!folder.path("vestibule-data").exists());
}

#[test]
fn t30_an_unknown_variable_refuses_to_start() {
    let ended = Folder::new().with("VESTIBULE_TOKENS__ACCES_TTL", "1m").run(&["serve"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("did you mean VESTIBULE_TOKENS__ACCESS_TTL?"), "{ended:?}");
}

#[test]
fn t30_weak_secrets_refuse_to_start_and_are_not_repeated() {
    for weak in ["hunter2", "changeme-changeme-changeme-changeme", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ""]
    {
        let folder = Folder::new().with("VESTIBULE_SECRET_KEY", weak);
        let ended = folder.run(&["serve"]);
        assert_eq!(ended.code, 2, "{weak}");
        assert!(ended.stderr.contains("secret_key"), "{ended:?}");
        assert!(weak.is_empty() || !ended.stderr.contains(weak), "{ended:?}");
        assert!(!folder.path("vestibule-data").exists());
    }
}

#[test]
fn t30_production_refuses_plain_http_and_no_limits() {
    let folder =
        Folder::new().with("VESTIBULE_MODE", "production").with("VESTIBULE_THROTTLE__ENABLED", "false");
    let ended = folder.run(&["serve"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("https") && ended.stderr.contains("throttle.enabled"), "{ended:?}");
}

#[test]
fn t55_the_effective_configuration_shows_no_secret() {
    let (secret, previous) = (strong_secret(), strong_secret());
    let folder =
        Folder::new().with("VESTIBULE_SECRET_KEY", &secret).with("VESTIBULE_PREVIOUS_SECRET_KEYS", &previous);
    for arguments in [&["config", "check"][..], &["config", "check", "--json"]] {
        let ended = folder.run(arguments);
        assert_eq!(ended.code, 0);
        assert!(!ended.stdout.contains(&secret) && !ended.stdout.contains(&previous));
    }
    let shown: Value = serde_json::from_str(&folder.run(&["config", "check", "--json"]).stdout).unwrap();
    assert_eq!(shown["values"]["secret_key"], "(set)");
    assert_eq!(shown["values"]["listen"], "127.0.0.1:0");
    assert_eq!(shown["mode"], "development");
}

#[test]
fn a_named_file_must_be_there() {
    let folder = Folder::new();
    let ended = folder.run(&["config", "check", "--config", "missing.toml"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("missing.toml"), "{ended:?}");
    folder.write("named.toml", "[registration]\nenabled = false\n");
    let by_variable = folder.with("VESTIBULE_CONFIG", "named.toml").run(&["config", "check", "--json"]);
    let shown: Value = serde_json::from_str(&by_variable.stdout).unwrap();
    assert_eq!(shown["values"]["registration.enabled"], false);
}

#[test]
fn a_malformed_database_url_is_refused_without_repeating_it() {
    for url in ["postgres://u:hunter2@db", "postgres://u:hunter2@db:port/v", "mysql://u:hunter2@db/v"] {
        let ended = Folder::new().with("VESTIBULE_DATABASE_URL", url).run(&["serve"]);
        assert_eq!(ended.code, 2);
        assert!(ended.stderr.contains("database_url") && !ended.stderr.contains("hunter2"), "{ended:?}");
    }
}
