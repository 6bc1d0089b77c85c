//! The configuration: defaults below a TOML file below the environment below the files of secrets.

mod accounts;
mod audit;
mod captcha;
mod danger;
mod database;
mod egress;
mod file;
pub mod keys;
mod log;
mod login;
mod mail;
mod nearest;
mod passwords;
mod production;
mod redis;
pub mod reference;
mod registration;
mod secrets;
mod server;
mod service;
mod settings;
pub mod template;
#[cfg(test)]
mod testing;
mod throttle;
mod tokens;
mod usernames;
mod value;
mod webhook;

use std::path::{Path, PathBuf};

pub use accounts::Accounts;
pub use audit::Audit;
pub use captcha::{Captcha, Keyed};
pub use danger::Danger;
pub use egress::Egress;
pub use log::{Log, LogFormat};
pub use login::Login;
pub use mail::{Mail, MailMode};
pub use passwords::{MOST_MEMORY_KIB, Passwords};
pub use redis::Redis;
pub use registration::Registration;
pub use secrets::Secrets;
pub use server::Server;
pub use service::{Mode, Service};
pub use settings::{Origin, Setting, Settings, Sources};
pub use throttle::Throttle;
pub use tokens::Tokens;
pub use usernames::Usernames;
pub use value::{Raw, Value, read_span, write_span};
pub use webhook::Webhook;

use crate::failure::{Failure, Problem};

/// The file that is read from the working directory where none is named.
pub const DEFAULT_FILE: &str = "vestibule.toml";

/// The whole configuration. Printing it shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// The keys at the top.
    pub service: Service,
    /// `secret_key` and its predecessors.
    pub secrets: Secrets,
    /// `[server]`
    pub server: Server,
    /// `[tokens]`
    pub tokens: Tokens,
    /// `[login]`
    pub login: Login,
    /// `[passwords]`
    pub passwords: Passwords,
    /// `[usernames]`
    pub usernames: Usernames,
    /// `[throttle]`
    pub throttle: Throttle,
    /// `redis_url` and `[redis]`
    pub redis: Redis,
    /// `[mail]` and `[smtp]`
    pub mail: Mail,
    /// `[egress]`
    pub egress: Egress,
    /// `[webhook]`
    pub webhook: Option<Webhook>,
    /// `[registration]`
    pub registration: Registration,
    /// `[accounts]`
    pub accounts: Accounts,
    /// `[captcha]`
    pub captcha: Captcha,
    /// `[danger]`
    pub danger: Danger,
    /// `[audit]`
    pub audit: Audit,
    /// `[log]`
    pub log: Log,
}

/// The configuration together with where it came from.
pub struct Loaded {
    /// The file, if one was read.
    pub file: Option<PathBuf>,
    /// Every value and its origin.
    pub settings: Settings,
    /// What the server runs with.
    pub config: Config,
}

/// Reads the configuration of this process.
///
/// # Errors
/// Everything that is wrong with it; exit code 2.
pub fn load(named: Option<&Path>) -> Result<Loaded, Failure> {
    let environment = environment()?;
    let from_environment = environment.iter().find(|(name, _)| name == "VESTIBULE_CONFIG");
    let named = named.map(Path::to_owned).or_else(|| from_environment.map(|(_, path)| PathBuf::from(path)));
    let file = read_file(named)?;
    let path = file.as_ref().map(|(path, _)| path.clone());
    let settings = Settings::layer(Sources { file, environment: &environment })?;
    let config = Config::read(&settings)?;
    Ok(Loaded { file: path, settings, config })
}

fn environment() -> Result<Vec<(String, String)>, Failure> {
    let ours = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("VESTIBULE_"));
    ours.map(|(name, value)| {
        let name = name.to_string_lossy().into_owned();
        let value = value.into_string().map_err(|_| {
            Failure::usage(Problem::new(format!("the environment variable {name} is not UTF-8 text")))
        })?;
        Ok((name, value))
    })
    .collect()
}

