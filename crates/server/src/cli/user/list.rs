//! `vestibule user list`: accounts, all in their order or those of a name.

use clap::Args;
use serde_json::Value;
use vestibule::core::{
    Auth,
    administration::{Administrator, SEARCH_PAGES},
    values::account::Account,
};

use super::print::{to_json, to_row};
use crate::{
    cli::output,
    config::Config,
    failure::{Failure, Problem},
    startup,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
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

pub(super) fn run(config: &Config, list: &List, is_json: bool) -> Result<(), Failure> {
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
