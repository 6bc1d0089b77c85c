//! `vestibule admin create`: the first administrator, and every other one.

use serde_json::json;
use vestibule::core::register::{AdminCreation, RegistrationError};

use super::{NewAdmin, output, password};
use crate::{
    config::Config,
    failure::{Exit, Failure, Problem},
    startup,
};

pub(super) fn create(config: &Config, admin: &NewAdmin, is_json: bool) -> Result<(), Failure> {
    let password = password::read()?;
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
        output::json(&shown)
    } else if is_new {
        output::line(&format!("{} is an administrator now.", account.email))
    } else {
        output::line(&format!(
            "{} existed and is an administrator now; the password is unchanged.",
            account.email
        ))
    }
}

pub(super) fn refused(error: &RegistrationError) -> Failure {
    match error {
        RegistrationError::Rules(broken) => Failure {
            exit: Exit::Usage,
            problems: broken.iter().map(|rule| Problem::new(rule.message.clone())).collect(),
        },
        RegistrationError::Taken { .. } => Failure::failed(
            Problem::new("the e-mail address and the user name do not belong to the same account")
                .help("to promote an existing account, give both as they are; for a new one, choose others"),
        ),
        RegistrationError::Unproved => Failure::failed(
            Problem::new("the account exists, but nobody has proved that its e-mail address is theirs").help(
                "whoever registered it would be the administrator: have the address confirmed, or, if you know whose \
                 account it is, run `vestibule user confirm`; if it is nobody's, `vestibule user delete`",
            ),
        ),
        RegistrationError::Store(error) => Failure::storage(Problem::new(error.to_string())),
        other => Failure::failed(Problem::new(other.to_string())),
    }
}
