//! The configuration file: TOML, flattened to names, each with the line it stands on.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::{
    keys::SECTIONS,
    nearest,
    settings::{Origin, Setting},
    value::Raw,
};
use crate::failure::Problem;

/// Reads a file's text.
///
/// # Errors
/// Where it is no TOML, or has a section that does not exist.
pub(super) fn read(path: &Path, text: &str) -> Result<Vec<Setting>, Problem> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        Problem::new(format!("{} line {line} is not TOML: {}", path.display(), error.message()))
    })?;
    let mut reading = Reading { path, text, settings: Vec::new() };
    for (name, value) in table.get_ref() {
        match value.get_ref() {
            DeValue::Table(section) => reading.add_section(name.get_ref(), section, value.span().start)?,
            other => reading.add(name.get_ref().to_string(), other, name.span().start),
        }
    }
    Ok(reading.settings)
}

struct Reading<'a> {
    path: &'a Path,
    text: &'a str,
    settings: Vec<Setting>,
}

impl Reading<'_> {
    fn add_section(&mut self, name: &str, section: &DeTable<'_>, at: usize) -> Result<(), Problem> {
        if name.is_empty() || !SECTIONS.iter().any(|(known, _)| *known == name) {
            let line = line_of(self.text, at);
            let help = nearest::section(name).map(|near| format!("did you mean [{near}]?"));
            let help = help.unwrap_or_else(|| {
                let names: Vec<_> = SECTIONS.iter().skip(1).map(|(name, _)| *name).collect();
                format!("the sections are {}", names.join(", "))
            });
            let sentence = format!("unknown section [{name}] ({} line {line})", self.path.display());
            return Err(Problem::new(sentence).help(help));
        }
        for (key, value) in section {
            self.add(format!("{name}.{}", key.get_ref()), value.get_ref(), key.span().start);
        }
        Ok(())
    }

    fn add(&mut self, name: String, value: &DeValue<'_>, at: usize) {
        let origin = Origin::File(self.path.to_owned(), line_of(self.text, at));
        self.settings.push(Setting { name, raw: raw(value), origin });
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::TomlText(text.to_string()),
        DeValue::Integer(integer) if integer.radix() == 10 => Raw::TomlInteger(integer.as_str().to_owned()),
        DeValue::Float(float) => Raw::TomlFloat(float.as_str().to_owned()),
        DeValue::Boolean(value) => Raw::TomlBoolean(*value),
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            texts.collect::<Option<_>>().map_or(Raw::TomlOther("array"), Raw::Texts)
        }
        other => Raw::TomlOther(other.type_str()),
    }
}

fn line_of(text: &str, position: usize) -> usize {
    1 + text.bytes().take(position).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t30_what_is_no_toml_is_refused_with_its_line() {
        let problem = read(Path::new("v.toml"), "listen = \"127.0.0.1:1\"\n[server\n").err().unwrap();
        assert!(problem.sentence.starts_with("v.toml line 2 is not TOML"), "{problem}");
    }

    #[test]
    fn t30_an_unknown_section_is_refused() {
        let problem = read(Path::new("v.toml"), "\n[sever]\nlisten = 1\n").err().unwrap();
        assert_eq!(problem.sentence, "unknown section [sever] (v.toml line 2)");
        assert_eq!(problem.help.unwrap(), "did you mean [server]?");
        for (name, told) in [("token", "[tokens]"), ("completely_other", "the sections are server, tokens")] {
            let problem = read(Path::new("v.toml"), &format!("[{name}]\nx = 1\n")).err().unwrap();
            assert!(problem.help.unwrap().contains(told), "{name}");
        }
    }

    #[test]
    fn names_carry_their_section_and_line() {
        let settings =
            read(Path::new("v.toml"), "listen = \"x\"\n\n[server]\nmax_connections = 1_0\n").unwrap();
        let found: Vec<_> = settings.iter().map(|s| (s.name.as_str(), s.origin.to_string())).collect();
        assert_eq!(
            found,
            [("listen", "v.toml line 1".to_owned()), ("server.max_connections", "v.toml line 4".to_owned())]
        );
        assert!(matches!(&settings[1].raw, Raw::TomlInteger(digits) if digits == "10"));
    }
}
