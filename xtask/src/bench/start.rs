//! From the start of the process to the first 200, on an empty folder: keys, database and all.

use vestibule::core::ports::Stopwatch;

use super::{
    rounds::median,
    server::{READY, spawn},
    table::{Row, Target},
};

/// How many starts are measured.
const STARTS: u32 = 9;
/// The most milliseconds it may take.
const MOST_MS: f64 = 60.0;

/// Measures the median of several starts.
pub(super) async fn measure() -> anyhow::Result<Row> {
    println!("start: {STARTS} times on an empty folder");
    let mut spans = Vec::new();
    for _ in 0..STARTS {
        let clock = Stopwatch::start();
        let mut server = spawn()?;
        server.until_ready(READY).await?;
        spans.push(clock.elapsed().as_secs_f64() * 1000.0);
        server.stop().await?;
    }
    let millis = median(spans.into_iter());
    Ok(Row {
        what: "start to first 200, empty folder".into(),
        ours: format!("{millis:.0} ms"),
        limit: String::new(),
        value: millis,
        ratio: String::new(),
        target: Target::AtMost(MOST_MS),
        wanted: format!("≤ {MOST_MS:.0} ms"),
    })
}
