//! `[mail]` and `[smtp]`: what people are written, and who takes it.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use vestibule::core::values::email::Email;
use vestibule_mail::{Encryption, Login};
use zeroize::Zeroizing;

use super::settings::Settings;
use crate::failure::Problem;

/// Letters count in minutes.
const LEAST_LIFETIME: Duration = Duration::from_mins(1);

/// What people are written. Printing it shows no password.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Where letters go.
    pub mode: MailMode,
    /// What letters call this place; the host of the public URL where unset.
    pub site_name: Option<String>,
    /// How long an address can be confirmed.
    pub confirm_ttl: Duration,
    /// How long a new password can be chosen.
    pub reset_ttl: Duration,
    /// Whether owners are told of devices that are new to their accounts.
    pub new_device: bool,
    /// Templates in place of those of the program.
    pub templates_dir: Option<PathBuf>,
}

/// Where letters go.
#[derive(Clone, Debug)]
pub enum MailMode {
    /// To a mail server.
    Smtp(Box<Smtp>),
    /// Into an inbox in memory.
    Inbox {
        /// Whether somebody asked for it, rather than for nothing.
        is_chosen: bool,
    },
    /// Nowhere.
    Off,
}

/// The mail server.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// Whose certificates are trusted, where it is not those the machine trusts.
    pub tls_ca_file: Option<PathBuf>,
    /// Who we are, where it wants to know.
    pub login: Option<Login>,
    /// The address that letters come from.
    pub from: Email,
    /// The name beside it; the site's where unset.
    pub display_name: Option<String>,
    /// How long one delivery may take.
    pub timeout: Duration,
}

impl Mail {
    pub(super) fn read(settings: &Settings, problems: &mut Vec<Problem>) -> Self {
        let mail = Self {
            mode: mode(settings, problems),
            site_name: settings.text("mail.site_name"),
            confirm_ttl: settings.span("mail.confirm_ttl"),
            reset_ttl: settings.span("mail.reset_ttl"),
            new_device: settings.switch("mail.new_device"),
            templates_dir: settings.path("mail.templates_dir"),
        };
        for (name, span) in [("mail.confirm_ttl", mail.confirm_ttl), ("mail.reset_ttl", mail.reset_ttl)] {
            if span < LEAST_LIFETIME {
                problems.push(Problem::new(format!("{name} must be at least 1m")));
            }
        }
        mail
    }
}

fn mode(settings: &Settings, problems: &mut Vec<Problem>) -> MailMode {
    let chosen = settings.text("mail.mode");
    let host = settings.text("smtp.host");
    match (chosen.as_deref(), host) {
        (Some("off"), _) => MailMode::Off,
        (Some("inbox"), _) => MailMode::Inbox { is_chosen: true },
        (_, Some(host)) => {
            // Without a server the mode does not matter: the problems keep it from being used.
            Smtp::read(host, settings, problems).map_or(MailMode::Off, |smtp| MailMode::Smtp(Box::new(smtp)))
        }
        (None, None) => MailMode::Inbox { is_chosen: false },
        (Some(_), None) => {
            problems.push(
                Problem::new("smtp.host must be set where mail.mode is \"smtp\"").help(
                    "set it to the name of your mail server, and smtp.from to the address to send from",
                ),
            );
            MailMode::Off
        }
    }
}

impl Smtp {
    fn read(host: String, settings: &Settings, problems: &mut Vec<Problem>) -> Option<Self> {
        let encryption = match settings.text("smtp.tls").as_deref() {
            Some("none") => Encryption::None,
            Some("tls") => Encryption::Tls,
            _ => Encryption::StartTls,
        };
        let tls_ca_file = settings.path("smtp.tls_ca_file");
        if tls_ca_file.is_some() && encryption == Encryption::None {
            problems.push(
                Problem::new("smtp.tls_ca_file is set, and smtp.tls asks for no TLS")
                    .help("set smtp.tls to \"starttls\" or \"tls\", or remove smtp.tls_ca_file"),
            );
        }
        let port = settings.count("smtp.port").and_then(|port| u16::try_from(port).ok());
        let login = login(settings, problems);
        let from = from(settings, problems)?;
        Some(Self {
            host,
            port: port.unwrap_or(encryption.port()),
            encryption,
            tls_ca_file,
            login,
            from,
            display_name: settings.text("smtp.display_name"),
            timeout: settings.span("smtp.timeout"),
        })
    }

    /// Whether others than this machine can read what is sent.
    #[must_use]
    pub fn is_in_plain_text(&self) -> bool {
        let is_here =
            self.host == "localhost" || self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        self.encryption == Encryption::None && !is_here
    }
}

fn login(settings: &Settings, problems: &mut Vec<Problem>) -> Option<Login> {
    match (settings.text("smtp.user"), settings.password("smtp.password")) {
        (Some(user), Some(password)) => Some(Login { user, password: Zeroizing::new(password.to_owned()) }),
        (None, None) => None,
        (user, _) => {
            let (there, missing) = if user.is_some() { ("user", "password") } else { ("password", "user") };
            problems.push(
                Problem::new(format!("smtp.{there} is set without smtp.{missing}"))
                    .help("set both, or neither where the mail server asks for no login"),
            );
            None
        }
    }
}

