//! `vestibule user`: accounts, as the operator of the machine sees them.

mod create;
mod delete;
mod list;
mod print;
mod reset_password;

use std::sync::Arc;

use clap::{Args, Subcommand};
use vestibule::core::{
    Auth,
    administration::{AccountPatch, AdministrationError, Administrator},
    ports::store::Activity,
    values::{
        account::{Account, AccountId},
        username::LoginName,
    },
};

use self::print::{show, told};
use crate::{
    config::Config,
    failure::{Failure, Problem},
    startup,
};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List accounts in the order they were made in
    List(list::List),
    /// Show an account
    Show(Who),
    /// Make an account
    Create(create::Create),
    /// Disable an account: its sessions end at once and for good
    Disable(Who),
    /// Enable a disabled account, also one that its owner has deleted; its owner logs in anew
    Enable(Who),
    /// Help somebody who has lost their password: mail a link, or set a password
    ///
    /// Without an option, a link that is good for `mail.reset_ttl` is mailed by the running server to the address of the
    /// account; nothing changes before it is used. Where no mail is sent, --password-stdin sets a password at once: every
    /// session of the account ends, and every link that was mailed before.
    ResetPassword(reset_password::ResetPassword),
    /// Count the e-mail address of an account as proved, where you know that it is its owner's
    Confirm(Who),
    /// Forget the failed logins at an account: whoever had to wait may try at once
    Unlock(Who),
    /// Delete an account at once and for good
    Delete(delete::Delete),
}

#[derive(Debug, Args)]
pub(super) struct Who {
    /// The account's id, user name or e-mail address
    #[arg(value_name = "ACCOUNT")]
    who: String,
}

pub(super) fn run(config: &Config, verb: &Verb, is_json: bool) -> Result<(), Failure> {
    match verb {
        Verb::List(list) => list::run(config, list, is_json),
        Verb::Show(Who { who }) => {
            let (account, deletion) = on(config, who, async |auth, account| {
                let deletion = auth.find_deletion(&Administrator::operator(), &account).await;
                Ok((account, deletion.map_err(|error| refused(&error.into()))?))
            })?;
            show(&account, deletion.map(|deletion| deletion.at), is_json)
        }
        Verb::Create(create) => create::run(config, create, is_json),
        Verb::Disable(Who { who }) => {
            let account = set_active(config, who, Activity::Disabled)?;
            told(&account, is_json, "is disabled; its sessions have ended.")
        }
        Verb::Enable(Who { who }) => {
            let account = set_active(config, who, Activity::Enabled)?;
            told(&account, is_json, "is enabled.")
        }
        Verb::Confirm(Who { who }) => {
            let account = confirm(config, who)?;
            told(&account, is_json, "has a proved address now.")
        }
        Verb::ResetPassword(reset) => reset_password::run(config, reset, is_json),
        Verb::Unlock(Who { who }) => {
            let account = unlock(config, who)?;
            told(&account, is_json, "is unlocked: nobody has to wait for what failed before.")
        }
        Verb::Delete(delete) => delete::run(config, delete, is_json),
    }
}

/// Does something with an account that is there, and writes down what was done.
fn on<T>(
    config: &Config,
    who: &str,
    work: impl AsyncFnOnce(&Arc<Auth>, Account) -> Result<T, Failure>,
) -> Result<T, Failure> {
    startup::require_database(config)?;
    startup::beside(config, async |auth| {
        let account = find(&auth, who).await?;
        let outcome = work(&auth, account).await;
        auth.settle_audit().await;
        outcome
    })
}

/// The account of an id, a user name or an address.
pub(super) async fn find(auth: &Auth, who: &str) -> Result<Account, Failure> {
    let operator = Administrator::operator();
    let found = match AccountId::read(who) {
        Some(id) => auth.find_account(&operator, id).await,
        None => auth.find_account_by_name(&operator, &LoginName::read(who)).await,
    };
    found.map_err(|error| match error {
        AdministrationError::Unknown => {
            let problem = Problem::new(format!("there is no account {who}"));
            Failure::failed(problem.help("give its id, its user name or its e-mail address in full"))
        }
        other => refused(&other),
    })
}

fn refused(error: &AdministrationError) -> Failure {
    match error {
        AdministrationError::Store(error) => Failure::storage(Problem::new(error.to_string())),
        other => Failure::failed(Problem::new(other.to_string())),
    }
}

fn set_active(config: &Config, who: &str, activity: Activity) -> Result<Account, Failure> {
    on(config, who, async |auth, account| {
        let changed = auth.set_active(&Administrator::operator(), account.id, activity).await;
        changed.map_err(|error| refused(&error))
    })
}

fn confirm(config: &Config, who: &str) -> Result<Account, Failure> {
    on(config, who, async |auth, account| {
        let patch = AccountPatch { confirmed: Some(true), ..AccountPatch::default() };
        let changed = auth.patch_account(&Administrator::operator(), account.id, patch).await;
        changed.map_err(|error| refused(&error))
    })
}

fn unlock(config: &Config, who: &str) -> Result<Account, Failure> {
    on(config, who, async |auth, account| {
        auth.unlock(&Administrator::operator(), account.id).await.map_err(|error| refused(&error))?;
        Ok(account)
    })
}
