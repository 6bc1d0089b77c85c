//! What ARCHITECTURE.md says holds everywhere, read from the sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Files longer than this, without their tests, do more than one thing.
const MAX_LINES: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A source file, without its unit tests.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let tests = text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(text.len());
        let path = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        Self { path, text: text[..tests].to_owned() }
    }

    /// Whether the file is compiled for unit tests only.
    fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap();
        self.path.contains("/tests/") || ["tests.rs", "testing.rs", "plans.rs", "faults.rs"].contains(&name)
    }

    /// The lines of code that name something.
    fn naming<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let is_named = move |line: &&str| {
            line.match_indices(name).any(|(at, _)| {
                // `Errand::` does not name `rand::`.
                !line.get(..at).unwrap_or_default().ends_with(|before: char| before.is_alphanumeric())
            })
        };
        self.text.lines().filter(|line| !line.trim_start().starts_with("//")).filter(is_named)
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The sources of every crate that ships, and of the test kit.
fn sources() -> Vec<Source> {
    let root = root();
    let mut paths = Vec::new();
    for entry in fs::read_dir(root.join("crates")).unwrap() {
        walk(&entry.unwrap().path().join("src"), &mut paths);
    }
    assert!(paths.len() > 80);
    paths.iter().map(|path| Source::read(&root, path)).collect()
}

/// What a crate depends on, tests aside.
fn dependencies(name: &str) -> Vec<String> {
    let manifest = fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
    let mut is_dependency = false;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_dependency = line.contains("dependencies]") && !line.contains("dev-dependencies");
        } else if is_dependency && let Some((name, _)) = line.split_once(['.', ' ', '=']) {
            found.push(name.to_owned());
        }
    }
    assert!(!found.is_empty(), "{name}");
    found
}

fn assert_only_in(allowed: &[&str], names: &[&str]) {
    for source in
        sources().iter().filter(|source| !source.is_test() && !allowed.contains(&source.path.as_str()))
    {
        for name in names {
            let found: Vec<_> = source.naming(name).collect();
            assert!(found.is_empty(), "{} names {name}: {found:?}", source.path);
        }
    }
    for path in allowed {
        assert!(root().join(path).exists(), "{path}");
    }
}

#[test]
fn crates_depend_downwards_only() {
    let web = ["axum", "http", "http-body", "hyper", "tower", "utoipa", "utoipa-axum", "vestibule-axum"];
    let storage = ["rusqlite", "refinery", "vestibule-sql", "tokio-postgres"];
    let shared = ["redis", "vestibule-redis"];
    let upper =
        ["vestibule", "vestibule-server", "vestibule-testing", "vestibule-testkit", "clap", "anyhow", "toml"];
    let heavy = ["tokio", "moka", "metrics", "tracing", "async-trait", "vestibule-core"];
    for (name, banned) in [
        ("token", [&web[..], &storage, &shared, &upper, &heavy, &["vestibule-hashing"]].concat()),
        ("core", [&web[..], &storage, &shared, &upper, &["vestibule-hashing"]].concat()),
        ("hashing", [&web[..], &storage, &shared, &upper].concat()),
        ("sql", [&web[..], &shared, &upper, &["vestibule-hashing"]].concat()),
        ("redis", [&web[..], &storage, &upper, &["vestibule-hashing"]].concat()),
        (
            "login",
            [&storage[..], &shared, &upper, &["vestibule-hashing", "vestibule-core", "vestibule-axum"]]
                .concat(),
        ),
        ("axum", [&storage[..], &shared, &upper, &["vestibule-hashing"]].concat()),
        ("vestibule", [&upper[1..], &["rusqlite", "refinery"]].concat()),
    ] {
        let found = dependencies(name);
        for one in banned {
            assert!(!found.iter().any(|dependency| dependency == one), "{name} depends on {one}");
        }
    }
}

#[test]
fn core_has_no_io() {
    let is_pure = |source: &&Source| {
        ["crates/core/src", "crates/token/src"].iter().any(|folder| source.path.starts_with(folder))
    };
    for source in sources().iter().filter(is_pure) {
        for name in [
            "std::fs",
            "std::net::Tcp",
            "std::net::Udp",
            "std::process",
            "std::env",
            "tokio::net",
            "tokio::fs",
        ] {
            assert_eq!(source.naming(name).count(), 0, "{} names {name}", source.path);
        }
    }
}

