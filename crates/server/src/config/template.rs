//! The file that `vestibule init` writes: every key, commented out, with its default and what it does.

use std::fmt::Write as _;

use super::keys::{self, Default, Key, Kind};

/// The text of a `vestibule.toml` that changes nothing.
#[must_use]
pub fn render() -> String {
    let mut text = String::from(
        "# The configuration of Vestibule. Every key is shown with its default; remove the # to change one.\n\
         # Each can also be set by an environment variable, for example VESTIBULE_TOKENS__ACCESS_TTL=5m.\n",
    );
    for (section, about) in keys::SECTIONS {
        let _ = write!(text, "\n# ── {about}\n");
        if !section.is_empty() {
            let _ = writeln!(text, "[{section}]");
        }
        for key in keys::KEYS.iter().filter(|key| key.section() == *section) {
            let _ = write!(text, "\n# {}\n", key.doc);
            if let Default::Unset(unset) = key.default {
                let _ = writeln!(text, "# Default: {unset}.");
            }
            let _ = writeln!(text, "#{} = {}", key.short_name(), toml_value(key));
        }
    }
    text
}

/// The default of a key as TOML; an example where it has none.
pub(super) fn toml_value(key: &Key) -> String {
    match (key.default, key.kind) {
        (Default::Value(text), Kind::Switch | Kind::Share | Kind::Count(..)) => text.to_owned(),
        (Default::Value(text), _) => format!("{text:?}"),
        (Default::List(items), _) => format!("{items:?}"),
        (Default::Unset(_), Kind::Count(least, _)) => least.to_string(),
        (Default::Unset(_), _) => format!("{:?}", example(key)),
    }
}

fn example(key: &Key) -> &'static str {
    match key.name {
        "public_url" | "tokens.issuer" | "tokens.audience" => "https://login.example.org",
        "mode" => "production",
        "database_url" => "sqlite:./vestibule-data/vestibule.db",
        "database_url_file" => "/etc/vestibule/database_url",
        "postgres.tls_ca_file" => "/etc/vestibule/postgres-ca.pem",
        "redis_url" => "redis://127.0.0.1:6379",
        "redis_url_file" => "/etc/vestibule/redis_url",
        "redis.tls_ca_file" => "/etc/vestibule/redis-ca.pem",
        "passwords.breached_file" => "/var/lib/vestibule/pwned-passwords.txt",
        "mail.mode" => "smtp",
        "mail.site_name" | "smtp.display_name" => "Example",
        "mail.templates_dir" => "/etc/vestibule/mail",
        "smtp.host" => "smtp.example.org",
        "smtp.tls_ca_file" => "/etc/vestibule/smtp-ca.pem",
        "webhook.url" => "https://example.org/hooks/vestibule",
        "webhook.secret" | "webhook.previous_secret" => "whsec_…",
        "webhook.secret_file" => "/etc/vestibule/webhook_secret",
        "webhook.previous_secret_file" => "/etc/vestibule/webhook_previous_secret",
        "egress.tls_ca_file" => "/etc/vestibule/egress-ca.pem",
        "captcha.provider" => "turnstile",
        "captcha.site_key" => "from the captcha's provider",
        "captcha.secret" => "from the captcha's provider, too",
        "captcha.secret_file" => "/etc/vestibule/captcha_secret",
        "captcha.verify_url" => "http://127.0.0.1:4711/siteverify",
        "smtp.user" => "vestibule",
        "smtp.password" => "from your mail provider",
        "smtp.password_file" => "/etc/vestibule/smtp_password",
        "smtp.from" => "login@example.org",
        "metrics_listen" => "127.0.0.1:9100",
        "secret_key_file" => "/etc/vestibule/secret_key",
        "previous_secret_keys_file" => "/etc/vestibule/previous_secret_keys",
        "tokens.signing_key_file" => "/etc/vestibule/signing_key.pem",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Settings, Sources};

    fn problems(text: String) -> Vec<String> {
        let sources = Sources { file: Some(("vestibule.toml".into(), text)), environment: &[] };
        Settings::layer(sources).err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_file_is_right_as_written() {
        assert_eq!(problems(render()), Vec::<String>::new());
    }

    #[test]
    fn each_key_is_right_when_its_mark_is_removed() {
        let is_key = |line: &&str| line.starts_with('#') && !line.starts_with("# ");
        assert_eq!(render().lines().filter(is_key).count(), keys::KEYS.len());
        let uncommented: Vec<_> = render()
            .lines()
            // The first two name no value that could serve as an example; the others are second names for their neighbours.
            .filter(|line| {
                !["secret_key", "_keys", "_url_file", "password_file", "secret_file"]
                    .iter()
                    .any(|name| line.contains(name))
            })
            .map(|line| {
                line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned()
            })
            .collect();
        assert_eq!(problems(uncommented.join("\n")), Vec::<String>::new());
    }
}
