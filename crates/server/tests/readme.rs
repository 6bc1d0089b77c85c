//! What the documentation shows, run: the curl tour against the real binary, the programs that verify our tokens, the
//! library example, every command, every path and every link. An example that nothing here runs fails.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests; the functions they share are not marked as tests"
)]

#[path = "readme/documents.rs"]
mod documents;
#[path = "readme/programs.rs"]
mod programs;

use std::process::Command;

use documents::{Example, GUIDES, documents, examples, links, repository, text};
use programs::{Forger, Server, run, run_with_input};
use serde_json::json;

/// Where the documentation says that the server is.
const DOCUMENTED_URL: &str = "http://127.0.0.1:8000";
const README: &str = "README.md";
const MAP: &str = "ARCHITECTURE.md";
const VERIFYING: &str = "docs/verifying-tokens.md";
const MAIL: &str = "docs/mail.md";
const WEBHOOKS: &str = "docs/webhooks.md";
const CAPTCHA: &str = "docs/captcha.md";
const LIMITS: &str = "docs/limits.md";
const BEHIND_A_PROXY: &str = "docs/guides/behind-a-proxy.md";
/// Run by a browser, in `black_box/browser.rs`.
const WEB_LOGIN: &str = "docs/web-login.md";
/// Its examples are doc tests of the crate `vestibule-testing`.
const TESTING: &str = "docs/testing.md";

/// The only example in a language of a document.
fn only(document: &str, language: &str) -> String {
    let mut found: Vec<Example> = examples(document);
    found.retain(|example| example.language == language);
    assert_eq!(found.len(), 1, "{document} must have one example in {language}");
    found.remove(0).code
}

/// An example as it stands, but for the address of the server.
fn aimed_at(example: &str, server: &Server) -> String {
    assert_eq!(example.matches(DOCUMENTED_URL).count(), 1, "the address must be there once:\n{example}");
    example.replace(DOCUMENTED_URL, server.url())
}

#[test]
fn the_tour_works_when_pasted() {
    let server = Server::start(&[]);
    let tour = aimed_at(&only(README, "bash"), &server);
    // Curl is all that bash does not bring itself; its absence should not look like a broken tour.
    run(Command::new("curl").arg("--version"));
    let mut bash = Command::new("bash");
    bash.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    bash.env("HOME", server.folder()).env("TMPDIR", server.folder());
    let outcome = run_with_input(&mut bash, &tour);

    assert_eq!((outcome.is_success, outcome.stderr.as_str()), (true, ""), "{}", outcome.stdout);
    let lines: Vec<_> = outcome.stdout.lines().filter(|line| !line.is_empty()).collect();
    let steps: [(&str, &[&str]); 11] = [
        ("200 register", &["\"email\":\"ada", "\"last_login_at\":null"]),
        ("200 login", &["\"access_token\":\"ey", "\"refresh_token\":\"vr1.", "\"token_type\":\"bearer\""]),
        ("200 me", &["\"email\":\"ada", "\"active\":true"]),
        ("200 claims", &["\"type\":\"access\"", "\"client_id\":\"vestibule\""]),
        ("200 refresh", &["\"access_token\":\"ey", "\"refresh_token\":\"vr1."]),
        ("200 sessions", &["\"current\":true", "\"current\":false"]),
        ("200 export", &["\"exported_at\":", "\"email\":\"ada", "\"activity\":["]),
        ("200 logout", &["null"]),
        ("401 me, after logout", &["\"code\":\"invalid_token\""]),
        ("403 logout by cookie, from nowhere", &["\"code\":\"cross_site_request\""]),
        ("200 logout by cookie", &["null"]),
    ];
    assert_eq!(lines.len(), steps.len() * 2, "{}", outcome.stdout);
    for (pair, (step, parts)) in lines.chunks(2).zip(steps) {
        assert_eq!(pair[1], format!("=> {step}"), "{}", outcome.stdout);
        for part in parts {
            assert!(pair[0].contains(part), "{step} should show {part}: {}", pair[0]);
        }
    }
}

