//! `vestibule hash calibrate`: what passwords may cost on this machine.

mod search;

use std::{
    fmt::Write as _,
    io::{IsTerminal as _, Write as _},
    num::NonZeroUsize,
    sync::Arc,
    thread,
    time::Duration,
};

use clap::{Args, Subcommand};
use serde_json::json;
use tokio::task::JoinSet;
use vestibule::{
    core::{
        ports::{PasswordHasher as _, Stopwatch},
        values::{client::ClientNetwork, password::Password},
    },
    hashing::{HashingConfig, HashingPool},
};

use self::search::{Cost, MOST_STEPS, Measured, Search};
use super::output;
use crate::{
    config::{Config, MOST_MEMORY_KIB, read_span},
    failure::{Failure, Problem},
    startup,
};

/// How often each cost is measured; the middle counts, so that one disturbance does not.
const ROUNDS: usize = 3;
/// How wide the bar is, in characters.
const BAR: usize = 20;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Measure what a password hash may cost on this machine, and print it for the configuration
    ///
    /// Hashes with all threads at once, as the server does when everybody logs in, and looks for the most expensive
    /// parameters that reach the target: memory first, since it costs whoever guesses the most, then passes. It takes
    /// seconds; nothing is read from the database, and nothing is changed. Passwords that are stored already are upgraded
    /// at the next login of their owners.
    Calibrate(Calibrate),
}

#[derive(Debug, Args)]
pub(super) struct Calibrate {
    /// How long a hash may take, from 5ms to 2s
    #[arg(long, default_value = "50ms", value_name = "TIME", value_parser = target)]
    target: Duration,
    /// The most memory of one hash, in KiB; each thread has so much
    #[arg(long, default_value_t = 65_536, value_name = "KIB", value_parser = clap::value_parser!(u32).range(19_456..=262_144))]
    max_memory_kib: u32,
}

fn target(text: &str) -> Result<Duration, String> {
    let bounds = Duration::from_millis(5)..=Duration::from_secs(2);
    let span = read_span(text).filter(|span| bounds.contains(span));
    span.ok_or_else(|| "a time from 5ms to 2s, with its unit".to_owned())
}

pub(super) fn calibrate(config: &Config, options: &Calibrate, is_json: bool) -> Result<(), Failure> {
    let configured = config.passwords.hashing();
    let threads = configured.threads.or_else(|| thread::available_parallelism().ok());
    let threads = threads.map_or(1, NonZeroUsize::get);
    // What the configuration takes for all threads together.
    let share = u32::try_from(MOST_MEMORY_KIB / threads as u64).unwrap_or(u32::MAX);
    let mut search = Search::new(options.target, options.max_memory_kib.min(share));
    let progress = Progress { is_bar: std::io::stderr().is_terminal(), is_json };
    while let Some(cost) = search.next() {
        progress.show(search.steps(), cost);
        let time = measure(cost, 1, threads)?;
        search.learn(Measured { cost, time });
    }
    let cost = Cost { memory_kib: configured.memory_kib, iterations: configured.iterations };
    let parallelism = configured.parallelism;
    let known = search.measured().iter().find(|known| known.cost == cost && parallelism == 1).copied();
    let measured = if let Some(known) = known {
        known
    } else {
        progress.show(MOST_STEPS, cost);
        Measured { cost, time: measure(cost, parallelism, threads)? }
    };
    let today = Today { measured, parallelism };
    progress.end();
    let best = search.best().ok_or_else(|| Failure::failed(Problem::new("nothing could be measured")))?;
    let report = Report { options, threads, today, best, all: search.measured() };
    if is_json { output::json(&report.to_json()) } else { output::line(&report.to_text()) }
}

/// How long a hash takes while every thread computes one.
fn measure(cost: Cost, parallelism: u32, threads: usize) -> Result<Duration, Failure> {
    let config = HashingConfig {
        memory_kib: cost.memory_kib,
        iterations: cost.iterations,
        parallelism,
        threads: NonZeroUsize::new(threads),
        queue_wait_max: Duration::from_mins(1),
        ..HashingConfig::default()
    };
    let pool = Arc::new(HashingPool::start(config).map_err(|error| startup::unexpected(&error))?);
    let times = startup::on_one_thread(async {
        // The first round maps the memory, which happens once in the life of a server.
        round(&pool, threads).await?;
        let mut times = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            times.push(round(&pool, threads).await?);
        }
        Ok::<_, Failure>(times)
    });
    pool.stop();
    let mut times = times??;
    times.sort_unstable();
    Ok(times.get(ROUNDS / 2).copied().unwrap_or_default())
}

async fn round(pool: &Arc<HashingPool>, threads: usize) -> Result<Duration, Failure> {
    let stopwatch = Stopwatch::start();
    let mut hashes = JoinSet::new();
    for _ in 0..threads {
        let pool = Arc::clone(pool);
        let password = Password::new("a password to be measured");
        hashes.spawn(async move { pool.hash(password, ClientNetwork::LOCAL).await });
    }
    for hashed in hashes.join_all().await {
        hashed.map_err(|error| startup::unexpected(&error))?;
    }
    Ok(stopwatch.elapsed())
}

