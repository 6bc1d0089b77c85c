//! `vestibule keys`: the keys that sign access tokens.

use serde_json::{Value, json};
use vestibule::core::{keys::KeyInfo, ports::Timestamp};

use super::output;
use crate::{config::Config, failure::Failure, startup};

pub(super) fn list(config: &Config, is_json: bool) -> Result<(), Failure> {
    startup::require_database(config)?;
    let (keys, now) = startup::beside(config, async |auth| Ok((auth.list_keys(), auth.clock().now())))?;
    // Nobody knows when the key in a file was made.
    let is_made_here = config.tokens.signing_key_file.is_none();
    let listed: Vec<_> = keys.iter().map(|key| Listed::of(key, now, is_made_here)).collect();
    if is_json {
        return output::json(&Value::Array(listed.iter().map(Listed::to_json).collect()));
    }
    let heading = ["key", "algorithm", "made", "state"].map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(heading).chain(listed.iter().map(Listed::to_row)).collect();
    output::table(&rows)
}

pub(super) fn rotate(config: &Config, is_compromised: bool, is_json: bool) -> Result<(), Failure> {
    let key = startup::beside(config, async |auth| {
        auth.rotate_keys(is_compromised).await.map_err(|error| startup::bad_keys(&error))
    })?;
    if is_json {
        return output::json(&Listed::of(&key, key.created_at, true).to_json());
    }
    output::line(&format!("{} ({}) signs from now on.", key.kid, key.algorithm.as_str()))?;
    output::line(if is_compromised {
        "Tokens of the old keys are dead; people refresh or log in again."
    } else {
        "The old keys verify until the last token they signed has expired."
    })
}

/// A key as it is shown.
struct Listed<'a> {
    key: &'a KeyInfo,
    made_at: Option<Timestamp>,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Signing,
    Verifying(Timestamp),
    Dead(Timestamp),
}

impl State {
    fn of(key: &KeyInfo, now: Timestamp) -> Self {
        match key.verifies_until {
            None => Self::Signing,
            Some(until) if now < until => Self::Verifying(until),
            Some(until) => Self::Dead(until),
        }
    }
}

impl<'a> Listed<'a> {
    fn of(key: &'a KeyInfo, now: Timestamp, is_made_here: bool) -> Self {
        Self { key, made_at: is_made_here.then_some(key.created_at), state: State::of(key, now) }
    }

    fn to_row(&self) -> Vec<String> {
        let state = match self.state {
            State::Signing => "signs".to_owned(),
            State::Verifying(until) => format!("verifies until {}", until.to_rfc3339()),
            State::Dead(since) => format!("dead since {}", since.to_rfc3339()),
        };
        let made = self.made_at.map_or("-".to_owned(), Timestamp::to_rfc3339);
        vec![self.key.kid.clone(), self.key.algorithm.as_str().to_owned(), made, state]
    }

    fn to_json(&self) -> Value {
        let state = match self.state {
            State::Signing => "signing",
            State::Verifying(_) => "verifying",
            State::Dead(_) => "dead",
        };
        json!({
            "kid": self.key.kid,
            "algorithm": self.key.algorithm.as_str(),
            "state": state,
            "created_at": self.made_at.map(Timestamp::to_rfc3339),
            "verifies_until": self.key.verifies_until.map(Timestamp::to_rfc3339),
        })
    }
}

#[cfg(test)]
mod tests {
    use vestibule::core::token::jws::Algorithm;

    use super::*;

    #[test]
    fn a_key_is_dead_when_its_time_is_over_and_one_from_a_file_has_no_date() {
        let at = Timestamp::from_millis;
        let key = |verifies_until| KeyInfo {
            kid: "k".into(),
            algorithm: Algorithm::EdDsa,
            created_at: at(0),
            verifies_until,
        };
        assert_eq!(State::of(&key(None), at(9)), State::Signing);
        assert_eq!(State::of(&key(Some(at(10))), at(9)), State::Verifying(at(10)));
        assert_eq!(State::of(&key(Some(at(10))), at(10)), State::Dead(at(10)));
        let dead = key(Some(at(0)));
        let shown = Listed::of(&dead, at(1), false);
        assert_eq!(shown.to_row(), ["k", "EdDSA", "-", "dead since 1970-01-01T00:00:00.000Z"]);
        assert_eq!(
            (&shown.to_json()["state"], &shown.to_json()["created_at"]),
            (&json!("dead"), &Value::Null)
        );
    }
}
