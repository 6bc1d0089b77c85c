//! `vestibule keys`: the keys that sign access tokens.

use serde_json::{Value, json};
use vestibule::core::{keys::KeyInfo, ports::Timestamp};

use super::output;
use crate::{config::Config, failure::Failure, startup};

pub(super) fn list(config: &Config, is_json: bool) -> Result<(), Failure> {
    let keys = startup::beside(config, async |auth| Ok(auth.list_keys()))?;
    if is_json {
        output::json(&Value::Array(keys.iter().map(to_json).collect()));
        return Ok(());
    }
    let heading = ["key", "algorithm", "made", "state"].map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(heading).chain(keys.iter().map(to_row)).collect();
    output::table(&rows);
    Ok(())
}

pub(super) fn rotate(config: &Config, is_compromised: bool, is_json: bool) -> Result<(), Failure> {
    let key = startup::beside(config, async |auth| {
        auth.rotate_keys(is_compromised).await.map_err(|error| startup::bad_keys(&error))
    })?;
    if is_json {
        output::json(&to_json(&key));
        return Ok(());
    }
    output::line(&format!("{} signs from now on.", key.kid));
    output::line(if is_compromised {
        "Tokens of the old keys are dead; people refresh or log in again."
    } else {
        "The old keys verify until the last token they signed has expired."
    });
    Ok(())
}

fn to_row(key: &KeyInfo) -> Vec<String> {
    let state = key
        .verifies_until
        .map_or("signs".to_owned(), |until| format!("verifies until {}", until.to_rfc3339()));
    vec![key.kid.clone(), key.algorithm.as_str().to_owned(), key.created_at.to_rfc3339(), state]
}

fn to_json(key: &KeyInfo) -> Value {
    json!({
        "kid": key.kid,
        "algorithm": key.algorithm.as_str(),
        "created_at": key.created_at.to_rfc3339(),
        "verifies_until": key.verifies_until.map(Timestamp::to_rfc3339),
    })
}
