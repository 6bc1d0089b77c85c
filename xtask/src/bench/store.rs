//! The store's methods against raw statements of the same shape, on the same engine in the same run.

mod postgres;
mod raw;
mod sqlite;

use std::sync::Arc;

use vestibule::core::ports::Store;

use self::raw::Raw;
use super::{
    CONNECTIONS,
    database::{Database, EngineKind, HASH, Population},
    load::micros,
    method::{Caller, Method, Turns},
    rounds::Comparison,
    table::{Row, Target},
};
use crate::cli::BenchOptions;

/// What the table means.
pub(super) const CAPTION: &str = "\
Wall-clock time of one call, all tasks together; the ratio is the store's time to the raw one's. Raw is the same SQL
by the driver alone, prepared, on a database of its own beside the store's, with parameters made as for the store and
answers left unread. On SQLite: rusqlite connections with the store's settings; look-ups inline, on as many as the
store has; the list and the writes on a blocking thread, with a COMMIT each for 1 task and for groups of 64 without
savepoints for 64. On PostgreSQL: tokio-postgres, 1 connection for 1 task and, for 64, as many as the store has: 16
for reads, of which it leaves 13 to writes; each by one task at a time; BEGIN and COMMIT only where the store has them. With 64 tasks on SQLite there is no target: raw
gives no task its answer, which is most of what the store does there.";

/// How many times raw's time the store may take.
const MOST: f64 = 1.25;
/// How many rows there are, enough for every session to be revoked once in a round.
const POPULATION: Population = Population { accounts: 10_000, sessions: 40_000 };
/// How often one task, and each of many, calls a method in a round.
const READS: [u32; 2] = [4_000, 200];
const WRITES: [u32; 2] = [300, 60];

/// Measures every method on the engines that were asked for.
pub(super) async fn measure(options: &BenchOptions) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for engine in EngineKind::chosen(options.engine) {
        let bench = Bench::prepare(*engine).await?;
        for method in Method::ALL {
            for tasks in [1, CONNECTIONS] {
                println!("store: {engine}, {}, {tasks} at once", method.name());
                let comparison = bench.compare(method, tasks, options.rounds).await?;
                rows.push(row(*engine, method, tasks, &comparison));
            }
        }
        bench.store.close().await;
        bench.idle.close().await;
    }
    Ok(rows)
}

/// Two databases with the same rows.
struct Bench {
    store: Arc<dyn Store>,
    ours: Database,
    raw: Database,
    /// Nobody calls it, but SQLite would throw the write-ahead log away with its last connection, and the raw writers
    /// would pay for a new one.
    idle: Arc<dyn Store>,
    // One row of turns for all methods, so that no account is made twice and no generation goes back.
    our_turns: Turns,
    raw_turns: Turns,
}

impl Bench {
    async fn prepare(engine: EngineKind) -> anyhow::Result<Self> {
        let (ours, store) = Database::make(engine).await?;
        let (raw, idle) = Database::make(engine).await?;
        ours.fill(POPULATION, HASH).await?;
        raw.fill(POPULATION, HASH).await?;
        let (our_turns, raw_turns) = (Turns::new(POPULATION), Turns::new(POPULATION));
        Ok(Self { store, ours, raw, idle, our_turns, raw_turns })
    }

    async fn compare(&self, method: Method, tasks: usize, rounds: u32) -> anyhow::Result<Comparison> {
        let kinds = if method.is_write() { WRITES } else { READS };
        let turns = if tasks == 1 { kinds[0] } else { kinds[1] };
        let mut callers: Vec<_> = (0..tasks)
            .map(|_| Caller { store: Arc::clone(&self.store), method, turns: self.our_turns.clone() })
            .collect();
        let Raw { mut workers, calls } = raw::workers(&self.raw, method, tasks, &self.raw_turns).await?;
        let mut comparison = Comparison::default();
        for _ in 0..rounds {
            let (ours, limit);
            self.forget(method).await?;
            (ours, callers) = micros(callers, turns).await?;
            (limit, workers) = micros(workers, turns).await?;
            comparison.add("µs", ours, limit / calls);
        }
        Ok(comparison)
    }

    /// Undoes what a method can do only once.
    async fn forget(&self, method: Method) -> anyhow::Result<()> {
        let undo = match method {
            Method::RevokeSession => "UPDATE session SET revoked_at = NULL WHERE revoked_at IS NOT NULL",
            _ => return Ok(()),
        };
        self.ours.run(undo).await?;
        self.raw.run(undo).await
    }
}

fn row(engine: EngineKind, method: Method, tasks: usize, comparison: &Comparison) -> Row {
    let is_fair = tasks == 1 || engine == EngineKind::Postgres;
    Row {
        what: format!("{engine}, {}, {tasks} at once", method.name()),
        ours: format!("{:.1} µs", comparison.ours()),
        limit: format!("{:.1} µs", comparison.limit()),
        value: comparison.ratio(),
        ratio: format!("{:.2}", comparison.ratio()),
        target: if is_fair { Target::AtMost(MOST) } else { Target::None },
        wanted: if is_fair { format!("≤ {MOST} ×") } else { String::new() },
    }
}
