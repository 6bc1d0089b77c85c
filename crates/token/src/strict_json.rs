//! JSON objects as strangers send them: no duplicate members, at any level.
//!
//! Two readers of `{"sub":"a","sub":"b"}` may see two different people; so nobody sees one.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

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
    match serde_json::from_slice(json).ok()? {
        Strict(Value::Object(object)) => Some(object),
        Strict(_) => None,
    }
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate members")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = sequence.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Strict(value))) = members.next_entry::<String, Strict>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(Value::Object(object))
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
