//! Development tasks; `cargo xtask --help` lists them.
#![forbid(unsafe_code)]

#[cfg(feature = "bench")]
mod bench;
mod cli;
mod command;
mod packages;
mod test;
#[cfg(feature = "vectors")]
mod vectors;

use std::process::ExitCode;

use clap::Parser;

use cli::{Task, Tasks};

// The server's allocator: the peer that it is compared with must not lose by another one.
#[cfg(feature = "bench")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    match Tasks::parse().task {
        Task::Test => test::run(),
        #[cfg(feature = "vectors")]
        Task::Vectors { folder } => vectors::run(&folder),
        #[cfg(not(feature = "vectors"))]
        Task::Vectors { .. } => command::run_with_engine("vectors"),
        #[cfg(feature = "bench")]
        Task::Bench(options) => bench::run(&options),
        #[cfg(not(feature = "bench"))]
        Task::Bench(_) => command::run_in_release("bench"),
        #[cfg(feature = "bench")]
        Task::BenchPeer { listen, body_bytes } => bench::peer::run(listen, body_bytes),
    }
}
