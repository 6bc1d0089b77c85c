//! What can be asked for on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Development tasks of Vestibule.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Tasks {
    /// What to do.
    #[command(subcommand)]
    pub(crate) task: Task,
}

/// One task.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Runs every test, after installing the programs they need.
    ///
    /// The tests drive a real browser, real reverse proxies and systemd's own checker. Those that are missing are
    /// installed with apt: as root, or through `sudo` where it asks for no password. Where neither is possible the task
    /// fails and prints the command to run. No test is ever skipped.
    Test,
    /// Runs Project Wycheproof's JOSE signature vectors against the token verifier.
    Vectors {
        /// The folder with `json_web_signature_test.json` and `json_web_key_test.json`.
        folder: PathBuf,
    },
    /// Measures the release build on this machine against limits measured in the same run.
    ///
    /// Prints a Markdown table. Everything happens on the loopback interface, and every part is bounded in time.
    Bench(BenchOptions),
    /// The bare server that protected routes are compared with; the bench starts it as a process of its own.
    #[cfg(feature = "bench")]
    #[command(hide = true)]
    BenchPeer {
        /// Where to listen.
        listen: std::net::SocketAddr,
        /// The length of every answer's body.
        body_bytes: usize,
    },
}

/// What to measure, and for how long.
#[derive(Debug, Args)]
pub(crate) struct BenchOptions {
    /// The part to measure.
    #[arg(value_enum, default_value_t = BenchItem::All)]
    pub(crate) item: BenchItem,
    /// How long one side of one round lasts, in seconds.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(crate) seconds: u64,
    /// How many times both sides are measured in turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub(crate) rounds: u32,
    /// The engines that `store` and `accounts` measure.
    #[arg(long, value_enum, default_value_t = EngineChoice::Both)]
    pub(crate) engine: EngineChoice,
}

/// Which engines to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineChoice {
    /// SQLite alone.
    Sqlite,
    /// PostgreSQL alone, a server of the bench's own.
    Postgres,
    /// One after the other.
    Both,
}

/// The parts of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchItem {
    /// Everything below but `store`, `accounts`, `fanout` and `timing`, which have to be asked for by name.
    All,
    /// Logins per second against the raw pooled hash rate.
    Logins,
    /// A protected route against a bare JSON route with the same middleware.
    Protected,
    /// Durable refreshes per second against the store's rotation called directly.
    Refreshes,
    /// From the start of the process to the first 200 of `/health/ready`.
    Start,
    /// Resident memory: idle, under 64 parallel logins, and after.
    Memory,
    /// The slowest hundredth of a protected route while 64 logins hammer.
    Latency,
    /// Each main method of the store against raw statements of the same shape, by 1 and by 64 tasks; counts turns, so
    /// that `--seconds` means nothing to it.
    Store,
    /// Requests by route to servers with 1 000 and with 1 000 000 accounts, one at a time; counts turns, too.
    Accounts,
    /// From a logout's answer on one node to the refusal on another, both on one PostgreSQL; 100 times each, one
    /// after the other and out of a quiet moment.
    Fanout,
    /// Whether the time of an answer tells who has an account: logins, concealed registrations, forgotten passwords.
    Timing,
}