/// A bar on a terminal, a line a step elsewhere; nothing between the lines of a script's JSON.
struct Progress {
    is_bar: bool,
    is_json: bool,
}

impl Progress {
    fn show(&self, steps: usize, cost: Cost) {
        let mut stderr = std::io::stderr().lock();
        let what = format!("{} KiB, {} passes", cost.memory_kib, cost.iterations);
        // Whoever closed it does not want to know.
        let _ = if self.is_bar {
            let done = BAR * steps.min(MOST_STEPS) / MOST_STEPS;
            let left = BAR - done;
            write!(stderr, "\r\x1b[K[{}{}] {what}", "#".repeat(done), ".".repeat(left))
                .and_then(|()| stderr.flush())
        } else if self.is_json {
            Ok(())
        } else {
            writeln!(stderr, "measuring {what}")
        };
    }

    fn end(&self) {
        if self.is_bar {
            // As above.
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// What the configuration says now.
#[derive(Clone, Copy)]
struct Today {
    measured: Measured,
    parallelism: u32,
}

struct Report<'a> {
    options: &'a Calibrate,
    threads: usize,
    today: Today,
    best: Measured,
    all: &'a [Measured],
}

impl Report<'_> {
    fn is_reached(&self) -> bool {
        self.best.time <= self.options.target
    }

    fn logins_a_second(&self, measured: Measured) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "threads are few")]
        let threads = self.threads as f64;
        threads / measured.time.as_secs_f64().max(f64::EPSILON)
    }

    fn memory_mib(&self) -> u64 {
        u64::from(self.best.cost.memory_kib) * self.threads as u64 / 1024
    }

    fn to_text(&self) -> String {
        let Measured { cost, time } = self.best;
        let mut text = String::new();
        // Writing to a `String` does not fail.
        let _ = write!(
            text,
            "[passwords]\nmemory_kib = {}\niterations = {}\nparallelism = 1\n\n\
             # {} for a hash while {} are computed at once: about {:.0} logins a second, with {} MiB for hashing.",
            cost.memory_kib,
            cost.iterations,
            millis(time),
            self.threads,
            self.logins_a_second(self.best),
            self.memory_mib(),
        );
        let Today { measured: today, parallelism } = self.today;
        let _ = write!(
            text,
            "\n# Configured today: {} KiB, {} passes, parallelism {parallelism}; {} for a hash, about {:.0} logins a second.",
            today.cost.memory_kib,
            today.cost.iterations,
            millis(today.time),
            self.logins_a_second(today),
        );
        if !self.is_reached() {
            let _ = write!(
                text,
                "\n# That is slower than {}, and still the least that is safe.",
                millis(self.options.target)
            );
        }
        text
    }

    fn to_json(&self) -> serde_json::Value {
        let to_json_with = |measured: &Measured, parallelism: u32| {
            json!({
                "memory_kib": measured.cost.memory_kib,
                "iterations": measured.cost.iterations,
                "parallelism": parallelism,
                "milliseconds": measured.time.as_secs_f64() * 1000.0,
            })
        };
        let to_json = |measured: &Measured| to_json_with(measured, 1);
        json!({
            "recommended": to_json(&self.best),
            "configured": to_json_with(&self.today.measured, self.today.parallelism),
            "target_reached": self.is_reached(),
            "threads": self.threads,
            "logins_per_second": self.logins_a_second(self.best),
            "memory_mib": self.memory_mib(),
            "measured": self.all.iter().map(to_json).collect::<Vec<_>>(),
        })
    }
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_a_unit_and_bounds() {
        assert_eq!(target("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(target("2s"), Ok(Duration::from_secs(2)));
        for text in ["50", "4ms", "3s", "soon", "", "-5ms"] {
            assert!(target(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_too_slow_is_said_to_be() {
        let options = Calibrate { target: Duration::from_millis(5), max_memory_kib: 65_536 };
        let cost = Cost { memory_kib: 19_456, iterations: 2 };
        let best = Measured { cost, time: Duration::from_millis(20) };
        let cheaper = Measured { time: Duration::from_millis(10), ..best };
        let today = Today { measured: cheaper, parallelism: 3 };
        let report = Report { options: &options, threads: 2, today, best, all: &[best] };
        let text = report.to_text();
        assert!(text.contains("about 100 logins a second, with 38 MiB"), "{text}");
        assert!(text.contains("slower than 5.0 ms"), "{text}");
        assert!(text.contains("parallelism 3; 10.0 ms for a hash, about 200 logins a second"), "{text}");
        assert_eq!(report.to_json()["target_reached"], false);
        assert_eq!(report.to_json()["configured"]["milliseconds"], 10.0);
        let options = Calibrate { target: Duration::from_millis(20), ..options };
        assert!(!Report { options: &options, ..report }.to_text().contains("slower"));
    }
}
