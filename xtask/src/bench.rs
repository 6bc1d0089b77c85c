//! `cargo xtask bench`: what the release build does on this machine, against limits measured in the same run.
//!
//! Both sides of every comparison are driven by the same generator over 64 connections or tasks, in alternating rounds;
//! the ratio is the median of the rounds' ratios, so that a noisy moment of the machine cannot decide it.

mod accounts;
mod client;
mod database;
mod fanout;
mod latency;
mod load;
mod logins;
mod memory;
mod method;
mod parts;
pub(crate) mod peer;
mod process;
mod protected;
mod refreshes;
mod rounds;
mod server;
mod start;
mod store;
mod table;
mod timing;

use std::time::Duration;

use anyhow::Context;

use crate::cli::{BenchItem, BenchOptions};
use rounds::Rounds;
use table::Row;

/// How many connections or tasks every rate is measured with.
const CONNECTIONS: usize = 64;

/// Measures what was asked for and prints the table.
pub(crate) fn run(options: &BenchOptions) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let rows = runtime.block_on(measure(options))?;
    println!("\n{}", table::markdown(&rows));
    if options.item == BenchItem::Store {
        println!("{}", store::CAPTION);
    }
    let missed = rows.iter().filter(|row| row.is_missed()).count();
    if missed > 0 {
        println!("{missed} of {} targets missed.", rows.iter().filter(|row| row.has_target()).count());
    }
    Ok(())
}

async fn measure(options: &BenchOptions) -> anyhow::Result<Vec<Row>> {
    let rounds = Rounds { count: options.rounds, span: Duration::from_secs(options.seconds) };
    let is_wanted = |item| options.item == BenchItem::All || options.item == item;
    let mut rows = Vec::new();
    if is_wanted(BenchItem::Start) {
        rows.push(start::measure().await?);
    }
    if is_wanted(BenchItem::Memory) {
        rows.extend(memory::measure().await?);
    }
    if is_wanted(BenchItem::Logins) {
        rows.push(logins::measure(&rounds).await?);
    }
    if is_wanted(BenchItem::Protected) {
        rows.extend(protected::measure(&rounds).await?);
    }
    if is_wanted(BenchItem::Refreshes) {
        rows.extend(refreshes::measure(&rounds).await?);
    }
    if is_wanted(BenchItem::Latency) {
        rows.push(latency::measure(&rounds).await?);
    }
    match options.item {
        BenchItem::Store => rows.extend(store::measure(options).await?),
        BenchItem::Accounts => rows.extend(accounts::measure(options).await?),
        BenchItem::Fanout => rows.extend(fanout::measure().await?),
        BenchItem::Timing => rows.extend(timing::measure().await?),
        _ => {}
    }
    Ok(rows)
}
