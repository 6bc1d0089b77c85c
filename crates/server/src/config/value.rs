//! Configuration values: read from what the file or the environment gave, by their kind.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use vestibule::{
    core::values::{scope::is_scope_name, secret::SecretKey},
    http::{client::AddressRange, same_origin::Origin},
};

use super::keys::Kind;

/// Ten thousand years: more would leave the range of dates that can be printed.
const LONGEST_SPAN_MILLIS: u64 = 10_000 * 365 * 86_400_000;

/// A value as it was given, before its kind is known to fit.
pub enum Raw {
    /// From the environment or a secret's file, where everything is text.
    Text(String),
    /// A TOML string.
    TomlText(String),
    /// A TOML integer.
    TomlInteger(String),
    /// A TOML number with a fraction.
    TomlFloat(String),
    /// A TOML boolean.
    TomlBoolean(bool),
    /// A TOML array of strings, or the lines of a secret's file.
    Texts(Vec<String>),
    /// Another TOML type, by its name.
    TomlOther(&'static str),
}

/// A value of its kind. It has no `Debug`: some values are secrets.
#[derive(Clone)]
pub enum Value {
    /// A text, a choice, or an origin without a final slash.
    Text(String),
    /// A path.
    Path(PathBuf),
    /// A switch.
    Switch(bool),
    /// A number.
    Count(u64),
    /// A number from 0 to 1.
    Share(f64),
    /// A span of time.
    Span(Duration),
    /// An address and port.
    Address(SocketAddr),
    /// A list of names, origins or networks.
    List(Vec<String>),
    /// A secret.
    Secret(SecretKey),
    /// Secrets.
    Secrets(Vec<SecretKey>),
    /// A URL that may hold a password.
    SecretUrl(String),
    /// A password that somebody else chose.
    Password(String),
}

/// Reads a value.
///
/// # Errors
/// What was expected, to be put after "must be".
pub(super) fn read(kind: Kind, raw: &Raw) -> Result<Value, String> {
    match kind {
        Kind::Switch => read_switch(raw),
        Kind::Count(least, most) => read_count(raw, least, most),
        Kind::Share => read_share(raw),
        Kind::Origins | Kind::Networks | Kind::Names | Kind::Words | Kind::Secrets => read_list(kind, raw),
        _ => {
            let text = raw.text().ok_or_else(|| expected(kind))?;
            read_text(kind, text)
        }
    }
}

impl Raw {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::TomlText(text) => Some(text),
            _ => None,
        }
    }

    /// What was given, for an error about a key that is not secret.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Text(text) | Self::TomlText(text) => format!("{text:?}"),
            Self::TomlInteger(digits) | Self::TomlFloat(digits) => format!("the number {digits}"),
            Self::TomlBoolean(value) => value.to_string(),
            Self::Texts(_) => "a list".to_owned(),
            Self::TomlOther(name) => format!("a TOML {name}"),
        }
    }
}

fn expected(kind: Kind) -> String {
    match kind {
        Kind::Span | Kind::SpanOrZero => {
            "a duration with its unit such as \"500ms\", \"10s\", \"15m\", \"12h\" or \"30d\"".into()
        }
        Kind::Choice(words) => {
            let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
            format!("one of {}", words.join(", "))
        }
        Kind::Address => "an IP address and a port such as \"127.0.0.1:8000\" or \"[::]:8000\"".into(),
        Kind::Origin => "a URL without a path such as \"https://login.example.org\"".into(),
        Kind::Origins => "a list of origins such as \"https://app.example.org\"".into(),
        Kind::Networks => "a list of IP addresses or networks such as \"10.0.0.0/8\"".into(),
        Kind::Names => "a list of names".into(),
        Kind::Words => "a list of words".into(),
        Kind::Secrets => "a list of secrets".into(),
        Kind::Path => "the path of a file or folder, as a text".into(),
        Kind::Text | Kind::Switch | Kind::Count(..) | Kind::Secret | Kind::Password => "a text".into(),
        Kind::SecretUrl => "a URL".into(),
        Kind::Share => "a number from 0 to 1 such as 0.5".into(),
    }
}

fn read_switch(raw: &Raw) -> Result<Value, String> {
    match raw {
        Raw::TomlBoolean(value) => Ok(Value::Switch(*value)),
        Raw::Text(text) if text == "true" => Ok(Value::Switch(true)),
        Raw::Text(text) if text == "false" => Ok(Value::Switch(false)),
        _ => Err("true or false".into()),
    }
}

fn read_count(raw: &Raw, least: u64, most: u64) -> Result<Value, String> {
    let digits = match raw {
        Raw::TomlInteger(digits) | Raw::Text(digits) => digits.as_str(),
        _ => "",
    };
    let count = digits.parse().ok().filter(|count| (least..=most).contains(count));
    count.map(Value::Count).ok_or_else(|| format!("a whole number from {least} to {most}"))
}

fn read_share(raw: &Raw) -> Result<Value, String> {
    let digits = match raw {
        Raw::TomlInteger(digits) | Raw::TomlFloat(digits) | Raw::Text(digits) => digits.as_str(),
        _ => "",
    };
    let share = digits.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.map(Value::Share).ok_or_else(|| expected(Kind::Share))
}

