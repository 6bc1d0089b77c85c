//! `vestibule user reset-password`: for somebody who has lost their password.

use clap::Args;
use vestibule::core::{administration::Administrator, password_reset::OperatorResetError};

use super::{Who, on, print::told};
use crate::{
    cli::password,
    config::{Config, MailMode},
    failure::{Exit, Failure, Problem},
};

#[derive(Debug, Args)]
pub(in crate::cli) struct ResetPassword {
    #[command(flatten)]
    who: Who,
    /// Set this password now: read from standard input, the only place it is taken from; a terminal asks for it
    #[arg(long)]
    password_stdin: bool,
}

pub(super) fn run(config: &Config, reset: &ResetPassword, is_json: bool) -> Result<(), Failure> {
    if !reset.password_stdin && matches!(config.mail.mode, MailMode::Off) {
        // The letter would be taken from the queue and thrown away.
        return Err(refused(&OperatorResetError::NoMail));
    }
    let password = if reset.password_stdin { Some(password::read()?) } else { None };
    let what = match &password {
        Some(_) => "has the new password; its sessions have ended.",
        None => "is mailed a link by the running server; the password is what it was until the link is used.",
    };
    let account = on(config, &reset.who.who, async |auth, account| {
        let operator = Administrator::operator();
        let done = match password {
            Some(password) => auth.set_password_for(&operator, &account, password).await,
            None => auth.mail_reset_link(&operator, &account).await,
        };
        done.map(|()| account).map_err(|error| refused(&error))
    })?;
    told(&account, is_json, what)
}

fn refused(error: &OperatorResetError) -> Failure {
    match error {
        OperatorResetError::Unusable => Failure::failed(
            Problem::new(error.to_string()).help("`vestibule user enable` enables a disabled account"),
        ),
        OperatorResetError::NoMail => Failure::usage(
            Problem::new("no mail is sent: mail.mode is \"off\"")
                .help("add --password-stdin to set a password instead"),
        ),
        OperatorResetError::Rules(broken) => Failure {
            exit: Exit::Usage,
            problems: broken.iter().map(|rule| Problem::new(rule.message.clone())).collect(),
        },
        OperatorResetError::Store(error) => Failure::storage(Problem::new(error.to_string())),
        other => Failure::failed(Problem::new(other.to_string())),
    }
}