/// The first wait is a second, and a busy machine may need longer than that for the request that is to meet it: then the
/// tour is begun anew.
#[test]
fn every_limit_is_seen_with_curl() {
    let expected = [
        "401 401 401 401 401 429 => a name",
        "401 401 401 401 401 429 => a name of nobody",
        "Too many failed logins with this name",
        "200 => a known device",
        "\"rule\":\"account_failures\",\"whose\":\"username\",\"failures\":5",
        "200 200 429 => mails",
        "413 => a body",
        "429 => registrations",
        "429 => a network",
        "Too many failed logins from your network",
    ];
    let seen = || -> Vec<String> {
        let server = Server::start(&[]);
        let tour = aimed_at(&only(LIMITS, "bash"), &server);
        let mut bash = Command::new("bash");
        bash.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        bash.env("HOME", server.folder()).env("TMPDIR", server.folder());
        let outcome = run_with_input(&mut bash, &tour);
        assert_eq!((outcome.is_success, outcome.stderr.as_str()), (true, ""), "{}", outcome.stdout);
        outcome.stdout.lines().map(str::to_owned).collect()
    };
    let mut last = Vec::new();
    let is_seen = (0..4).any(|_| {
        last = seen();
        last == expected
    });
    assert!(is_seen, "{last:#?}");
}

#[test]
fn the_first_start_prints_what_is_shown() {
    let shown = only(README, "text");
    let token = |banner: &str| -> String {
        let rest = banner.split("/setup/").nth(1).and_then(|rest| rest.lines().next());
        rest.unwrap_or_else(|| panic!("{banner}")).to_owned()
    };
    let (url, printed) = programs::first_start();
    assert_eq!(token(&printed).len(), token(&shown).len());
    let printed = printed.replace(&url, DOCUMENTED_URL).replace(&token(&printed), &token(&shown));
    assert_eq!(printed.trim(), shown.trim());
}

#[test]
fn the_library_example_is_the_one_that_compiles() {
    assert_eq!(only(README, "rust"), text("crates/vestibule/examples/quick_start.rs"));
    assert_eq!(only(VERIFYING, "rust"), text("crates/verifier/examples/orders.rs"));
}

#[test]
fn the_dependencies_an_application_needs_are_ours() {
    let shown: toml::Table = only(README, "toml").parse().unwrap();
    let workspace: toml::Table = text("Cargo.toml").parse().unwrap();
    // Else the first login of whoever tries it takes ten seconds.
    let package = "argon2-rust";
    assert_eq!(shown["profile"]["dev"]["package"][package], workspace["profile"]["dev"]["package"][package]);
    let locked: toml::Table = text("Cargo.lock").parse().unwrap();
    let locked = locked["package"].as_array().unwrap();
    assert!(locked.iter().any(|crate_| crate_["name"].as_str() == Some(package)), "it has another name now");
    let (shown, ours) = (&shown["dependencies"], &workspace["workspace"]);
    assert_eq!(shown["axum"].as_str(), ours["dependencies"]["axum"]["version"].as_str());
    assert_eq!(shown["vestibule"]["git"], ours["package"]["repository"]);
}

#[test]
fn the_dependencies_of_an_applications_tests_are_ours() {
    let ours: toml::Table = text("Cargo.toml").parse().unwrap();
    let features: toml::Table = text("crates/testing/Cargo.toml").parse().unwrap();
    let shown: Vec<_> = examples(TESTING).into_iter().filter(|example| example.language == "toml").collect();
    assert_eq!(shown.len(), 2);
    for (example, has_defaults) in shown.iter().zip([true, false]) {
        let shown: toml::Table = example.code.parse().unwrap();
        // A place of its own in the manifest, so that no build but that of tests has it.
        assert_eq!(shown.keys().collect::<Vec<_>>(), ["dev-dependencies"]);
        let testing = &shown["dev-dependencies"]["vestibule-testing"];
        assert_eq!(testing["git"], ours["workspace"]["package"]["repository"]);
        assert_eq!(testing.get("default-features").is_none(), has_defaults);
    }
    assert_eq!(features["features"]["default"], toml::Value::from(vec!["accounts"]));
}

