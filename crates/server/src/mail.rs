//! What delivers letters, made from the configuration.

use std::sync::Arc;

use vestibule::core::ports::mailer::Mailer;
use vestibule_mail::{
    Inbox, NoMail, Site, SmtpMailer, SmtpOptions, SmtpStartError, TemplateError, Templates,
};

use crate::{
    config::{Config, MailMode},
    failure::{Failure, Problem},
};

/// What delivers letters.
#[derive(Debug)]
pub struct Post {
    /// For the outbox.
    pub mailer: Arc<dyn Mailer>,
    /// Where letters can be read, in development.
    pub inbox: Option<Inbox>,
}

/// Makes what delivers the letters of a server seen from outside at `public_url`. It connects to nothing.
///
/// # Errors
/// Templates that cannot be used, or certificates; exit code 2.
pub fn post(config: &Config, public_url: &str) -> Result<Post, Failure> {
    let site = site(config, public_url);
    let name = site.name.clone();
    // Also where no mail is sent: a mistake in them is found now, not on the day when it is.
    let templates =
        Templates::load(site, config.mail.templates_dir.as_deref()).map_err(|error| bad_templates(&error))?;
    let smtp = match &config.mail.mode {
        MailMode::Off => return Ok(Post { mailer: Arc::new(NoMail), inbox: None }),
        MailMode::Inbox { .. } => {
            let inbox = Inbox::new(templates);
            return Ok(Post { mailer: Arc::new(inbox.clone()), inbox: Some(inbox) });
        }
        MailMode::Smtp(smtp) => smtp,
    };
    let options = SmtpOptions {
        host: smtp.host.clone(),
        port: smtp.port,
        encryption: smtp.encryption,
        tls_ca_file: smtp.tls_ca_file.clone(),
        login: smtp.login.clone(),
        from: smtp.from.clone(),
        display_name: smtp.display_name.clone().unwrap_or(name),
        timeout: smtp.timeout,
    };
    let mailer = SmtpMailer::new(options, templates).map_err(|error| bad_smtp(&error))?;
    Ok(Post { mailer: Arc::new(mailer), inbox: None })
}

/// Looks for the mistakes that [`post`] would find.
///
/// # Errors
/// As [`post`].
pub fn check(config: &Config) -> Result<(), Failure> {
    post(config, &config.service.public_url(config.service.listen)).map(|_| ())
}

fn site(config: &Config, public_url: &str) -> Site {
    let host = public_url.split_once("://").map_or(public_url, |(_, host)| host);
    Site {
        name: config.mail.site_name.clone().unwrap_or_else(|| host.to_owned()),
        url: public_url.to_owned(),
    }
}

fn bad_templates(error: &TemplateError) -> Failure {
    let help = match error {
        TemplateError::Unknown { .. } => "docs/mail.md names the files that can be replaced",
        _ => "docs/mail.md says what templates may use; without the file, the program's own is taken",
    };
    Failure::usage(Problem::new(format!("mail.templates_dir: {error}")).help(help))
}

fn bad_smtp(error: &SmtpStartError) -> Failure {
    let (key, help) = match error {
        SmtpStartError::Host { .. } => {
            ("smtp.host", "set it to the name that is in the server's certificate")
        }
        SmtpStartError::Certificates { .. } => {
            ("smtp.tls_ca_file", "it must be a PEM file with a certificate")
        }
        _ => ("smtp.tls", "install the package ca-certificates, or set smtp.tls_ca_file"),
    };
    Failure::usage(Problem::new(format!("{key}: {error}")).help(help))
}
