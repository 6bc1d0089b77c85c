//! The layers of the configuration: defaults, the file, the environment, the files of secrets.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, time::Duration};

use vestibule::core::values::secret::SecretKey;

use super::{
    file,
    keys::{self, Default, Key, Kind},
    nearest,
    value::{self, Raw, Value},
};
use crate::failure::Problem;

/// What to do about a secret that is refused.
const SECRET_HELP: &str = "`openssl rand -hex 32` makes a good one";

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The table of defaults.
    Default,
    /// A line of the configuration file.
    File(PathBuf, usize),
    /// An environment variable.
    Variable(String),
    /// The file of a secret.
    SecretFile(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::File(path, line) => write!(f, "{} line {line}", path.display()),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
            Self::SecretFile(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Something that was set, before its key is known.
pub struct Setting {
    /// The name of the key.
    pub name: String,
    /// The value.
    pub raw: Raw,
    /// Where it was set.
    pub origin: Origin,
}

/// Every value that is set, by its key's name.
pub struct Settings(BTreeMap<&'static str, (Value, Origin)>);

/// What the configuration is read from.
pub struct Sources<'a> {
    /// The file, with its text.
    pub file: Option<(PathBuf, String)>,
    /// The environment.
    pub environment: &'a [(String, String)],
}

impl Settings {
    /// Puts the layers on top of each other.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn layer(sources: Sources<'_>) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut settings = Self(BTreeMap::new());
        for key in keys::KEYS {
            settings.set_default(key);
        }
        if let Some((path, text)) = sources.file {
            match file::read(&path, &text) {
                Ok(layer) => settings.add_all(layer, &mut problems),
                Err(problem) => problems.push(problem),
            }
        }
        settings.add_all(environment_layer(sources.environment), &mut problems);
        settings.add_secret_file("secret_key", "secret_key_file", &mut problems);
        settings.add_secret_file("database_url", "database_url_file", &mut problems);
        settings.add_secret_file("redis_url", "redis_url_file", &mut problems);
        settings.add_secret_file("smtp.password", "smtp.password_file", &mut problems);
        settings.add_secret_file("webhook.secret", "webhook.secret_file", &mut problems);
        settings.add_secret_file("webhook.previous_secret", "webhook.previous_secret_file", &mut problems);
        settings.add_secret_file("captcha.secret", "captcha.secret_file", &mut problems);
        settings.add_secret_file("previous_secret_keys", "previous_secret_keys_file", &mut problems);
        if problems.is_empty() { Ok(settings) } else { Err(problems) }
    }

    fn set_default(&mut self, key: &'static Key) {
        let value = match key.default {
            Default::Unset(_) => None,
            Default::List(_) if key.kind == Kind::Secrets => Some(Value::Secrets(Vec::new())),
            Default::List(items) => Some(Value::List(items.iter().map(|&item| item.to_owned()).collect())),
            Default::Value(text) => value::read(key.kind, &Raw::Text(text.to_owned())).ok(),
        };
        if let Some(value) = value {
            self.0.insert(key.name, (value, Origin::Default));
        }
    }

    fn add_all(&mut self, layer: Vec<Setting>, problems: &mut Vec<Problem>) {
        for setting in layer {
            if let Err(problem) = self.add(&setting) {
                problems.push(problem);
            }
        }
    }

    fn add(&mut self, setting: &Setting) -> Result<(), Problem> {
        let Some(key) = keys::find(&setting.name) else { return Err(unknown(setting)) };
        let value = value::read(key.kind, &setting.raw).map_err(|expected| {
            let given =
                if key.is_secret() { String::new() } else { format!(", not {}", setting.raw.describe()) };
            // That a secret is one, the sentence has said.
            let is_ours = matches!(key.kind, Kind::Secret | Kind::Secrets);
            let help = if is_ours { SECRET_HELP } else { key.doc };
            Problem::new(format!("{} ({}) must be {expected}{given}", key.name, setting.origin)).help(help)
        })?;
        self.0.insert(key.name, (value, setting.origin.clone()));
        Ok(())
    }

    fn add_secret_file(&mut self, name: &'static str, file_name: &'static str, problems: &mut Vec<Problem>) {
        let Some(path) = self.path(file_name) else { return };
        if self.origin(name) != Origin::Default {
            let sentence = format!("both {name} ({}) and {file_name} are set", self.origin(name));
            problems.push(
                Problem::new(sentence).help(format!("remove one of them; {file_name} is the safer one")),
            );
            return;
        }
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let origin = Origin::SecretFile(path);
                // A secret may hold commas; in a file of several, each has a line.
                let is_list = keys::find(name).is_some_and(|key| key.kind == Kind::Secrets);
                let raw = if is_list {
                    Raw::Texts(text.lines().map(str::to_owned).collect())
                } else {
                    Raw::Text(text)
                };
                self.add_all(vec![Setting { name: name.to_owned(), raw, origin }], problems);
            }
            Err(error) => {
                let sentence = format!("{file_name} names {}, which cannot be read: {error}", path.display());
                problems.push(Problem::new(sentence).help("it must be a text file that this user may read"));
            }
        }
    }

    /// Where a key was set; [`Origin::Default`] where nowhere.
    #[must_use]
    pub fn origin(&self, name: &str) -> Origin {
        self.0.get(name).map_or(Origin::Default, |(_, origin)| origin.clone())
    }

    /// The value of a key, if it has one.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).map(|(value, _)| value)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.value(name)
            .and_then(|value| if let Value::Text(text) = value { Some(text.clone()) } else { None })
    }

    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.value(name)
            .and_then(|value| if let Value::Path(path) = value { Some(path.clone()) } else { None })
    }

    pub(super) fn address(&self, name: &str) -> Option<SocketAddr> {
        self.value(name)
            .and_then(|value| if let Value::Address(address) = value { Some(*address) } else { None })
    }

    pub(super) fn count(&self, name: &str) -> Option<u64> {
        self.value(name).and_then(|value| if let Value::Count(count) = value { Some(*count) } else { None })
    }

    /// A number from 0 to 1; 0 where there is none.
    pub(super) fn share(&self, name: &str) -> f64 {
        match self.value(name) {
            Some(Value::Share(share)) => *share,
            _ => 0.0,
        }
    }

    pub(super) fn secret(&self, name: &str) -> Option<SecretKey> {
        self.value(name)
            .and_then(|value| if let Value::Secret(secret) = value { Some(secret.clone()) } else { None })
    }

    pub(super) fn secrets(&self, name: &str) -> Vec<SecretKey> {
        match self.value(name) {
            Some(Value::Secrets(secrets)) => secrets.clone(),
            _ => Vec::new(),
        }
    }

    /// A URL that may hold a password.
    pub(super) fn secret_url(&self, name: &str) -> Option<&str> {
        self.value(name)
            .and_then(|value| if let Value::SecretUrl(url) = value { Some(url.as_str()) } else { None })
    }

    /// A password that somebody else chose.
    pub(super) fn password(&self, name: &str) -> Option<&str> {
        self.value(name).and_then(|value| {
            if let Value::Password(password) = value { Some(password.as_str()) } else { None }
        })
    }

    pub(super) fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Value::List(list)) => list.clone(),
            _ => Vec::new(),
        }
    }

    pub(super) fn switch(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Switch(true)))
    }

    /// A span that has a default; the test of the defaults below holds that.
    pub(super) fn span(&self, name: &str) -> Duration {
        match self.value(name) {
            Some(Value::Span(span)) => *span,
            _ => Duration::ZERO,
        }
    }
}

