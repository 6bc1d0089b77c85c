//! Where the programs are, whom they run as, and the ports they listen on.

use std::{
    env,
    ffi::OsString,
    fs,
    hash::{BuildHasher as _, RandomState},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use nix::unistd::{User, geteuid};

/// Where Debian puts what an ordinary user's `PATH` leaves out; PostgreSQL's folder has one below it for each version.
const SYSTEM: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];
const POSTGRESQL: &str = "/usr/lib/postgresql";

/// Below the ports that the system hands out by itself, so that nobody gets the port of a server that is down for a while.
const PORTS: std::ops::Range<u64> = 20_000..32_000;

/// The path of a program.
pub(super) fn find(name: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(SYSTEM.map(PathBuf::from))
        .chain(postgresql_folders())
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("`{name}` is not on this machine; `cargo xtask test` installs it"))
}

/// PostgreSQL's folders, the newest version first.
fn postgresql_folders() -> Vec<PathBuf> {
    let mut versions: Vec<u32> = fs::read_dir(POSTGRESQL)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    versions.iter().map(|version| Path::new(POSTGRESQL).join(version.to_string()).join("bin")).collect()
}

/// What goes before a program that refuses to be run by root: nothing for anybody else.
pub(super) fn unprivileged() -> Vec<OsString> {
    if !geteuid().is_root() {
        return Vec::new();
    }
    // Unlike `runuser` it becomes the program, so that signals reach it.
    let setpriv = find("setpriv").into_os_string();
    let options = ["--reuid=postgres", "--regid=postgres", "--init-groups", "--"].map(OsString::from);
    std::iter::once(setpriv).chain(options).collect()
}

/// Gives a folder to whom [`unprivileged`] programs run as.
pub(super) fn give_away(folder: &Path) {
    if !geteuid().is_root() {
        return;
    }
    let user = User::from_name("postgres").ok().flatten();
    let user = user.expect("the user `postgres` comes with PostgreSQL; `cargo xtask test` installs it");
    chown(folder, Some(user.uid.as_raw()), Some(user.gid.as_raw())).expect("root may give a folder away");
}

/// A command from its words.
pub(super) fn command(words: &[OsString]) -> Command {
    let (program, arguments) = words.split_first().expect("a program");
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Runs a program to its end and returns what it printed, without the last line's end; fails where it fails.
pub(super) fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let printed = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {printed}{complaint}");
    printed
}

/// A loopback address nobody listens on; none is given twice.
pub(super) fn free_address() -> SocketAddr {
    // Every process begins elsewhere, as test binaries may run side by side.
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(RandomState::new().hash_one(0) >> 1));
    (PORTS.start..PORTS.end)
        .find_map(|_| {
            let step = NEXT.fetch_add(1, Ordering::Relaxed) % (PORTS.end - PORTS.start);
            let port = u16::try_from(PORTS.start + step).ok()?;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            TcpListener::bind(address).is_ok().then_some(address)
        })
        .expect("a free port")
}

/// A word nobody guesses; good enough for a password on the loopback address of a test.
pub(super) fn random_word() -> String {
    format!("{:016x}", RandomState::new().hash_one(0))
}
