//! The rules of a type that serde reads and writes.

use std::{
    any::{TypeId, type_name},
    fmt::{self, Write as _},
    marker::PhantomData,
};

use serde::{Deserializer, de::DeserializeOwned};
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};

use super::{
    AccountProfile, MisfitKind, ProfileMisfit, ProfileRefusal, ProfileRules, ProfileViolation, within_profile,
};
use crate::values::{profile::MAX_PROFILE, rule::RuleViolation};

/// The longest name of a member that messages repeat.
const MAX_NAME: usize = 64;

/// The rules of a type.
pub struct RulesOf<P>(PhantomData<fn() -> P>);

impl<P> Default for RulesOf<P> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<P> fmt::Debug for RulesOf<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RulesOf({})", type_name::<P>())
    }
}

impl<P: AccountProfile> ProfileRules for RulesOf<P> {
    fn admit(&self, sent: Map<String, Value>) -> Result<String, ProfileRefusal> {
        let mut profile: P = read_from(Value::Object(sent))?;
        profile.normalise();
        profile.validate().map_err(|broken| refuse::<P>(broken))?;
        let text = serde_json::to_string(&profile).map_err(|_| unusable::<P>("it cannot be written"))?;
        if text.len() > MAX_PROFILE {
            let message = format!("The profile must have at most {MAX_PROFILE} bytes");
            let broken = RuleViolation::new(within_profile(""), "profile_too_long", message);
            return Err(ProfileRefusal::Rules(vec![broken]));
        }
        // Whoever could store what nobody can read would lock themselves out of every route that reads it.
        if !text.starts_with('{') {
            return Err(unusable::<P>("it is written as something else than an object"));
        }
        read::<P>(&text)
            .map_err(|misfit| unusable::<P>(&format!("it does not read what it writes: {misfit}")))?;
        Ok(text)
    }

    fn show(&self, stored: &str) -> Result<String, ProfileMisfit> {
        let profile: P = read(stored)?;
        serde_json::to_string(&profile).map_err(|_| misfit_of_all())
    }

    fn show_absent(&self) -> Option<String> {
        serde_json::to_string(&read_empty::<P>()?).ok()
    }

    fn are_of(&self, asked: TypeId) -> bool {
        asked == TypeId::of::<P>()
    }

    fn name(&self) -> &str {
        type_name::<P>()
    }
}

/// Reads a stored text.
pub(crate) fn read<P: DeserializeOwned>(stored: &str) -> Result<P, ProfileMisfit> {
    read_from(&mut serde_json::Deserializer::from_str(stored))
}

/// What an account without a profile has, where every member of the type has a default.
pub(crate) fn read_empty<P: DeserializeOwned>() -> Option<P> {
    read_from(Value::Object(Map::new())).ok()
}

fn read_from<'de, P: DeserializeOwned, D>(source: D) -> Result<P, ProfileMisfit>
where
    D: Deserializer<'de, Error = serde_json::Error>,
{
    serde_path_to_error::deserialize(source).map_err(|error| {
        let place = place_of(error.path());
        describe(place, &error.into_inner().to_string())
    })
}

fn refuse<P>(broken: Vec<ProfileViolation>) -> ProfileRefusal {
    if broken.is_empty() {
        return unusable::<P>("it is refused without a rule that it breaks");
    }
    ProfileRefusal::Rules(broken.into_iter().map(ProfileViolation::into_rule).collect())
}

fn unusable<P>(cause: &str) -> ProfileRefusal {
    ProfileRefusal::Unusable { name: type_name::<P>().to_owned(), cause: cause.to_owned() }
}

fn misfit_of_all() -> ProfileMisfit {
    ProfileMisfit { field: within_profile(""), kind: MisfitKind::Invalid }
}

/// Where a value stands. Names in a map are the sender's own: what looks like no name ends the place.
fn place_of(path: &Path) -> String {
    let mut place = String::new();
    for segment in path {
        match segment {
            // Writing to a `String` does not fail.
            Segment::Seq { index } => drop(write!(place, "[{index}]")),
            Segment::Map { key } | Segment::Enum { variant: key } if is_name(key) => {
                push_name(&mut place, key);
            }
            _ => break,
        }
    }
    place
}

fn push_name(place: &mut String, name: &str) {
    if !place.is_empty() {
        place.push('.');
    }
    place.push_str(name);
}

fn is_name(key: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=MAX_NAME).contains(&key.len()) && key.bytes().all(is_plain)
}

/// What serde says, without the values that it says it with. Which kind of error it is, its words alone tell; those that
/// are unknown here are a value that cannot be.
fn describe(mut place: String, said: &str) -> ProfileMisfit {
    let kind = if let Some(rest) = said.strip_prefix("missing field `") {
        let name = rest.split('`').next().unwrap_or_default();
        if is_name(name) {
            push_name(&mut place, name);
        }
        MisfitKind::Missing
    } else if said.starts_with("invalid type: ") {
        MisfitKind::WrongType
    } else {
        MisfitKind::Invalid
    };
    ProfileMisfit { field: within_profile(&place), kind }
}

#[cfg(test)]
mod tests;
