//! `cargo xtask test`: every test there is.

use crate::{command, packages};

/// Installs what the tests need and runs them all; documentation tests run, and examples are built, on the way.
pub(crate) fn run() -> anyhow::Result<()> {
    println!("Every test of the workspace will run. Some drive programs of this machine:");
    packages::ensure()?;
    command::run(command::cargo().args(["test", "--workspace", "--all-features"]))
}
