//! `vestibule admin create`: the first administrator, and every other one.

use std::io::Read as _;

use serde_json::json;
use vestibule::core::{
    register::{AdminCreation, RegistrationError},
    values::password::Password,
};
use zeroize::Zeroizing;

use super::{NewAdmin, output};
use crate::{
    config::Config,
    failure::{Exit, Failure, Problem},
    startup,
};

/// More than any password may have.
const MAX_INPUT: u64 = 64 * 1024;

pub(super) fn create(config: &Config, admin: &NewAdmin, is_json: bool) -> Result<(), Failure> {
    let password = read_password()?;
    let creation = startup::beside(config, async |auth| {
        auth.create_admin(&admin.email, &admin.username, password).await.map_err(|error| refused(&error))
    })?;
    let (account, is_new) = match &creation {
        AdminCreation::Created(account) => (account, true),
        AdminCreation::Promoted(account) => (account, false),
    };
    if is_json {
        let id = account.id.to_string();
        let shown =
            json!({ "id": id, "email": account.email, "username": account.username, "created": is_new });
        output::json(&shown);
    } else if is_new {
        output::line(&format!("{} is an administrator now.", account.email));
    } else {
        output::line(&format!(
            "{} existed and is an administrator now; the password is unchanged.",
            account.email
        ));
    }
    Ok(())
}

fn read_password() -> Result<Password, Failure> {
    let mut input = Zeroizing::new(String::new());
    std::io::stdin().take(MAX_INPUT).read_to_string(&mut input).map_err(|error| {
        Failure::usage(Problem::new(format!("the password cannot be read from standard input: {error}")))
    })?;
    // What `echo` or Enter adds is not part of it; spaces are.
    let line = input.strip_suffix('\n').unwrap_or(&input);
    Ok(Password::new(line.strip_suffix('\r').unwrap_or(line)))
}

fn refused(error: &RegistrationError) -> Failure {
    match error {
        RegistrationError::Rules(broken) => Failure {
            exit: Exit::Usage,
            problems: broken.iter().map(|rule| Problem::new(rule.message.clone())).collect(),
        },
        RegistrationError::Taken { .. } => Failure::failed(
            Problem::new("the e-mail address and the user name do not belong to the same account")
                .help("to promote an existing account, give both as they are; for a new one, choose others"),
        ),
        RegistrationError::Store(error) => Failure::storage(Problem::new(error.to_string())),
        other => Failure::failed(Problem::new(other.to_string())),
    }
}
