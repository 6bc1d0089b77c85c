//! `cargo xtask test`: every test there is.

use crate::{command, packages};

/// Installs what the tests need and runs them all; documentation tests run, and examples are built, on the way.
pub(crate) fn run() -> anyhow::Result<()> {
    println!("Every test of the workspace will run. Some drive programs of this machine:");
    packages::ensure()?;
    command::run(command::cargo().args(["test", "--workspace", "--all-features"]))?;
    // Any dependency of an application may turn this on, and it changes how JSON hands out numbers: times, above all.
    let numbers = ["--features", "serde_json/arbitrary_precision"];
    command::run(command::cargo().args(["test", "--package", "vestibule-token", "--lib"]).args(numbers))
}
