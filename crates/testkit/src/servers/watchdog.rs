//! One folder for all servers of this process, and a watchdog that ends them and removes it after the process.

use std::{
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::programs;

/// Reads to the end of its input, which comes with the end of the process that holds the other side, however it ends.
/// Each `pid` file has the signal that ends a server at once, and its process; the server gets five seconds for it.
const SCRIPT: &str = r#"
cat >/dev/null
cd "$1" || exit
tell() {
    alive=
    for file in */pid; do
        read -r signal pid <"$file" || continue
        # Ended, and waiting for a parent that may not ask.
        grep -q '^State:.Z' "/proc/$pid/status" && continue
        kill -"${1:-$signal}" "$pid" && kill -CONT "$pid" && alive=yes
    done
}
tell
for look in $(seq 50); do
    [ "$alive" ] || break
    sleep 0.1
    tell 0
done
tell KILL
cd / && rm -rf "$1"
"#;

/// The folder of this process, and who looks after it.
struct Premises {
    folder: PathBuf,
    number: AtomicUsize,
    /// Its input closes with this process.
    _watchdog: Child,
}

static PREMISES: LazyLock<Premises> = LazyLock::new(|| {
    // `keep`: statics are not dropped; the watchdog removes it.
    let folder = tempfile::Builder::new().prefix("vestibule-servers-").tempdir().map(tempfile::TempDir::keep);
    let folder = folder.expect("a temporary folder");
    // Servers that run as another user must reach their folders in it.
    fs::set_permissions(&folder, Permissions::from_mode(0o711)).expect("the folder is ours");
    Premises { number: AtomicUsize::new(0), _watchdog: start_watchdog(&folder), folder }
});

fn start_watchdog(folder: &Path) -> Child {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SCRIPT, "watchdog"]).arg(folder).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("a shell")
}

/// A new folder for a server, which owns it if it must not run as root.
pub(super) fn folder(name: &str, is_unprivileged: bool) -> PathBuf {
    let number = PREMISES.number.fetch_add(1, Ordering::Relaxed);
    let folder = PREMISES.folder.join(format!("{name}-{number}"));
    fs::create_dir(&folder).expect("a folder for a server");
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).expect("the folder is ours");
    if is_unprivileged {
        programs::give_away(&folder);
    }
    folder
}
