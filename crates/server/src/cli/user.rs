//! `vestibule user`: accounts, as the operator of the machine sees them.

mod reset_password;

use std::{
    io::{IsTerminal as _, Write as _},
    sync::Arc,
};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vestibule::core::{
    Auth,
    administration::{AccountPatch, AdministrationError, Administrator, SEARCH_PAGES},
    ports::{Timestamp, store::Activity},
    register::{NewUser, RegistrationError},
    values::{
        account::{Account, AccountId},
        username::LoginName,
    },
};

use super::{admin, output, password};
use crate::{
    config::Config,
    failure::{Failure, Problem},
    startup,
};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List accounts in the order they were made in
    List(List),
    /// Show an account
    Show(Who),
    /// Make an account
    Create(Create),
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
    Delete(Delete),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// How many accounts to leave out
    #[arg(long, default_value_t = 0, value_name = "N")]
    skip: u32,
    /// How many accounts to list
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Only those whose user name contains this, in any case; never a pattern
    #[arg(long, value_name = "TEXT", conflicts_with = "skip")]
    username: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Who {
    /// The account's id, user name or e-mail address
    #[arg(value_name = "ACCOUNT")]
    who: String,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("password").required(true).args(["password_stdin", "no_password"]))]
pub(super) struct Create {
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

#[derive(Debug, Args)]
pub(super) struct Delete {
    #[command(flatten)]
    who: Who,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(config: &Config, verb: &Verb, is_json: bool) -> Result<(), Failure> {
    match verb {
        Verb::List(list) => self::list(config, list, is_json),
        Verb::Show(Who { who }) => {
            let (account, deletion) = on(config, who, async |auth, account| {
                let deletion = auth.find_deletion(&Administrator::operator(), &account).await;
                Ok((account, deletion.map_err(|error| refused(&error.into()))?))
            })?;
            show(&account, deletion.map(|deletion| deletion.at), is_json)
        }
        Verb::Create(create) => self::create(config, create, is_json),
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
        Verb::Delete(delete) => self::delete(config, delete, is_json),
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

fn list(config: &Config, list: &List, is_json: bool) -> Result<(), Failure> {
    startup::require_database(config)?;
    let accounts = startup::beside(config, async |auth| read_list(&auth, list).await)?;
    if is_json {
        return output::json(&Value::Array(accounts.iter().map(to_json).collect()));
    }
    let heading = ["id", "user name", "e-mail", "state", "permissions", "last login"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(heading.to_vec()).chain(accounts.iter().map(to_row)).collect();
    output::table(&rows)
}

async fn read_list(auth: &Auth, list: &List) -> Result<Vec<Account>, Failure> {
    let operator = Administrator::operator();
    let away = |error: vestibule::core::ports::StoreError| Failure::storage(Problem::new(error.to_string()));
    let Some(text) = &list.username else {
        return auth.list_accounts(&operator, list.skip, list.limit).await.map_err(away);
    };
    let limit = usize::try_from(list.limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for page in 1..=SEARCH_PAGES {
        let accounts = auth.search_accounts(&operator, text, page).await.map_err(away)?.accounts;
        if accounts.is_empty() || found.len() >= limit {
            break;
        }
        found.extend(accounts);
    }
    found.truncate(limit);
    Ok(found)
}

fn create(config: &Config, create: &Create, is_json: bool) -> Result<(), Failure> {
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
            Failure { exit: crate::failure::Exit::Failed, problems }
        }
        other => admin::refused(other),
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

fn delete(config: &Config, delete: &Delete, is_json: bool) -> Result<(), Failure> {
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

fn told(account: &Account, is_json: bool, what: &str) -> Result<(), Failure> {
    if is_json {
        return output::json(&to_json(account));
    }
    output::line(&format!("{} ({}) {what}", name_of(account), account.id))
}

fn name_of(account: &Account) -> &str {
    account.username.as_deref().unwrap_or(&account.email)
}

fn show(account: &Account, deletes_at: Option<Timestamp>, is_json: bool) -> Result<(), Failure> {
    if is_json {
        let mut json = to_json(account);
        if let Value::Object(members) = &mut json {
            members.insert("deletes_at".to_owned(), json!(deletes_at.map(Timestamp::to_rfc3339)));
        }
        return output::json(&json);
    }
    let moment = |moment: Option<Timestamp>| moment.map_or("-".to_owned(), Timestamp::to_rfc3339);
    let rows = [
        ("id", account.id.to_string()),
        ("e-mail", account.email.clone()),
        ("user name", account.username.clone().unwrap_or_else(|| "-".to_owned())),
        ("full name", account.full_name.clone().unwrap_or_else(|| "-".to_owned())),
        ("state", state_of(account)),
        ("permissions", permissions_of(account)),
        ("made", moment(Some(account.created_at))),
        ("last login", moment(account.last_login_at)),
        ("to be deleted", moment(deletes_at)),
    ];
    output::table(&rows.map(|(name, value)| vec![name.to_owned(), value]))
}

fn to_row(account: &Account) -> Vec<String> {
    vec![
        account.id.to_string(),
        account.username.clone().unwrap_or_else(|| "-".to_owned()),
        account.email.clone(),
        state_of(account),
        permissions_of(account),
        account.last_login_at.map_or("-".to_owned(), Timestamp::to_rfc3339),
    ]
}

fn state_of(account: &Account) -> String {
    let activity = if account.active { "active" } else { "disabled" };
    let proof = if account.confirmed { "" } else { ", unconfirmed" };
    format!("{activity}{proof}")
}

fn permissions_of(account: &Account) -> String {
    if account.permissions.is_empty() { "-".to_owned() } else { account.permissions.to_string() }
}

fn to_json(account: &Account) -> Value {
    json!({
        "id": account.id.to_string(),
        "email": account.email,
        "username": account.username,
        "full_name": account.full_name,
        "active": account.active,
        "confirmed": account.confirmed,
        "permissions": account.permissions.iter().collect::<Vec<_>>(),
        "created_at": account.created_at.to_rfc3339(),
        "last_login_at": account.last_login_at.map(Timestamp::to_rfc3339),
    })
}
