//! The fields of a body, taken one by one; what is wrong with any of them is collected and told at once.

use std::{borrow::Cow, collections::BTreeMap, ops::RangeInclusive};

use serde_json::{Map, Value};
use vestibule_core::{ports::profile::ProfileMisfit, values::password::Password};
use zeroize::Zeroizing;

use crate::error::{ApiError, Code, FieldError};

/// The fields of a request's body.
///
/// Taking a field that is wrong gives a stand-in and notes the fault; [`Self::finish`] must be asked before anything
/// is done with what was taken. Fields nobody asks for are ignored.
#[must_use = "the faults found come out of finish()"]
pub struct Fields {
    values: BTreeMap<String, Field>,
    errors: Vec<FieldError>,
}

enum Field {
    Text(String),
    Truth(bool),
    Texts(Vec<String>),
    Members(Map<String, Value>),
    Null,
    Other,
}

impl Fields {
    pub(crate) fn from_json(object: Map<String, Value>) -> Self {
        let field = |value| match value {
            Value::String(text) => Field::Text(text),
            Value::Null => Field::Null,
            Value::Bool(truth) => Field::Truth(truth),
            Value::Array(values) => texts(values).map_or(Field::Other, Field::Texts),
            Value::Object(members) => Field::Members(members),
            Value::Number(_) => Field::Other,
        };
        let values = object.into_iter().map(|(name, value)| (name, field(value))).collect();
        Self { values, errors: Vec::new() }
    }

    /// Collects the fields of a form, in which none may stand twice.
    pub(crate) fn from_form(
        pairs: impl IntoIterator<Item = Result<(String, String), ApiError>>,
    ) -> Result<Self, ApiError> {
        let mut values = BTreeMap::new();
        for pair in pairs {
            let (name, text) = pair?;
            if values.insert(name, Field::Text(text)).is_some() {
                return Err(Code::MalformedBody.into());
            }
        }
        Ok(Self { values, errors: Vec::new() })
    }

    /// Whether a field is there, whatever it holds.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Takes a text that must be there and not be empty; nothing is trimmed.
    pub fn required_string(&mut self, name: &'static str) -> String {
        match self.values.remove(name) {
            Some(Field::Text(text)) if text.is_empty() => self.reject(name, "empty", "This field is empty"),
            Some(Field::Text(text)) => return text,
            Some(Field::Null) | None => self.reject(name, "missing", "This field is missing"),
            Some(_) => self.reject_type(name),
        }
        String::new()
    }

    /// Takes a text that may be absent or null; an empty one is `Some("")`.
    pub fn optional_string(&mut self, name: &'static str) -> Option<String> {
        match self.values.remove(name) {
            Some(Field::Text(text)) => Some(text),
            Some(Field::Null) | None => None,
            Some(_) => {
                self.reject_type(name);
                None
            }
        }
    }

    /// Takes a text that may be absent, or null to say that there is none: `Some(None)`.
    pub fn nullable_string(&mut self, name: &'static str) -> Option<Option<String>> {
        match self.values.get(name) {
            Some(Field::Null) => Some(None),
            _ => self.optional_string(name).map(Some),
        }
    }

    /// Takes a text that may be absent, but not null.
    pub fn optional_present_string(&mut self, name: &'static str) -> Option<String> {
        if let Some(Field::Null) = self.values.get(name) {
            self.reject_type(name);
        }
        self.optional_string(name)
    }

    /// Takes true or false, which may be absent but not null.
    pub fn optional_bool(&mut self, name: &'static str) -> Option<bool> {
        match self.values.remove(name) {
            Some(Field::Truth(truth)) => return Some(truth),
            Some(_) => self.reject_type(name),
            None => {}
        }
        None
    }

    /// Takes a list of texts, which may be absent but not null.
    pub fn optional_strings(&mut self, name: &'static str) -> Option<Vec<String>> {
        match self.values.remove(name) {
            Some(Field::Texts(texts)) => return Some(texts),
            Some(_) => self.reject_type(name),
            None => {}
        }
        None
    }

    /// Takes an object that may be absent or null.
    pub fn optional_object(&mut self, name: &'static str) -> Option<Map<String, Value>> {
        match self.values.remove(name) {
            Some(Field::Members(members)) => return Some(members),
            Some(Field::Null) | None => {}
            Some(_) => self.reject_type(name),
        }
        None
    }

    /// Takes an object that may be absent, but not null.
    pub fn optional_present_object(&mut self, name: &'static str) -> Option<Map<String, Value>> {
        if let Some(Field::Null) = self.values.get(name) {
            self.reject_type(name);
        }
        self.optional_object(name)
    }

    /// Notes that a part of a profile cannot be read.
    pub fn reject_misfit(&mut self, misfit: ProfileMisfit) {
        self.errors.push(misfit.into());
    }

