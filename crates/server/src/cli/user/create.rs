//! `vestibule user create`: an account that the operator makes for somebody.

use clap::Args;
use vestibule::core::{
    administration::Administrator,
    register::{NewUser, RegistrationError},
};

use super::print::told;
use crate::{
    cli::{admin, password},
    config::Config,
    failure::{Exit, Failure, Problem},
    startup,
};

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("password").required(true).args(["password_stdin", "no_password"]))]
pub(in crate::cli) struct Create {
    /// The e-mail address
    #[arg(long)]
    email: String,
    /// The user name; reserved ones are allowed
    #[arg(long)]
    username: Option<String>,
    /// The person's name
    #[arg(long)]
    full_name: Option<String>,
    /// Count the e-mail address as proved
    #[arg(long)]
    confirmed: bool,
    /// Read the password from standard input, the only place it is taken from; a terminal asks for it
    #[arg(long)]
    password_stdin: bool,
    /// Make it without a password: nobody logs in before one is set by mail
    #[arg(long)]
    no_password: bool,
}

pub(super) fn run(config: &Config, create: &Create, is_json: bool) -> Result<(), Failure> {
    let password = if create.password_stdin { Some(password::read()?) } else { None };
    let user = NewUser {
        email: create.email.clone(),
        username: create.username.clone(),
        full_name: create.full_name.clone(),
        password,
        confirmed: create.confirmed,
    };
    let account = startup::beside(config, async |auth| {
        auth.create_user(&Administrator::operator(), user).await.map_err(|error| not_created(&error))
    })?;
    told(&account, is_json, "has an account now.")
}

fn not_created(error: &RegistrationError) -> Failure {
    match error {
        RegistrationError::Taken { email, username } => {
            let taken = [(*email, "the e-mail address"), (*username, "the user name")];
            let problems = taken.into_iter().filter(|(is_taken, _)| *is_taken);
            let problems = problems
                .map(|(_, name)| Problem::new(format!("{name} belongs to another account")))
                .collect();
            Failure { exit: Exit::Failed, problems }
        }
        other => admin::refused(other),
    }
}