fn read_file(named: Option<PathBuf>) -> Result<Option<(PathBuf, String)>, Failure> {
    let is_named = named.is_some();
    let path = named.unwrap_or_else(|| DEFAULT_FILE.into());
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => Ok(None),
        Err(error) => {
            let sentence = format!("the configuration file {} cannot be read: {error}", path.display());
            let help = match error.kind() {
                std::io::ErrorKind::NotFound => "`vestibule init` writes one",
                std::io::ErrorKind::PermissionDenied => "give this user read access to it",
                _ => "it must be a file of UTF-8 text",
            };
            Err(Failure::usage(Problem::new(sentence).help(help)))
        }
    }
}

impl Config {
    /// Takes the sections out of the settings and checks what concerns several of them.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn read(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let config = Self {
            service: Service::read(settings, &mut problems),
            secrets: Secrets::read(settings),
            server: Server::read(settings),
            tokens: Tokens::read(settings, &mut problems),
            login: Login::read(settings),
            passwords: Passwords::read(settings, &mut problems),
            usernames: Usernames::read(settings, &mut problems),
            throttle: Throttle::read(settings),
            redis: Redis::read(settings, &mut problems),
            mail: Mail::read(settings, &mut problems),
            egress: Egress::read(settings, &mut problems),
            webhook: Webhook::read(settings, &mut problems),
            registration: Registration::read(settings),
            accounts: Accounts::read(settings),
            captcha: Captcha::read(settings, &mut problems),
            danger: Danger::read(settings),
            audit: Audit::read(settings),
            log: Log::read(settings, &mut problems),
        };
        production::check(&config, &mut problems);
        config.captcha.check(&config.service, &mut problems);
        config.registration.check(&config.mail.mode, config.danger, &mut problems);
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    /// What is allowed and should be thought over.
    #[must_use]
    pub fn warnings(&self) -> Vec<Problem> {
        self.danger.warnings().into_iter().chain(production::warnings(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::read, *};
    use crate::database::Database;

    const NO_MAIL: (&str, &str) = ("VESTIBULE_MAIL__MODE", "off");

    #[test]
    fn nothing_needs_to_be_configured() {
        let config = read(&[]).unwrap();
        assert_eq!(config.service.mode, Mode::Development);
        assert_eq!(config.service.public_url("127.0.0.1:4711".parse().unwrap()), "http://127.0.0.1:4711");
        assert_eq!(config.service.database.file(), Some(Path::new("./vestibule-data/vestibule.db")));
    }

    #[test]
    fn a_public_address_needs_a_public_url() {
        let refusal = read(&[("VESTIBULE_LISTEN", "0.0.0.0:80")]).unwrap_err();
        assert!(refusal.contains("public_url must be set"), "{refusal}");
    }

    #[test]
    fn production_is_the_default_away_from_loopback_and_refuses_what_is_unsafe() {
        let https = ("VESTIBULE_PUBLIC_URL", "https://login.example.org");
        let unlimited = ("VESTIBULE_THROTTLE__ENABLED", "false");
        assert_eq!(read(&[https, NO_MAIL]).unwrap().service.mode, Mode::Production);
        for (environment, told) in [
            (&[("VESTIBULE_PUBLIC_URL", "http://login.example.org")][..], "public_url must be https"),
            (&[("VESTIBULE_MODE", "production")][..], "public_url must be https"),
            (&[https, unlimited][..], "throttle.enabled=false is refused"),
        ] {
            let refusal = read(environment).unwrap_err();
            assert!(refusal.contains(told), "{refusal}");
        }
        assert!(read(&[unlimited]).is_ok());
    }

    #[test]
    fn what_is_out_of_all_proportion_is_refused() {
        for (name, value, told) in [
            ("VESTIBULE_TOKENS__ACCESS_TTL", "31d", "tokens.access_ttl is longer than tokens.refresh_ttl"),
            ("VESTIBULE_TOKENS__REFRESH_TTL", "91d", "tokens.refresh_max is shorter than tokens.refresh_ttl"),
            ("VESTIBULE_TOKENS__LEEWAY", "301s", "tokens.leeway must be at most 5m"),
            ("VESTIBULE_TOKENS__REFRESH_GRACE", "6m", "tokens.refresh_grace must be at most 5m"),
            ("VESTIBULE_PASSWORDS__THREADS", "1024", "is 19 GiB for hashing"),
        ] {
            let refusal = read(&[(name, value)]).unwrap_err();
            assert!(refusal.contains(told), "{refusal}");
        }
        assert!(read(&[("VESTIBULE_TOKENS__LEEWAY", "5m"), ("VESTIBULE_PASSWORDS__THREADS", "64")]).is_ok());
    }

    #[test]
    fn what_conceals_accounts_keeps_its_word_or_does_not_start() {
        let conceal = ("VESTIBULE_REGISTRATION__CONCEAL_EXISTING", "true");
        let config = read(&[conceal]).unwrap();
        assert!(config.registration.require_confirmation, "it comes along");
        assert!(read(&[conceal, ("VESTIBULE_REGISTRATION__REQUIRE_CONFIRMATION", "true")]).is_ok());
        for (other, told) in [
            (
                ("VESTIBULE_REGISTRATION__REQUIRE_CONFIRMATION", "false"),
                "require_confirmation=false contradict",
            ),
            (NO_MAIL, "registration.conceal_existing needs mail"),
            (
                ("VESTIBULE_DANGER__REVEAL_UNKNOWN_ACCOUNTS", "true"),
                "danger.reveal_unknown_accounts contradict",
            ),
        ] {
            let refusal = read(&[conceal, other]).unwrap_err();
            assert!(refusal.contains(told) && refusal.lines().count() <= 2, "{refusal}");
        }
    }

    #[test]
    fn what_is_dangerous_is_warned_of_in_every_mode() {
        let reveal = ("VESTIBULE_DANGER__REVEAL_UNKNOWN_ACCOUNTS", "true");
        let https = ("VESTIBULE_PUBLIC_URL", "https://login.example.org");
        assert!(read(&[]).unwrap().warnings().is_empty());
        for environment in [&[reveal][..], &[reveal, https, NO_MAIL]] {
            let warnings = read(environment).unwrap().warnings();
            assert_eq!(warnings.len(), 1);
            assert!(warnings[0].to_string().contains("danger.reveal_unknown_accounts"));
        }
    }

    #[test]
    fn contradictions_are_refused_all_at_once() {
        let refusal = read(&[
            ("VESTIBULE_USERNAMES__MIN_LENGTH", "30"),
            ("VESTIBULE_PASSWORDS__MAX_LENGTH", "8"),
            ("VESTIBULE_PASSWORDS__MIN_LENGTH", "9"),
            ("VESTIBULE_TOKENS__REFRESH_MAX", "1d"),
            ("VESTIBULE_DATABASE_URL", "postgres://ada:hunter2@db.example:port/vestibule"),
            ("VESTIBULE_REDIS_URL", "redis://:secret@a,b"),
            ("VESTIBULE_REDIS__PREFIX", "{a}"),
            ("VESTIBULE_LOG__LEVEL", "loud=very"),
        ])
        .unwrap_err();
        for told in [
            "usernames.min_length",
            "passwords.min_length",
            "tokens.refresh_max",
            "database_url (the environment variable VESTIBULE_DATABASE_URL) is refused",
            "redis_url (the environment variable VESTIBULE_REDIS_URL) names several hosts",
            "redis.prefix",
            "log.level",
        ] {
            assert!(refusal.contains(told), "{told}: {refusal}");
        }
        assert!(!refusal.contains("secret@") && !refusal.contains("hunter2"), "{refusal}");
    }

    #[test]
    fn who_must_confirm_must_be_written_to() {
        let required = ("VESTIBULE_REGISTRATION__REQUIRE_CONFIRMATION", "true");
        let refusal = read(&[required, NO_MAIL]).unwrap_err();
        assert!(refusal.contains("registration.require_confirmation needs mail"), "{refusal}");
        assert!(read(&[required]).unwrap().registration.require_confirmation);
        assert!(!read(&[NO_MAIL]).unwrap().registration.require_confirmation);
    }

    #[test]
    fn a_postgresql_database_is_tuned_and_shown_without_its_password() {
        let url = ("VESTIBULE_DATABASE_URL", "postgres://ada:hunter2@db.example/vestibule");
        let config = read(&[url, ("VESTIBULE_POSTGRES__CONNECTIONS", "4")]).unwrap();
        let Database::Postgres(options) = &config.service.database else { unreachable!() };
        assert_eq!((options.connections.get(), options.prepared, options.is_encrypted()), (4, true, true));
        let shown = format!("{config:?} {}", config.service.database);
        assert!(shown.contains("db.example:5432/vestibule") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn nodes_of_a_production_share_a_secret_that_somebody_chose() {
        let https = ("VESTIBULE_PUBLIC_URL", "https://login.example.org");
        let url = ("VESTIBULE_DATABASE_URL", "postgres://ada@db.example/vestibule");
        assert!(read(&[https, url]).unwrap_err().contains("secret_key must be set"));
        let secret = vestibule::core::values::secret::SecretKey::generate();
        let secret = String::from_utf8(secret.expose().to_vec()).unwrap();
        assert!(read(&[https, url, NO_MAIL, ("VESTIBULE_SECRET_KEY", &secret)]).is_ok());
    }

    #[test]
    fn production_warns_of_what_crosses_the_network_in_plain_text() {
        let https = ("VESTIBULE_PUBLIC_URL", "https://login.example.org");
        let secret = ("VESTIBULE_SECRET_KEY", "Zk5qT0c2b1pXbE9uR3hVd2RqWQ-in-plain-text-9");
        let plain = "postgres://ada:hunter2@db.example/vestibule?sslmode=disable";
        for (database, redis, told) in [
            (plain, "redis://:hunter2@cache.example", &["db.example:5432/vestibule", "redis://cache"][..]),
            (plain, "rediss://:hunter2@cache.example", &["db.example:5432/vestibule"]),
            (
                "postgres://ada:hunter2@db.example/vestibule",
                "redis+cluster://localhost,cache",
                &["cache:6379"],
            ),
            ("postgres://ada@localhost/vestibule", "redis://127.0.0.1", &[]),
            ("sqlite:vestibule.db", "redis+sentinel://localhost/main", &[]),
        ] {
            let environment = [
                https,
                secret,
                NO_MAIL,
                ("VESTIBULE_DATABASE_URL", database),
                ("VESTIBULE_REDIS_URL", redis),
            ];
            let warnings: Vec<_> = read(&environment).unwrap().warnings();
            let shown: Vec<_> = warnings.iter().map(ToString::to_string).collect();
            assert_eq!(shown.len(), told.len(), "{shown:?}");
            for (warning, told) in shown.iter().zip(told) {
                assert!(warning.contains(told) && !warning.contains("hunter2"), "{warning}");
            }
            let development = [("VESTIBULE_MODE", "development")];
            let relaxed = read(&[&environment[..], &development].concat()).unwrap();
            assert!(relaxed.warnings().is_empty());
        }
    }

    #[test]
    fn an_authority_for_a_redis_without_tls_is_a_contradiction() {
        let authority = ("VESTIBULE_REDIS__TLS_CA_FILE", "ca.pem");
        let refusal = read(&[authority, ("VESTIBULE_REDIS_URL", "redis://cache")]).unwrap_err();
        assert!(refusal.contains("redis.tls_ca_file") && refusal.contains("rediss"), "{refusal}");
        let config = read(&[authority, ("VESTIBULE_REDIS_URL", "rediss://cache")]).unwrap();
        assert_eq!(config.redis.options().unwrap().tls_ca_file.as_deref(), Some(Path::new("ca.pem")));
    }

    #[test]
    fn a_redis_is_shown_without_its_password() {
        let url = ("VESTIBULE_REDIS_URL", "rediss+sentinel://ada:hunter2@a,b/main");
        let config = read(&[url, ("VESTIBULE_REDIS__TIMEOUT", "50ms")]).unwrap();
        assert_eq!(config.redis.options().unwrap().patience.as_millis(), 50);
        let shown = format!("{config:?}");
        assert!(shown.contains("rediss+sentinel://a:26379,b:26379/main"), "{shown}");
        assert!(!shown.contains("hunter2") && !shown.contains("ada"), "{shown}");
        assert!(read(&[]).unwrap().redis.options().is_none());
    }
}
