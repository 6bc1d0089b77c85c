//! JSON objects as strangers send them: no duplicate members, at any level.
//!
//! Two readers of `{"sub":"a","sub":"b"}` may see two different people; so nobody sees one.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// Parses a JSON object without duplicate members; `None` for everything else.
///
/// Nesting is limited to 128 levels.
///
/// ```
/// use vestibule_token::strict_json::parse_object;
///
/// assert!(parse_object(br#"{"a":{"b":1}}"#).is_some());
/// assert!(parse_object(br#"{"a":{"b":1,"b":2}}"#).is_none());
/// assert!(parse_object(b"[]").is_none());
/// ```
#[must_use]
pub fn parse_object(json: &[u8]) -> Option<Map<String, Value>> {
    // Looked through for duplicates by us, read by serde_json: only that knows how it hands out numbers, which a feature
    // of it that anybody turns on (`arbitrary_precision`) changes for everybody.
    let NoDuplicates = serde_json::from_slice(json).ok()?;
    serde_json::from_slice(json).ok()
}

/// Any JSON whose objects have no member twice.
struct NoDuplicates;

impl<'de> Deserialize<'de> for NoDuplicates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = NoDuplicates;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate members")
    }

    fn visit_unit<E: Error>(self) -> Result<NoDuplicates, E> {
        Ok(NoDuplicates)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<NoDuplicates, E> {
        Ok(NoDuplicates)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<NoDuplicates, E> {
        Ok(NoDuplicates)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<NoDuplicates, E> {
        Ok(NoDuplicates)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<NoDuplicates, E> {
        Ok(NoDuplicates)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<NoDuplicates, E> {
        Ok(NoDuplicates)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<NoDuplicates, A::Error> {
        while let Some(NoDuplicates) = sequence.next_element()? {}
        Ok(NoDuplicates)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<NoDuplicates, A::Error> {
        let mut names = HashSet::new();
        while let Some((name, NoDuplicates)) = members.next_entry::<String, NoDuplicates>()? {
            if !names.insert(name) {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(NoDuplicates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plain_object_is_refused() {
        for json in [
            "",
            "null",
            "1",
            "\"a\"",
            "[{}]",
            "{",
            "{}x",
            "{\"a\":1,}",
            "{\"a\":NaN}",
            "{\"a\":1,\"\\u0061\":2}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":[{\"b\":1,\"b\":1}]}",
        ] {
            assert_eq!(parse_object(json.as_bytes()), None, "{json}");
        }
        assert_eq!(parse_object(b"{\"a\":\"\xff\"}"), None);
        assert_eq!(parse_object(format!("{}{}", "{\"a\":".repeat(10_000), "1").as_bytes()), None);
    }

    #[test]
    fn values_keep_their_types() {
        let object = parse_object(br#"{"a":1,"b":-1,"c":1.5,"d":"x","e":null,"f":[true],"g":{}}"#).unwrap();
        assert_eq!(
            Value::Object(object),
            serde_json::json!({"a":1,"b":-1,"c":1.5,"d":"x","e":null,"f":[true],"g":{}})
        );
    }
}
