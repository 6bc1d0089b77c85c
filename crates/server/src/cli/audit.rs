//! `vestibule audit`: what happened, and who did it.

use std::{collections::HashSet, fmt::Write as _, time::Duration};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vestibule::core::{
    Auth,
    administration::Administrator,
    ports::{
        audit::{AuditKind, AuditRecord},
        store::AuditSearch,
    },
    values::account::AccountId,
};

use super::{output, user};
use crate::{
    config::Config,
    failure::{Failure, Problem},
    startup,
};

/// How often the log is looked into.
const PAUSE: Duration = Duration::from_millis(500);
/// How late an event may be written down after it happened.
const LATE: Duration = Duration::from_secs(30);
/// How many events are read at once while following.
const BATCH: u32 = 10_000;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Print the newest events, the oldest of them first; with --json an object a line
    Tail(Tail),
}

#[derive(Debug, Args)]
pub(super) struct Tail {
    /// How many events
    #[arg(long, short = 'n', default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    lines: u32,
    /// Go on printing events as they are written, until interrupted
    #[arg(long, short)]
    follow: bool,
    /// Only events that concern this account: its id, user name or e-mail address
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Only events of this kind
    #[arg(long, value_name = "KIND", value_parser = kinds())]
    kind: Option<String>,
}

fn kinds() -> Vec<&'static str> {
    AuditKind::ALL.iter().map(|kind| kind.as_str()).collect()
}

pub(super) fn tail(config: &Config, tail: &Tail, is_json: bool) -> Result<(), Failure> {
    startup::require_database(config)?;
    startup::beside(config, async |auth| {
        let account_id = match tail.account.as_deref() {
            // Events outlive their account: an id needs none.
            Some(who) => Some(match AccountId::read(who) {
                Some(id) => id,
                None => user::find(&auth, who).await?.id,
            }),
            None => None,
        };
        let search =
            AuditSearch { account_id, kind: tail.kind.clone(), limit: tail.lines, ..AuditSearch::default() };
        let mut known = ids(&read_recent(&auth, &search).await?);
        let newest = read(&auth, search.clone()).await?;
        known.extend(ids(&newest));
        print(&newest, is_json)?;
        if tail.follow {
            follow(&auth, &search, known, is_json).await?;
        }
        Ok(())
    })
}

/// Prints what is written down from now on; ends only where something fails.
async fn follow(
    auth: &Auth,
    search: &AuditSearch,
    mut known: HashSet<String>,
    is_json: bool,
) -> Result<(), Failure> {
    loop {
        tokio::time::sleep(PAUSE).await;
        let recent = read_recent(auth, search).await?;
        let new: Vec<_> =
            recent.iter().filter(|event| !known.contains(&event.id.to_string())).cloned().collect();
        print(&new, is_json)?;
        known = ids(&recent);
    }
}

/// What happened so lately that more of it may be written down yet.
async fn read_recent(auth: &Auth, search: &AuditSearch) -> Result<Vec<AuditRecord>, Failure> {
    let since = Some(auth.clock().now().minus(LATE));
    read(auth, AuditSearch { since, limit: BATCH, ..search.clone() }).await
}

fn ids(events: &[AuditRecord]) -> HashSet<String> {
    events.iter().map(|event| event.id.to_string()).collect()
}

async fn read(auth: &Auth, search: AuditSearch) -> Result<Vec<AuditRecord>, Failure> {
    let found = auth.search_audit(&Administrator::operator(), search).await;
    found.map_err(|error| Failure::storage(Problem::new(error.to_string())))
}

/// Prints events, which come the newest first, in the order they happened in.
fn print(events: &[AuditRecord], is_json: bool) -> Result<(), Failure> {
    for event in events.iter().rev() {
        output::line(&if is_json { to_json(event).to_string() } else { to_line(event) })?;
    }
    Ok(())
}

fn to_line(event: &AuditRecord) -> String {
    let mut line = format!("{}  {:17}  {:7}", event.at.to_rfc3339(), event.kind, event.outcome);
    let named = [
        ("account", event.account_id.map(|id| id.to_string())),
        ("by", event.actor_id.map(|id| id.to_string())),
        ("from", Some(event.address.clone()).filter(|address| !address.is_empty())),
        ("detail", Some(event.detail.clone()).filter(|detail| !detail.is_empty())),
    ];
    for (name, value) in named {
        if let Some(value) = value {
            // Writing to a `String` does not fail.
            let _ = write!(line, "  {name}={value}");
        }
    }
    line
}

fn to_json(event: &AuditRecord) -> Value {
    json!({
        "id": event.id.to_string(),
        "at": event.at.to_rfc3339(),
        "kind": event.kind,
        "outcome": event.outcome,
        "account_id": event.account_id.map(|id| id.to_string()),
        "actor_id": event.actor_id.map(|id| id.to_string()),
        "session_id": event.session_id.map(|id| id.to_string()),
        "address": event.address,
        "detail": event.detail,
    })
}