#[test]
fn the_programs_take_our_tokens_and_no_others() {
    let forger = Forger::new();
    let key = ("VESTIBULE_TOKENS__SIGNING_KEY_FILE", forger.key());
    let server = Server::start(std::slice::from_ref(&key));
    let elsewhere = Server::start(&[key, ("VESTIBULE_TOKENS__AUDIENCE", "elsewhere".to_owned())]);
    let stranger = Server::start(&[]);
    let [own, for_others, unknown] = [&server, &elsewhere, &stranger].map(Server::log_in);

    let (none, same) = (json!({}), json!({}));
    let changed = |header, claims| forger.change(&own.access_token, &header, &claims);
    let good = [own.access_token.clone(), changed(none.clone(), same.clone())];
    let bad = [
        ("a refresh token", own.refresh_token.clone()),
        ("nothing", String::new()),
        ("a stranger's", unknown.access_token),
        ("for another audience", changed(none.clone(), json!({"aud": "elsewhere"}))),
        ("from another issuer", changed(none.clone(), json!({"iss": "http://127.0.0.1"}))),
        ("expired", changed(none.clone(), json!({"exp": 1_700_000_000}))),
        ("without an end", changed(none.clone(), json!({"exp": null}))),
        ("without an id", changed(none.clone(), json!({"jti": null}))),
        (
            "from the future",
            changed(none.clone(), json!({"iat": 4_000_000_000_u64, "exp": 4_000_000_900_u64})),
        ),
        ("no access token", changed(none, json!({"type": "refresh"}))),
        ("of another type", changed(json!({"typ": "JWT"}), same.clone())),
        ("critical", changed(json!({"crit": ["exp"]}), same.clone())),
        ("of an unknown key", changed(json!({"kid": "other"}), same.clone())),
        ("of no algorithm", changed(json!({"alg": "none"}), same.clone())),
        ("with a changed claim", Forger::change_unsigned(&own.access_token, &json!({"sub": "somebody"}))),
    ];
    for program in programs::verifiers(&only(VERIFYING, "python"), &only(VERIFYING, "js")) {
        let here = program.written_to(server.folder(), |code| aimed_at(code, &server));
        for token in &good {
            let outcome = here.verify(token);
            assert_eq!(outcome.stdout.trim(), own.account_id, "{program:?}: {}", outcome.stderr);
        }
        for (what, token) in &bad {
            let outcome = here.verify(token);
            assert!(!outcome.is_success && outcome.stdout.is_empty(), "{program:?} took a token {what}");
        }
        // Its own audience is not in that server's tokens.
        let there = program.written_to(elsewhere.folder(), |code| aimed_at(code, &elsewhere));
        assert!(!there.verify(&for_others.access_token).is_success, "{program:?}");
    }
}

#[test]
fn the_mail_server_of_the_documentation_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("smtp_password");
    std::fs::write(&password, "secret\n").unwrap();
    let example = only(MAIL, "toml").replace("/etc/vestibule/smtp_password", password.to_str().unwrap());
    std::fs::write(folder.path().join("vestibule.toml"), example).unwrap();
    let mut check = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    check.env_clear().current_dir(folder.path()).args(["config", "check", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&run(&mut check)).unwrap();
    assert_eq!(shown["values"]["smtp.host"], "smtp.example.org");
    assert_eq!(shown["values"]["smtp.password"], "(set)");
    for kind in vestibule::core::values::message::Content::KINDS {
        assert!(text(MAIL).contains(&format!("| `{kind}` |")), "{kind}");
    }
}

#[test]
fn the_proxy_of_the_guide_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let mut example = only(BEHIND_A_PROXY, "toml");
    // What production asks for beside it.
    example.push_str("[mail]\nmode = \"off\"\n");
    std::fs::write(folder.path().join("vestibule.toml"), example).unwrap();
    let mut check = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    check.env_clear().current_dir(folder.path()).args(["config", "check", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&run(&mut check)).unwrap();
    assert_eq!(shown["values"]["trusted_proxies"].to_string().matches("10.0.0.0/8").count(), 1, "{shown}");
}