    /// Takes a whole number written as a text, as queries have them, which may be absent.
    pub fn optional_number(&mut self, name: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let text = self.optional_string(name)?;
        // Digits alone: no sign, no space.
        let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| is_plain && range.contains(number));
        if number.is_none() {
            let (least, most) = range.into_inner();
            self.reject_value(name, format!("This must be a whole number from {least} to {most}"));
        }
        number
    }

    /// Takes a text that may be absent or null, but not empty.
    pub fn optional_filled_string(&mut self, name: &'static str) -> Option<String> {
        let text = self.optional_string(name);
        if text.as_deref() == Some("") {
            self.reject(name, "empty", "This field is empty");
            return None;
        }
        text
    }

    /// Takes a password, which must be there and not be empty; nothing is trimmed.
    pub fn required_password(&mut self, name: &'static str) -> Password {
        let text = Zeroizing::new(self.required_string(name));
        let password = Password::new(&text);
        if password.has_nul() {
            self.reject_value(name, "This field has a character that passwords cannot have");
        }
        password
    }

    /// Notes that a field has none of the values it may have. The message must not repeat the value.
    pub fn reject_value(&mut self, name: &'static str, message: impl Into<Cow<'static, str>>) {
        self.reject(name, "invalid", message);
    }

    /// Notes that a field is missing after all.
    pub fn reject_missing(&mut self, name: &'static str) {
        self.reject(name, "missing", "This field is missing");
    }

    /// Ends the taking.
    ///
    /// # Errors
    /// 422 `validation_failed` that names every field that was missing, empty, of the wrong type or rejected.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(ApiError::new(Code::ValidationFailed).errors(self.errors))
    }

    fn reject_type(&mut self, name: &'static str) {
        self.reject(name, "wrong_type", "This field has the wrong type");
    }

    fn reject(&mut self, field: &'static str, code: &'static str, message: impl Into<Cow<'static, str>>) {
        self.errors.push(FieldError { field: Cow::Borrowed(field), code, message: message.into() });
    }
}

/// The texts of a list, if all are.
fn texts(values: Vec<Value>) -> Option<Vec<String>> {
    let text = |value| if let Value::String(text) = value { Some(text) } else { None };
    values.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Fields {
        match value {
            Value::Object(object) => Fields::from_json(object),
            _ => panic!("no object"),
        }
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let mut fields = fields(json!({"a": "", "b": null, "c": 7, "d": [], "e": "x", "f": null, "g": "z"}));
        for name in ["a", "b", "c", "e", "nowhere"] {
            fields.required_string(name);
        }
        assert_eq!(fields.optional_string("d"), None);
        assert_eq!(fields.optional_string("f"), None);
        fields.reject_value("g", "This field must be x or y");
        let found: Vec<_> = fields.errors.iter().map(|error| (error.field.as_ref(), error.code)).collect();
        let expected = [
            ("a", "empty"),
            ("b", "missing"),
            ("c", "wrong_type"),
            ("nowhere", "missing"),
            ("d", "wrong_type"),
            ("g", "invalid"),
        ];
        assert_eq!(found, expected);
        assert_eq!(fields.finish().unwrap_err().code(), "validation_failed");
    }

    #[test]
    fn truths_lists_and_numbers_are_what_they_are() {
        let mut taken = fields(json!({
            "yes": true, "list": ["a", "b"], "none": null, "text": "x", "mixed": ["a", 1], "one": "1", "null": null,
        }));
        assert_eq!(taken.optional_bool("yes"), Some(true));
        assert_eq!(taken.optional_strings("list"), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(taken.nullable_string("none"), Some(None));
        assert_eq!(taken.nullable_string("text"), Some(Some("x".to_owned())));
        assert_eq!(taken.nullable_string("absent"), None);
        assert_eq!(taken.optional_number("one", 1..=9), Some(1));
        assert!(taken.errors.is_empty());
        assert_eq!((taken.optional_strings("mixed"), taken.optional_bool("null")), (None, None));
        assert_eq!(taken.errors.len(), 2);
        for text in ["0", "10", "-1", "+1", " 1", "1.0", "", "x", "99999999999"] {
            let mut numbers = fields(json!({"n": text}));
            assert_eq!(numbers.optional_number("n", 1..=9), None, "{text:?}");
            assert_eq!(numbers.errors.len(), 1, "{text:?}");
        }
    }

    #[test]
    fn what_is_right_is_handed_over_untouched() {
        let mut fields =
            fields(json!({"name": " a\u{0}b ", "password": " p ", "empty": "", "extra": {"x": 1}}));
        assert_eq!(fields.required_string("name"), " a\u{0}b ");
        assert_eq!(fields.required_password("password"), Password::new(" p "));
        assert_eq!(fields.optional_string("empty").as_deref(), Some(""));
        assert!(fields.finish().is_ok());
    }

    #[test]
    fn a_password_has_no_nul() {
        let mut fields = fields(json!({"password": "correct horse\u{0}"}));
        fields.required_password("password");
        assert_eq!(fields.errors[0].code, "invalid");
    }
}
