//! Resident memory: a login costs 19 MiB for a few milliseconds, so what matters is how many are in memory at once.

use std::{thread, time::Duration};

use vestibule::hashing::HashingConfig;

use super::{
    load::{Repeated, rate},
    process::Listening,
    server,
    table::{Row, Target},
};

/// The most an idle server may use before its first hash, in MB.
const MOST_IDLE_MB: f64 = 30.0;
/// What 64 logins may need beside the hashing threads' memory, in MB.
const SLACK_MB: f64 = 20.0;
/// How long the 64 logins go on.
const LOGINS_FOR: Duration = Duration::from_secs(2);

/// Measures a fresh server before any hash, while 64 clients log in, and after.
pub(super) async fn measure() -> anyhow::Result<[Row; 3]> {
    println!("memory: idle, under 64 parallel logins, after");
    let server = server::start().await?;
    let idle = megabytes(server.resident_kib()?);
    server::register_accounts(&server).await?;
    let (peak, after) = under_logins(&server).await?;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let hashing = megabytes(HashingConfig::default().memory_kib) * f64::from(u32::try_from(threads)?);
    let most = idle + hashing + SLACK_MB;
    let limit = format!(
        "idle + {threads} × {:.0} MB + {SLACK_MB:.0} MB",
        hashing / f64::from(u32::try_from(threads)?)
    );
    server.stop().await?;
    Ok([
        row("memory, idle before any hash", idle, String::new(), Some(MOST_IDLE_MB)),
        row("memory, peak in 64 parallel logins", peak, limit, Some(most)),
        row("memory, after them", after, String::new(), None),
    ])
}

/// The peak while 64 clients log in, and what stays.
async fn under_logins(server: &Listening) -> anyhow::Result<(f64, f64)> {
    let logins = Repeated::open(server.address(), server::login_requests()).await?;
    let (_, connections) = rate(logins, LOGINS_FOR).await?;
    let peak = megabytes(server.peak_kib()?);
    drop(connections);
    Ok((peak, megabytes(server.resident_kib()?)))
}

fn megabytes(kib: u32) -> f64 {
    f64::from(kib) * 1024.0 / 1_000_000.0
}

fn row(what: &str, value: f64, limit: String, most: Option<f64>) -> Row {
    Row {
        what: what.into(),
        ours: format!("{value:.1} MB"),
        limit,
        value,
        ratio: String::new(),
        target: most.map_or(Target::None, Target::AtMost),
        wanted: most.map_or_else(String::new, |most| format!("≤ {most:.0} MB")),
    }
}