#[test]
fn the_captcha_of_the_documentation_is_what_a_page_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("captcha");
    std::fs::write(&secret, "secret\n").unwrap();
    let example = only(CAPTCHA, "toml").replace("/run/secrets/captcha", secret.to_str().unwrap());
    let keys: toml::Table = toml::from_str(&example).unwrap();
    let key = |name: &str| keys["captcha"][name].as_str().unwrap().to_owned();
    let server = Server::start(&[
        ("VESTIBULE_CAPTCHA__PROVIDER", key("provider")),
        ("VESTIBULE_CAPTCHA__SITE_KEY", key("site_key")),
        ("VESTIBULE_CAPTCHA__SECRET_FILE", key("secret_file")),
    ]);
    let json: Vec<serde_json::Value> = examples(CAPTCHA)
        .iter()
        .filter(|example| example.language == "json")
        .map(|example| serde_json::from_str(&example.code).unwrap())
        .collect();
    let asked = |arguments: &[&str]| -> serde_json::Value {
        let mut curl = Command::new("curl");
        let _ = curl.args(["-sS", "--noproxy", "*"]).args(arguments);
        serde_json::from_str(&run(&mut curl)).unwrap()
    };
    assert_eq!(asked(&[&format!("{}/api/users/captcha", server.url())]), json[0]);
    let account = r#"{"email": "ada@example.com", "password": "correct horse battery"}"#;
    let url = format!("{}/api/v1/users", server.url());
    let refused = asked(&["-H", "Content-Type: application/json", "-d", account, &url]);
    for (member, value) in json[1].as_object().unwrap() {
        assert_eq!(&refused[member], value, "{refused}");
    }
    assert!(only(CAPTCHA, "html").contains(&format!("data-sitekey=\"{}\"", key("site_key"))));
}

