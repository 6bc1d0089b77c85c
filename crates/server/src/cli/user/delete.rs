//! `vestibule user delete`: asked once more, because nothing brings the account back.

use std::io::{IsTerminal as _, Write as _};

use clap::Args;
use vestibule::core::{administration::Administrator, values::account::Account};

use super::{
    Who, on,
    print::{name_of, told},
    refused,
};
use crate::{
    config::Config,
    failure::{Failure, Problem},
    startup,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Delete {
    #[command(flatten)]
    who: Who,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(config: &Config, delete: &Delete, is_json: bool) -> Result<(), Failure> {
    let account = on(config, &delete.who.who, async |_, account| Ok(account))?;
    if !delete.yes && !confirmed(&account)? {
        return Err(Failure::failed(Problem::new("nothing was deleted")));
    }
    let id = account.id.to_string();
    let account = on(config, &id, async |auth, account| {
        let deleted = auth.delete_account(&Administrator::operator(), account.id).await;
        deleted.map_err(|error| refused(&error))
    })?;
    told(&account, is_json, "is deleted; its sessions have ended.")
}

/// Asks whoever sits at the terminal; a script has to say that it means it.
fn confirmed(account: &Account) -> Result<bool, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        let problem = Problem::new("deleting an account asks for confirmation, and there is no terminal");
        return Err(Failure::usage(problem.help("add --yes to do without")));
    }
    let mut stderr = std::io::stderr();
    let mut answer = String::new();
    let asked = write!(stderr, "Delete {} ({}) for good? [y/N] ", name_of(account), account.id)
        .and_then(|()| stderr.flush())
        .and_then(|()| stdin.read_line(&mut answer));
    asked.map_err(|error| startup::unexpected(&error))?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}
