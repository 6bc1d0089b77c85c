//! `cargo xtask vectors`: Project Wycheproof's JOSE vectors against the token verifier.
//!
//! Every token that is called invalid must be refused. Every token that is called valid must be verified where its
//! algorithm and key are ones we support, and refused where they are not. The few labels that cannot be taken at
//! their word are explained in [`expectation`].

mod expectation;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, bail};
use serde_json::Value;
use vestibule_token::jws::{self, VerifyingKey, VerifyingKeys};

use expectation::Expectation;

/// The files with signatures, which must be there, and those with other matter, which are looked through.
const REQUIRED: [&str; 2] = ["json_web_signature_test.json", "json_web_key_test.json"];
const OPTIONAL: [&str; 2] = ["json_web_crypto_test.json", "json_web_encryption_test.json"];

/// Runs the vectors of a folder and fails where the verifier disagrees with one.
pub(crate) fn run(folder: &Path) -> anyhow::Result<()> {
    let mut disagreements = Vec::new();
    for name in REQUIRED {
        check_file(&folder.join(name), &mut disagreements)?;
    }
    for path in OPTIONAL.map(|name| folder.join(name)) {
        if path.exists() {
            check_file(&path, &mut disagreements)?;
        }
    }
    for disagreement in &disagreements {
        println!("WRONG {disagreement}");
    }
    if !disagreements.is_empty() {
        bail!("the verifier disagrees with {} vectors", disagreements.len());
    }
    Ok(())
}

/// What came of one file's vectors: how many, by what was done and why.
#[derive(Default)]
struct Tally(BTreeMap<String, usize>);

impl Tally {
    fn count(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }
}

fn check_file(path: &Path, disagreements: &mut Vec<String>) -> anyhow::Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut tally = Tally::default();
    for group in array(&file, "testGroups")? {
        check_group(group, &name, &mut tally, disagreements)?;
    }
    let total: usize = tally.0.values().sum();
    if file.get("numberOfTests").and_then(Value::as_u64) != u64::try_from(total).ok() {
        bail!("{name} says it has another number of tests than the {total} found in it");
    }
    println!("{name}: {total} vectors");
    for (what, count) in tally.0 {
        println!("  {count:>4} {what}");
    }
    Ok(())
}

fn check_group(
    group: &Value,
    file: &str,
    tally: &mut Tally,
    disagreements: &mut Vec<String>,
) -> anyhow::Result<()> {
    let key = group.get("public").or_else(|| group.get("private")).context("a group has no key")?;
    for test in array(group, "tests")? {
        let Some(token) = test.get("jws") else {
            tally.count("do not apply: encryption (JWE), which Vestibule neither makes nor reads");
            continue;
        };
        let expectation = Expectation::of(test, token, key, group);
        let is_verified = verify(token, key);
        if is_verified != expectation.is_verified {
            let verdict = if is_verified { "verified" } else { "refused" };
            disagreements.push(format!(
                "{file} {} ({}): {verdict}, but {}",
                test.get("tcId").unwrap_or(&Value::Null),
                test.get("comment").and_then(Value::as_str).unwrap_or_default(),
                expectation.reason
            ));
        }
        let verdict = if is_verified { "verified" } else { "refused" };
        tally.count(format!("{verdict}: {}", expectation.reason));
    }
    Ok(())
}

/// Whether the verifier takes the token with this key or key set.
fn verify(token: &Value, key: &Value) -> bool {
    // The JSON serialization (RFC 7515 §7.2) is handed over as it stands; only the compact one may pass.
    let token = token.as_str().map_or_else(|| token.to_string(), str::to_owned);
    if key.get("keys").is_some() {
        VerifyingKeys::from_jwks(key).is_ok_and(|keys| keys.verify(&token).is_ok())
    } else {
        VerifyingKey::from_jwk(key).is_ok_and(|key| jws::verify(&token, &key).is_ok())
    }
}

fn array<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a Vec<Value>> {
    value.get(name).and_then(Value::as_array).with_context(|| format!("the file has no array `{name}`"))
}
