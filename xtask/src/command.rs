//! Running other programs, and saying so.

use std::{env, ffi::OsString, process::Command};

use anyhow::{Context, bail};

/// The cargo that runs this task.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Prints a command as one could type it, runs it, and fails where it fails.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = describe(command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// The command line, with the program's name but not its path.
fn describe(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs this very task again in a build that has the engine in it.
#[cfg(not(feature = "vectors"))]
pub(crate) fn run_with_engine(feature: &str) -> anyhow::Result<()> {
    run(cargo().args(["run", "--quiet", "--package", "xtask", "--features", feature, "--"]).args(arguments()))
}

/// Builds the server and this tool in release mode, and runs this very task again there.
///
/// One build for both: the server measured is the one beside the tool.
#[cfg(not(feature = "bench"))]
pub(crate) fn run_in_release(feature: &str) -> anyhow::Result<()> {
    let feature = format!("xtask/{feature}");
    let packages = ["--package", "vestibule-server", "--package", "xtask", "--features", feature.as_str()];
    run(cargo().args(["build", "--release"]).args(packages))?;
    let this = env::current_exe().context("cannot find this program")?;
    let target = this.parent().and_then(std::path::Path::parent).context("cannot find the target folder")?;
    run(Command::new(target.join("release").join("xtask")).args(arguments()))
}

/// The arguments this process was given.
#[cfg(any(not(feature = "vectors"), not(feature = "bench")))]
fn arguments() -> impl Iterator<Item = OsString> {
    env::args_os().skip(1)
}