fn from(settings: &Settings, problems: &mut Vec<Problem>) -> Option<Email> {
    let Some(text) = settings.text("smtp.from") else {
        problems.push(
            Problem::new("smtp.from must be set where there is a mail server")
                .help("set it to the address that letters come from, for example login@example.org"),
        );
        return None;
    };
    let from = Email::parse(&text).ok();
    if from.is_none() {
        let sentence =
            format!("smtp.from ({}) must be an e-mail address, not {text:?}", settings.origin("smtp.from"));
        problems
            .push(Problem::new(sentence).help("the name beside it has a key of its own, smtp.display_name"));
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::read;

    const HOST: (&str, &str) = ("VESTIBULE_SMTP__HOST", "smtp.example.org");
    const FROM: (&str, &str) = ("VESTIBULE_SMTP__FROM", "login@example.org");
    const HTTPS: (&str, &str) = ("VESTIBULE_PUBLIC_URL", "https://login.example.org");
    const USER: (&str, &str) = ("VESTIBULE_SMTP__USER", "ada");
    const PASSWORD: (&str, &str) = ("VESTIBULE_SMTP__PASSWORD", "hunter2");
    const PLAIN: (&str, &str) = ("VESTIBULE_SMTP__TLS", "none");

    fn smtp(environment: &[(&str, &str)]) -> Smtp {
        match read(environment).unwrap().mail.mode {
            MailMode::Smtp(smtp) => *smtp,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn where_letters_go() {
        assert!(matches!(read(&[]).unwrap().mail.mode, MailMode::Inbox { is_chosen: false }));
        let off = ("VESTIBULE_MAIL__MODE", "off");
        assert!(matches!(read(&[off, HOST]).unwrap().mail.mode, MailMode::Off));
        assert!(matches!(read(&[off, HTTPS]).unwrap().mail.mode, MailMode::Off));
        assert_eq!(smtp(&[HOST, FROM]).host, "smtp.example.org");
        assert!(read(&[HOST, FROM, HTTPS]).is_ok());
    }

    #[test]
    fn the_port_follows_the_encryption() {
        for (tls, encryption, port) in [
            ("starttls", Encryption::StartTls, 587),
            ("tls", Encryption::Tls, 465),
            ("none", Encryption::None, 25),
        ] {
            let found = smtp(&[HOST, FROM, ("VESTIBULE_SMTP__TLS", tls)]);
            assert_eq!((found.encryption, found.port), (encryption, port));
        }
        assert_eq!(smtp(&[HOST, FROM, ("VESTIBULE_SMTP__PORT", "2525")]).port, 2525);
    }

    #[test]
    fn production_refuses_the_inbox_and_silence_about_mail() {
        for (environment, told) in [
            (&[HTTPS][..], "smtp.host must be set in production"),
            (&[HTTPS, ("VESTIBULE_MAIL__MODE", "inbox")][..], "mail.mode=\"inbox\" is refused in production"),
        ] {
            let refusal = read(environment).unwrap_err();
            assert!(refusal.contains(told), "{refusal}");
        }
    }

    #[test]
    fn production_sends_no_password_in_plain_text() {
        let refusal = read(&[HTTPS, HOST, FROM, USER, PASSWORD, PLAIN]).unwrap_err();
        assert!(
            refusal.contains("smtp.password would be sent to smtp.example.org in plain text"),
            "{refusal}"
        );
        assert!(!refusal.contains("hunter2"), "{refusal}");
        for host in ["localhost", "127.0.0.1", "::1"] {
            let here = [HTTPS, ("VESTIBULE_SMTP__HOST", host), FROM, USER, PASSWORD, PLAIN];
            assert!(read(&here).unwrap().warnings().is_empty());
        }
        assert!(read(&[HOST, FROM, USER, PASSWORD, PLAIN]).is_ok());
        let warnings = read(&[HTTPS, HOST, FROM, PLAIN]).unwrap().warnings();
        assert!(warnings.iter().any(|warning| warning.sentence.contains("without TLS")), "{warnings:?}");
    }

    #[test]
    fn contradictions_are_refused_all_at_once() {
        for (environment, told) in [
            (&[("VESTIBULE_MAIL__MODE", "smtp")][..], &["smtp.host must be set"][..]),
            (&[HOST, USER][..], &["smtp.from must be set", "smtp.user is set without smtp.password"]),
            (&[HOST, FROM, PASSWORD][..], &["smtp.password is set without smtp.user"]),
            (&[HOST, ("VESTIBULE_SMTP__FROM", "Ada <ada@example.org>")][..], &["smtp.from (the environment"]),
            (
                &[HOST, ("VESTIBULE_SMTP__FROM", "a@b.org\r\nBcc: c@d.org")][..],
                &["must be an e-mail address"],
            ),
            (&[HOST, FROM, PLAIN, ("VESTIBULE_SMTP__TLS_CA_FILE", "a.pem")][..], &["asks for no TLS"]),
            (&[("VESTIBULE_MAIL__RESET_TTL", "59s")][..], &["mail.reset_ttl must be at least 1m"]),
            (&[("VESTIBULE_SMTP__PASSWORD", "two\nlines")][..], &["smtp.password (the environment variable"]),
        ] {
            let refusal = read(environment).unwrap_err();
            for told in told {
                assert!(refusal.contains(told), "{refusal}");
            }
            assert!(!refusal.contains("hunter2") && !refusal.contains("lines"), "{refusal}");
        }
    }

    #[test]
    fn t55_the_password_does_not_print() {
        let config = read(&[HOST, FROM, USER, PASSWORD]).unwrap();
        let shown = format!("{config:?}");
        assert!(shown.contains("smtp.example.org") && !shown.contains("hunter2"), "{shown}");
    }
}