#[test]
fn only_the_clock_reads_time() {
    let clock = "crates/token/src/clock.rs";
    assert_only_in(&[clock], &["SystemTime", "std::time::Instant", "UNIX_EPOCH", "now_utc", "Utc::now"]);
    // The accept loop sets time limits, which are no decision about accounts, on tokio's clock.
    let loops = ["crates/server/src/http/timed_stream.rs", "crates/server/src/http/accept.rs"];
    assert_only_in(&[&[clock][..], &loops].concat(), &["Instant::now"]);
}

#[test]
fn only_the_secrets_make_randomness() {
    let names = [
        "rand::",
        "getrandom",
        "new_v4",
        "now_v7",
        "OsRng",
        "SystemRandom",
        "thread_rng",
        "fastrand",
        "/dev/urandom",
    ];
    assert_only_in(&["crates/token/src/random.rs"], &names);
}

#[test]
fn a_failure_gets_its_status_in_one_place() {
    let sites = [
        "crates/axum/src/error.rs",
        "crates/axum/src/error/code.rs",
        // A taken name is 409 at one route.
        "crates/axum/src/error/engine.rs",
        // The same for applications without the engine, and what they answer instead.
        "crates/login/src/refusal.rs",
        // The same for services that only verify tokens.
        "crates/verifier/src/refusal.rs",
        "crates/login/src/answers.rs",
        // The 404 of an unknown path, for those who may know.
        "crates/login/src/guard.rs",
        // These look at a status and choose none.
        "crates/axum/src/layers/route_metrics.rs",
        "crates/login/src/renewal.rs",
        "crates/axum/src/implicit_refresh.rs",
        // Both know one status by name: the answer to OPTIONS, and what the pages answer to an unknown file.
        "crates/axum/src/layers.rs",
        "crates/axum/src/docs.rs",
        // Successes: 201 and 204.
        "crates/axum/src/answers.rs",
        "crates/axum/src/routes/register.rs",
        // Clients, which read it.
        "crates/server/src/cli/healthcheck.rs",
        "crates/verifier/src/client.rs",
        "crates/testing/src/answer.rs",
        // A provider of captchas for tests.
        "crates/testkit/src/siteverify.rs",
        // What the receiver of a webhook answers.
        "crates/webhook/src/webhook.rs",
    ];
    assert_only_in(&sites, &["StatusCode"]);
    let failures = [
        "BAD_REQUEST",
        "UNAUTHORIZED",
        "FORBIDDEN",
        "CONFLICT",
        "INTERNAL_SERVER_ERROR",
        "TOO_MANY_REQUESTS",
    ];
    let failures: Vec<_> = failures.iter().map(|name| format!("StatusCode::{name}")).collect();
    assert_only_in(&sites[..5], &failures.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn no_crate_that_ships_has_unsafe_code() {
    for name in ["token", "core", "hashing", "sql", "login", "axum", "vestibule"] {
        let library = fs::read_to_string(root().join("crates").join(name).join("src/lib.rs")).unwrap();
        assert!(library.contains("#![forbid(unsafe_code)]"), "{name}");
    }
    assert_only_in(&[], &["unsafe {", "unsafe fn", "unsafe impl"]);
}

#[test]
fn files_are_short_and_named_after_what_they_do() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines", source.path);
        let stem = source.path.rsplit('/').next().unwrap().trim_end_matches(".rs");
        assert!(
            !["mod", "util", "utils", "helper", "helpers", "common", "misc"].contains(&stem),
            "{}",
            source.path
        );
    }
}

#[test]
fn nothing_is_global() {
    assert_only_in(&[], &["static mut", "lazy_static!", "thread_local!"]);
}

#[test]
fn the_migrations_hold_for_both_engines() {
    let mut count = 0;
    for entry in fs::read_dir(root().join("migrations")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let code: String = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
        for foreign in [
            "AUTOINCREMENT",
            "SERIAL",
            "JSONB",
            "TIMESTAMP",
            "BOOLEAN",
            "STRICT",
            "INTEGER",
            "BLOB",
            "WITHOUT ROWID",
        ] {
            let has_it = code.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == foreign);
            assert!(!has_it, "{} uses {foreign}", path.display());
        }
        count += 1;
    }
    assert!(count > 0);
}