fn read_list(kind: Kind, raw: &Raw) -> Result<Value, String> {
    let items: Vec<String> = match raw {
        Raw::Texts(items) => items.clone(),
        Raw::Text(text) => text.split(',').map(|item| item.trim().to_owned()).collect(),
        _ => return Err(expected(kind)),
    };
    let items = items.into_iter().filter(|item| !item.is_empty());
    let read_item = |item: String| match kind {
        Kind::Origins => read_origin(&item),
        Kind::Networks => item.parse::<AddressRange>().is_ok().then_some(item),
        Kind::Words => Some(item),
        _ => is_scope_name(&item).then_some(item),
    };
    if kind == Kind::Secrets {
        return items.map(|item| read_secret(&item)).collect::<Result<_, _>>().map(Value::Secrets);
    }
    items.map(read_item).collect::<Option<_>>().map(Value::List).ok_or_else(|| expected(kind))
}

fn read_text(kind: Kind, text: &str) -> Result<Value, String> {
    let value = match kind {
        Kind::Secret => return read_secret(text).map(Value::Secret),
        Kind::Span => read_span(text).filter(|span| !span.is_zero()).map(Value::Span),
        Kind::SpanOrZero => read_span(text).map(Value::Span),
        Kind::Choice(words) => words.contains(&text).then(|| Value::Text(text.to_owned())),
        Kind::Address => text.parse().ok().map(Value::Address),
        Kind::Origin => read_origin(text).map(Value::Text),
        // In a file of its own a line ends after it.
        Kind::SecretUrl => {
            Some(text.trim()).filter(|text| !text.is_empty()).map(|text| Value::SecretUrl(text.into()))
        }
        Kind::Password => {
            let text = text.trim_end_matches(['\r', '\n']);
            let is_one_line = !text.is_empty() && !text.chars().any(char::is_control);
            is_one_line.then(|| Value::Password(text.into()))
        }
        Kind::Path => (!text.is_empty()).then(|| Value::Path(text.into())),
        _ => (!text.is_empty()).then(|| Value::Text(text.to_owned())),
    };
    value.ok_or_else(|| expected(kind))
}

fn read_secret(text: &str) -> Result<SecretKey, String> {
    SecretKey::parse(text.as_bytes()).map_err(|weakness| format!("random bytes: {weakness}"))
}

/// Reads `500ms`, `10s`, `15m`, `12h` or `30d`. A bare number is none: its unit would be a guess.
#[must_use]
pub fn read_span(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let millis_per_unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let millis = digits.parse::<u64>().ok()?.checked_mul(millis_per_unit)?;
    (millis <= LONGEST_SPAN_MILLIS).then(|| Duration::from_millis(millis))
}

/// Writes a span as it would be configured, in the largest unit that leaves a whole number.
#[must_use]
pub fn write_span(span: Duration) -> String {
    let millis = span.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    let fitting = units.into_iter().find(|(_, size)| millis > 0 && millis.is_multiple_of(*size));
    match fitting {
        Some((unit, size)) => format!("{}{unit}", millis / size),
        None if millis == 0 => "0s".to_owned(),
        None => format!("{millis}ms"),
    }
}

/// Reads an origin, as browsers write it.
fn read_origin(text: &str) -> Option<String> {
    text.strip_suffix('/').unwrap_or(text).parse::<Origin>().ok().map(|origin| origin.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_needs_its_unit() {
        assert_eq!(read_span("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(read_span("30d"), Some(Duration::from_hours(24 * 30)));
        assert_eq!(read_span("0s"), Some(Duration::ZERO));
        for text in ["", "10", "s", "10 s", "-1s", "1.5h", "10S", "99999999999999999999s", "9999999d"] {
            assert_eq!(read_span(text), None, "{text}");
        }
    }

    #[test]
    fn a_span_is_written_as_it_is_configured() {
        for text in ["500ms", "10s", "15m", "36h", "90d", "0s", "1500ms"] {
            assert_eq!(write_span(read_span(text).unwrap()), text);
        }
        assert_eq!(write_span(read_span("2160h").unwrap()), "90d");
    }

    #[test]
    fn an_origin_has_no_path_and_no_credentials() {
        assert_eq!(read_origin("https://Login.Example.org/").as_deref(), Some("https://login.example.org"));
        assert_eq!(read_origin("http://[::1]:8000").as_deref(), Some("http://[::1]:8000"));
        for text in [
            "",
            "example.org",
            "ftp://a.example",
            "https://a.example/x",
            "https://a.example/?q",
            "https://u:p@a.example",
        ] {
            assert_eq!(read_origin(text), None, "{text}");
        }
    }

    #[test]
    fn values_in_the_file_have_their_toml_type() {
        assert!(read(Kind::Switch, &Raw::TomlText("true".into())).is_err());
        assert!(read(Kind::Count(1, 9), &Raw::TomlText("5".into())).is_err());
        assert!(read(Kind::Span, &Raw::TomlInteger("30".into())).is_err());
        assert!(read(Kind::Names, &Raw::TomlText("a,b".into())).is_err());
        assert!(read(Kind::Count(1, 9), &Raw::Text("10".into())).is_err());
        assert!(
            matches!(read(Kind::Names, &Raw::Text("a, b,".into())), Ok(Value::List(list)) if list == ["a", "b"])
        );
    }

    #[test]
    fn t30_a_weak_secret_is_refused_without_showing_it() {
        let refusal =
            read(Kind::Secret, &Raw::Text("changeme-changeme-changeme-0123456789".into())).err().unwrap();
        assert!(refusal.contains("sample") && !refusal.contains("changeme"), "{refusal}");
    }
}
