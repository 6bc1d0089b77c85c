//! How an account is printed: as a sentence, a row, a table of its own, or JSON.

use serde_json::{Value, json};
use vestibule::core::{ports::Timestamp, values::account::Account};

use crate::{cli::output, failure::Failure};

pub(super) fn told(account: &Account, is_json: bool, what: &str) -> Result<(), Failure> {
    if is_json {
        return output::json(&to_json(account));
    }
    output::line(&format!("{} ({}) {what}", name_of(account), account.id))
}

pub(super) fn name_of(account: &Account) -> &str {
    account.username.as_deref().unwrap_or(&account.email)
}

pub(super) fn show(account: &Account, deletes_at: Option<Timestamp>, is_json: bool) -> Result<(), Failure> {
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

pub(super) fn to_row(account: &Account) -> Vec<String> {
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

pub(super) fn to_json(account: &Account) -> Value {
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
