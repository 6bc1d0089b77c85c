//! A login's look-up and a rotation among few accounts and among many: an index must make them cost the same.

use vestibule::core::ports::Stopwatch;

use super::{
    database::{Database, EngineKind, Population},
    load::Work,
    method::{Caller, Method, Turns},
    rounds::{Comparison, median},
    table::{Row, Target},
};
use crate::cli::BenchOptions;

const FEW: u64 = 1_000;
const MANY: u64 = 1_000_000;
/// How much more the median may be among many.
const MOST: f64 = 1.15;
/// How many turns the median of a round is made of.
const READS: u32 = 2_000;
const WRITES: u32 = 300;

/// Measures both methods on the engines that were asked for.
pub(super) async fn measure(options: &BenchOptions) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for engine in EngineKind::chosen(options.engine) {
        let (few, many) = (Side::make(*engine, FEW).await?, Side::make(*engine, MANY).await?);
        for method in [Method::FindCredentials, Method::RotateSession] {
            let turns = if method.is_write() { WRITES } else { READS };
            let (mut among_few, mut among_many) = (few.caller(method), many.caller(method));
            let mut comparison = Comparison::default();
            for _ in 0..options.rounds {
                let limit = median_micros(&mut among_few, turns).await?;
                comparison.add("µs", median_micros(&mut among_many, turns).await?, limit);
            }
            rows.push(row(*engine, method, &comparison));
        }
        few.caller.store.close().await;
        many.caller.store.close().await;
    }
    Ok(rows)
}

/// A filled database and its store.
struct Side {
    caller: Caller,
    /// Goes after the store.
    _database: Database,
}

impl Side {
    async fn make(engine: EngineKind, accounts: u64) -> anyhow::Result<Self> {
        let clock = Stopwatch::start();
        let population = Population { accounts, sessions: accounts };
        let (database, store) = Database::make(engine).await?;
        database.fill(population).await?;
        println!("accounts: {engine} with {accounts}, made in {:.1} s", clock.elapsed().as_secs_f64());
        let caller = Caller { store, method: Method::FindCredentials, turns: Turns::new(population) };
        Ok(Self { caller, _database: database })
    }

    fn caller(&self, method: Method) -> Caller {
        Caller { store: self.caller.store.clone(), method, turns: self.caller.turns.clone() }
    }
}

async fn median_micros(caller: &mut Caller, turns: u32) -> anyhow::Result<f64> {
    let mut spans = Vec::new();
    for _ in 0..turns {
        let clock = Stopwatch::start();
        caller.once().await?;
        spans.push(clock.elapsed().as_secs_f64() * 1_000_000.0);
    }
    Ok(median(spans.into_iter()))
}

fn row(engine: EngineKind, method: Method, comparison: &Comparison) -> Row {
    Row {
        what: format!("{engine}, {}: p50 among 1 000 000 accounts against 1 000", method.name()),
        ours: format!("{:.1} µs", comparison.ours()),
        limit: format!("{:.1} µs", comparison.limit()),
        value: comparison.ratio(),
        ratio: format!("{:.2}", comparison.ratio()),
        target: Target::AtMost(MOST),
        wanted: format!("≤ {MOST} ×"),
    }
}
