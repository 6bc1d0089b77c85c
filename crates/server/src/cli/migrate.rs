//! `vestibule migrate`: brings the database to the schema of this version.

use std::process::ExitCode;

use serde_json::json;

use super::output;
use crate::{
    config::Config,
    failure::{Exit, Failure},
    secret_key, startup,
};

pub(super) fn run(config: &Config, is_json: bool) -> Result<(), Failure> {
    // A database without its key would be refused by the next start.
    secret_key::obtain(config)?;
    let applied = startup::on_one_thread(config.service.database.migrate())??;
    if is_json {
        output::json(&json!({ "applied": applied }))
    } else if applied.is_empty() {
        output::line("The database is up to date.")
    } else {
        output::line(&format!("Applied {}.", applied.join(", ")))
    }
}

pub(super) fn check(config: &Config, is_json: bool) -> Result<ExitCode, Failure> {
    let status = startup::on_one_thread(config.service.database.check_migrations())??;
    if is_json {
        output::json(&json!({ "applied": status.applied, "pending": status.pending }))?;
    } else if status.pending.is_empty() {
        output::line("The database is up to date.")?;
    } else {
        output::line(&format!("To be applied: {}.", status.pending.join(", ")))?;
    }
    Ok(if status.pending.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(Exit::Failed as u8) })
}