fn environment_layer(environment: &[(String, String)]) -> Vec<Setting> {
    let ours = environment.iter().filter_map(|(variable, value)| {
        let name = variable.strip_prefix("VESTIBULE_")?;
        let is_setting = name != "CONFIG" && !is_service_link(name);
        is_setting.then(|| Setting {
            name: name.to_lowercase().replace("__", "."),
            raw: Raw::Text(value.clone()),
            origin: Origin::Variable(variable.clone()),
        })
    });
    ours.collect()
}

/// Kubernetes puts such variables into every container beside a service named `vestibule`.
fn is_service_link(name: &str) -> bool {
    name == "PORT"
        || name.starts_with("PORT_")
        || name.starts_with("SERVICE_HOST")
        || name.starts_with("SERVICE_PORT")
}

fn unknown(setting: &Setting) -> Problem {
    let (kind, spelt) = match &setting.origin {
        Origin::Variable(variable) => ("environment variable", variable.clone()),
        origin => ("key", format!("{} ({origin})", setting.name)),
    };
    let problem = Problem::new(format!("unknown {kind} {spelt}"));
    match (nearest::key(&setting.name), &setting.origin) {
        (Some(key), Origin::Variable(_)) => problem.help(format!("did you mean {}?", key.variable())),
        (Some(key), _) => problem.help(format!("did you mean {}?", key.name)),
        (None, _) => problem.help("`vestibule init` writes a file with every key and what it does"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(file: &str, environment: &[(&str, &str)]) -> Result<Settings, Vec<Problem>> {
        let environment: Vec<_> =
            environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let file = Some((PathBuf::from("v.toml"), file.to_owned()));
        Settings::layer(Sources { file, environment: &environment })
    }

    fn problems(file: &str, environment: &[(&str, &str)]) -> String {
        let problems = layer(file, environment).err().unwrap();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_default_is_a_value_of_its_kind() {
        let settings = layer("", &[]).unwrap_or_else(|_| unreachable!());
        for key in keys::KEYS {
            let is_unset = matches!(key.default, Default::Unset(_));
            assert_eq!(settings.value(key.name).is_none(), is_unset, "{}", key.name);
        }
    }

    #[test]
    fn the_environment_lies_above_the_file_and_that_above_the_defaults() {
        let file = "listen = \"127.0.0.1:1\"\n[tokens]\naccess_ttl = \"1m\"\nscopes = [\"a\"]";
        let settings =
            layer(file, &[("VESTIBULE_TOKENS__ACCESS_TTL", "2m")]).unwrap_or_else(|_| unreachable!());
        assert_eq!(settings.span("tokens.access_ttl").as_secs(), 120);
        assert_eq!(settings.address("listen").unwrap().port(), 1);
        assert_eq!(settings.list("tokens.scopes"), ["a"]);
        assert_eq!(settings.span("tokens.refresh_ttl").as_secs(), 30 * 86_400);
    }

    #[test]
    fn t30_unknown_keys_are_refused_and_the_nearest_is_named() {
        let found = problems("\n[server]\nshutdown_grce = \"1s\"", &[("VESTIBULE_TOKENS__ACESS_TTL", "1m")]);
        assert!(found.contains("unknown key server.shutdown_grce (v.toml line 3)"), "{found}");
        assert!(found.contains("did you mean server.shutdown_grace?"), "{found}");
        assert!(found.contains("did you mean VESTIBULE_TOKENS__ACCESS_TTL?"), "{found}");
        assert!(problems("access_ttl = \"1m\"", &[]).contains("did you mean tokens.access_ttl?"));
    }

    #[test]
    fn t30_a_wrong_type_names_the_key_and_what_it_must_be() {
        let found = problems("[server]\nshutdown_grace = 20\nmax_connections = \"many\"", &[]);
        assert!(found.contains("server.shutdown_grace (v.toml line 2) must be"), "{found}");
        assert!(found.contains("not the number 20"), "{found}");
        assert!(found.contains("server.max_connections (v.toml line 3) must be a whole number"), "{found}");
    }

    #[test]
    fn t30_a_secret_given_twice_is_a_contradiction() {
        let secret = SecretKey::generate();
        let secret = String::from_utf8(secret.expose().to_vec()).unwrap();
        let found = problems("secret_key_file = \"/nowhere\"", &[("VESTIBULE_SECRET_KEY", &secret)]);
        assert!(found.contains("both secret_key"), "{found}");
        assert!(!found.contains(&secret));
    }

    #[test]
    fn what_kubernetes_sets_for_a_service_is_not_ours() {
        let environment = [("VESTIBULE_PORT", "tcp://10.0.0.1:8000"), ("VESTIBULE_SERVICE_HOST", "10.0.0.1")];
        assert!(layer("", &environment).is_ok());
    }
}
