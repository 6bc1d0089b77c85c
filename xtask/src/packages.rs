//! The programs that the tests drive, and how they get onto the machine.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::bail;

use crate::command;

/// A program that tests start.
struct Requirement {
    /// Its name in `PATH`.
    program: &'static str,
    /// For Python, what it must be able to import.
    modules: Option<&'static str>,
    /// Debian's package that has it.
    package: &'static str,
    /// The tests that need it.
    purpose: &'static str,
}

impl Requirement {
    const fn program(program: &'static str, package: &'static str, purpose: &'static str) -> Self {
        Self { program, modules: None, package, purpose }
    }

    const fn modules(modules: &'static str, package: &'static str, purpose: &'static str) -> Self {
        Self { program: "python3", modules: Some(modules), package, purpose }
    }
}

/// Everything the tests start besides what this repository builds.
const REQUIREMENTS: [Requirement; 15] = [
    Requirement::program("chromium", "chromium", "the Authorize button of the API docs"),
    Requirement::program("chromedriver", "chromium-driver", "the same, to press it"),
    Requirement::program("nginx", "nginx", "deploy/nginx.conf"),
    Requirement::program("openssl", "openssl", "a certificate to check that file with"),
    Requirement::program("caddy", "caddy", "deploy/Caddyfile"),
    Requirement::program("systemd-analyze", "systemd", "deploy/vestibule.service"),
    Requirement::program(
        "initdb",
        "postgresql",
        "everything that runs on PostgreSQL, in servers of the tests' own",
    ),
    Requirement::program("pgbouncer", "pgbouncer", "PostgreSQL behind a pooler"),
    Requirement::program("redis-server", "redis-server", "counters that nodes share"),
    Requirement::program("redis-cli", "redis-tools", "the same, to set them up"),
    Requirement::program("redis-sentinel", "redis-sentinel", "the same, when the first server is lost"),
    Requirement::program("curl", "curl", "the tour in README.md"),
    Requirement::program("node", "nodejs", "docs/verifying-tokens.md"),
    Requirement::modules("jwt", "python3-jwt", "the same, in Python"),
    Requirement::modules("jwt, cryptography", "python3-cryptography", "the same, for Ed25519"),
];

/// What Debian starts at once when it installs the packages.
const SERVICES: &str = "nginx caddy postgresql pgbouncer redis-server redis-sentinel";

/// Makes sure that every program is there, and installs those that are not.
pub(crate) fn ensure() -> anyhow::Result<()> {
    for requirement in &REQUIREMENTS {
        let state = if is_present(requirement) { "present" } else { "missing" };
        println!("  {:<20} {state}; for {}", requirement.package, requirement.purpose);
    }
    let missing = missing_packages();
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing)?;
    let still_missing = missing_packages();
    if still_missing.is_empty() {
        return Ok(());
    }
    bail!("apt installed these packages, but their programs are not in PATH: {}", still_missing.join(" "))
}

fn missing_packages() -> Vec<&'static str> {
    REQUIREMENTS
        .iter()
        .filter(|requirement| !is_present(requirement))
        .map(|requirement| requirement.package)
        .collect()
}

fn is_present(requirement: &Requirement) -> bool {
    match requirement.modules {
        None => find_program(requirement.program).is_some(),
        Some(modules) => can_import(modules),
    }
}

/// Whether a Python has these modules: the system's, which apt serves, or the first in `PATH`.
fn can_import(modules: &str) -> bool {
    let import = format!("import {modules}");
    ["/usr/bin/python3", "python3"].iter().any(|python| {
        Command::new(python).args(["-c", &import]).output().is_ok_and(|output| output.status.success())
    })
}

/// Looks in `PATH` and in the system folders that an ordinary user's `PATH` leaves out.
fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let mut folders = env::split_paths(&path).chain(system).chain(postgresql_folders());
    folders.find_map(|folder| Some(folder.join(name)).filter(|file| file.is_file()))
}

/// Debian keeps a server's programs in a folder for each version.
fn postgresql_folders() -> impl Iterator<Item = PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    versions.filter_map(|version| Some(version.ok()?.path().join("bin")))
}

fn install(packages: &[&str]) -> anyhow::Result<()> {
    let list = packages.join(" ");
    if find_program("apt-get").is_none() {
        bail!("this machine has no apt-get; install what Debian calls {list}, and run this again");
    }
    let Some(prefix) = root_prefix() else {
        bail!(
            "this needs root once, and `sudo` would ask for a password. Run this, then the tests again:\n    \
             sudo apt-get update && sudo apt-get install -y --no-install-recommends {list}"
        );
    };
    println!("installing {list}");
    command::run(&mut apt(prefix, &["update"]))?;
    command::run(apt(prefix, &["install", "-y", "--no-install-recommends"]).args(packages))?;
    if Path::new("/run/systemd/system").exists() {
        println!("note: Debian starts servers when it installs them; the tests use processes of their own.");
        println!("      `systemctl disable --now {SERVICES}` stops Debian's.");
    }
    Ok(())
}

/// What goes before a command that must be root's; `None` where we may not be root.
fn root_prefix() -> Option<&'static [&'static str]> {
    let is_root =
        Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if is_root {
        return Some(&[]);
    }
    let mut question = Command::new("sudo");
    question.args(["-n", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    question.status().is_ok_and(|status| status.success()).then_some(&["sudo", "-n"])
}

/// `apt-get` that asks no questions. The variable is set behind `sudo`, which would drop it.
fn apt(prefix: &[&str], arguments: &[&str]) -> Command {
    let words = [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"], arguments].concat();
    let (program, rest) = words.split_first().map_or(("env", [].as_slice()), |(first, rest)| (*first, rest));
    let mut command = Command::new(program);
    command.args(rest).stdin(Stdio::null());
    command
}
