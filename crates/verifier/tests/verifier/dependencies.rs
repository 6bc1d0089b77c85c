//! What a service takes on with this crate.

use std::{collections::BTreeSet, process::Command};

/// What the documentation says.
const DOCUMENTED: &str = include_str!("../../../../docs/verifying-tokens.md");

fn crates(arguments: &[&str]) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--offline", "--locked", "--prefix", "none", "--format", "{p}", "--edges", "normal"])
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn no_database_no_server_and_no_second_cryptography() {
    let all = crates(&["--all-features"]);
    for banned in [
        "axum",
        "lettre",
        "openssl-sys",
        "redis",
        "reqwest",
        "ring",
        "rusqlite",
        "tokio-postgres",
        "url",
        "vestibule-axum",
        "vestibule-core",
        "vestibule-sql",
    ] {
        assert!(!all.contains(banned), "{banned} is among {all:?}");
    }
}

#[test]
fn the_documented_numbers_are_right() {
    // Without the crate itself.
    let count = |arguments: &[&str]| crates(arguments).len() - 1;
    for (what, number) in [
        ("with your own HTTP client", count(&["--no-default-features"])),
        ("by default", count(&[])),
        ("with the extractor too", count(&["--all-features"])),
    ] {
        let line = format!("{number} crates {what}");
        assert!(DOCUMENTED.contains(&line), "docs/verifying-tokens.md does not say `{line}`");
    }
}