#[test]
fn the_receiver_of_the_documentation_takes_our_events_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let (file, secret) = (folder.path().join("receiver.py"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    std::fs::write(&file, only(WEBHOOKS, "python")).unwrap();
    let mut program = Command::new("python3");
    program.arg(&file).arg("0").env("WEBHOOK_SECRET", secret);
    let mut receiver = programs::Receiver::start(&mut program);
    let url = format!("http://127.0.0.1:{}/", receiver.port());
    let webhook = [("VESTIBULE_WEBHOOK__URL", url.clone()), ("VESTIBULE_WEBHOOK__SECRET", secret.to_owned())];
    let account_id = Server::start(&webhook).log_in().account_id;
    assert_eq!(receiver.line(), format!("user.registered {account_id} {{}}"));
    let forged =
        ["-H", "webhook-id: a", "-H", "webhook-timestamp: 1", "-H", "webhook-signature: v1,a", "-d", "{}"];
    let mut curl = Command::new("curl");
    let _ =
        curl.args(["-sS", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}"]).args(forged).arg(&url);
    assert_eq!(run(&mut curl), "401");

    let example = only(WEBHOOKS, "toml").replace("/etc/vestibule/webhook_secret", "webhook_secret");
    std::fs::write(folder.path().join("webhook_secret"), format!("{secret}\n")).unwrap();
    std::fs::write(folder.path().join("vestibule.toml"), example).unwrap();
    let mut check = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    check.env_clear().current_dir(folder.path()).args(["config", "check", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&run(&mut check)).unwrap();
    assert_eq!(
        (&shown["values"]["webhook.url"], &shown["values"]["webhook.secret"]),
        (&json!("(set)"), &json!("(set)"))
    );

    for kind in vestibule::core::ports::notifier::EventKind::ALL {
        assert!(
            text(WEBHOOKS).contains(&format!("| `{}` | {} |", kind.as_str(), kind.meaning())),
            "{kind:?}"
        );
    }
    let shown: serde_json::Value = serde_json::from_str(&only(WEBHOOKS, "json")).unwrap();
    let facts = shown["data"]["account"].clone();
    let facts: vestibule::core::ports::notifier::Facts = serde_json::from_value(facts).unwrap();
    assert_eq!(serde_json::to_value(facts).unwrap(), shown["data"]["account"]);
}

#[test]
fn every_example_is_run_by_a_test() {
    for document in &documents() {
        for example in examples(document) {
            let is_run = match (document.as_str(), example.language.as_str()) {
                (README, "bash" | "rust" | "toml" | "text")
                | (VERIFYING, "python" | "js" | "rust")
                | (WEB_LOGIN, "js")
                | (TESTING, "rust" | "toml")
                | (MAIL | BEHIND_A_PROXY, "toml")
                | (WEBHOOKS, "toml" | "python" | "json")
                | (CAPTCHA, "toml" | "json" | "html")
                | (LIMITS, "bash") => true,
                (document, language) if language.starts_with("rust") => text("crates/vestibule/src/lib.rs")
                    .contains(&format!("include_str!(\"../../../{document}\")")),
                // What the example before it prints.
                (guide, "text") if guide.starts_with(GUIDES) => true,
                (_, "sh") => example.code.replace("\\\n", " ").lines().all(is_command),
                // A drawing is nothing to run.
                (_, language) => document == MAP && language == "text",
            };
            assert!(is_run, "no test runs this example of {document}:\n{}", example.code);
        }
    }
}

/// Whether a line is a command that exists, with the arguments it takes.
fn is_command(line: &str) -> bool {
    let line = line.strip_prefix("read -rs p; printf %s \"$p\" | ").unwrap_or(line);
    let words: Vec<_> = line.split_whitespace().skip_while(|word| word.contains('=')).collect();
    match words.as_slice() {
        ["target/release/vestibule", arguments @ ..]
        | ["cargo", "run", "--release", "--", arguments @ ..]
        | ["cargo", "run", "--", arguments @ ..] => is_verb(arguments),
        ["cargo", "xtask", task, ..] => {
            let variant = format!("    {}{}", task[..1].to_uppercase(), &task[1..]);
            text("xtask/src/cli.rs").lines().any(|line| line.starts_with(&variant))
        }
        ["cargo", "test", "--lib", arguments @ ..] | ["cargo", "test", arguments @ ..] => {
            arguments.chunks(2).all(is_package)
        }
        ["cargo", "fmt" | "clippy" | "deny", ..] => text(".ci/run").contains(&words.join(" ")[..10]),
        [script] => repository().join(script).is_file(),
        _ => false,
    }
}

fn is_verb(arguments: &[&str]) -> bool {
    Command::new(env!("CARGO_BIN_EXE_vestibule"))
        .args(arguments)
        .arg("--help")
        .output()
        .unwrap()
        .status
        .success()
}

fn is_package(pair: &[&str]) -> bool {
    let [flag, name] = pair else { return false };
    let folder = name.strip_prefix("vestibule-").unwrap_or(name);
    *flag == "-p" && text(&format!("crates/{folder}/Cargo.toml")).contains(&format!("name = \"{name}\""))
}

#[test]
fn every_path_is_there() {
    for document in &documents() {
        for path in documents::paths(document) {
            assert!(repository().join(&path).exists(), "{document} names {path}, which is not there");
        }
    }
}

#[test]
fn every_crate_and_every_capability_is_on_the_map() {
    let map = text(MAP);
    let in_folder = |folder: &str| {
        let entries = repository().join(folder).read_dir().unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.map(|name| format!("{folder}/{name}")).collect::<Vec<_>>()
    };
    let files = in_folder("crates/core/src").into_iter().filter(|path| repository().join(path).is_file());
    for path in in_folder("crates").into_iter().chain(files) {
        // Lists of modules, beside the folders that are on the map.
        let is_list = ["lib.rs", "ports.rs", "values.rs"].iter().any(|name| path.ends_with(name));
        assert!(is_list || map.contains(&format!("`{path}`")), "{path} is missing from the code map");
    }
}

#[test]
fn every_link_leads_somewhere() {
    for document in &documents() {
        let folder = repository().join(document).parent().unwrap().to_owned();
        for link in links(document) {
            assert!(folder.join(&link).exists(), "{document} links to {link}, which is not there");
        }
    }
}
