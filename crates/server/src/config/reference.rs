//! `docs/configuration.md`, written from the table of keys.

use std::fmt::Write as _;

use super::{
    keys::{self, Default, Key, Kind},
    template,
};

const INTRODUCTION: &str = "# Configuration

<!-- Written from crates/server/src/config/keys.rs; `UPDATE_DOCS=1 cargo test -p vestibule-server` writes it anew. -->

`vestibule serve` needs no configuration on a developer's machine. `vestibule init` writes a `vestibule.toml` with every
key below, commented out; `vestibule config check` says what is wrong with one.

Values are taken, the later over the earlier, from

1. the defaults,
2. one TOML file: `--config FILE`, else the one named by `VESTIBULE_CONFIG`, else `./vestibule.toml` if there is one,
3. environment variables: `VESTIBULE_` and the key in capitals, with `__` between section and key; lists are separated by
   commas,
4. the files of secrets, `secret_key_file`, `previous_secret_keys_file`, `database_url_file`, `redis_url_file` and
   `smtp.password_file`.

Durations carry their unit: `500ms`, `10s`, `15m`, `12h`, `30d`. Unknown keys, unknown `VESTIBULE_…` variables, values of
the wrong type, contradictions and weak secrets refuse to start, with exit code 2 and a sentence.
";

/// The text of the documentation.
#[must_use]
pub fn render() -> String {
    let mut text = INTRODUCTION.to_owned();
    for (section, about) in keys::SECTIONS {
        let title = if section.is_empty() { "At the top".to_owned() } else { format!("`[{section}]`") };
        let _ = write!(
            text,
            "\n## {title}\n\n{about}\n\n| key | default | value | what it does |\n|---|---|---|---|\n"
        );
        for key in keys::KEYS.iter().filter(|key| key.section() == *section) {
            let _ = writeln!(text, "{}", row(key));
        }
    }
    text
}

fn row(key: &Key) -> String {
    let default = match key.default {
        Default::Unset(unset) => unset.to_owned(),
        Default::List(items) if items.len() > 8 => {
            items.iter().map(|item| format!("`{item}`")).collect::<Vec<_>>().join(" ")
        }
        _ => format!("`{}`", template::toml_value(key)),
    };
    format!("| `{}`<br>`{}` | {default} | {} | {} |", key.name, key.variable(), value(key.kind), key.doc)
}

fn value(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".into(),
        Kind::Path => "path".into(),
        Kind::Switch => "`true` or `false`".into(),
        Kind::Count(least, most) => format!("number, {least} to {most}"),
        Kind::Share => "number from 0 to 1".into(),
        Kind::Span => "duration".into(),
        Kind::SpanOrZero => "duration, may be zero".into(),
        Kind::Choice(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Kind::Address => "IP address and port".into(),
        Kind::Origin => "URL without a path".into(),
        Kind::Origins => "list of origins".into(),
        Kind::Networks => "list of IP addresses and networks".into(),
        Kind::Names => "list of names".into(),
        Kind::Words => "list of words".into(),
        Kind::Secret => "secret, at least 32 bytes".into(),
        Kind::Secrets => "list of secrets".into(),
        Kind::SecretUrl => "URL, may hold a password".into(),
        Kind::Password => "password".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, render()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == render(),
            "docs/configuration.md is stale: run UPDATE_DOCS=1 cargo test -p vestibule-server"
        );
    }
}
