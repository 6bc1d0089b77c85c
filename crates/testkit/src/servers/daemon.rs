//! A server's process: started, signalled, ended, started again.

use std::{
    ffi::OsString,
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{eventually, programs};

/// Notes the process and how to end it for the watchdog, then becomes the server.
const LAUNCH: &str = r#"echo "$1 $$" >"$0" && shift && exec "$@""#;

/// A server in a folder of its own. It ends, and the folder goes, when this is dropped.
#[derive(Debug)]
pub(super) struct Daemon {
    folder: PathBuf,
    words: Vec<OsString>,
    /// Ends it at once.
    end: Signal,
    process: Mutex<Option<Child>>,
}

impl Daemon {
    /// A server that is not started yet.
    pub(super) fn new(folder: PathBuf, words: Vec<OsString>, end: Signal) -> Self {
        Self { folder, words, end, process: Mutex::new(None) }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts the process and waits until it is ready; fails with its log if it ends before.
    pub(super) fn start(&self, mut is_ready: impl FnMut() -> bool) {
        let mut process = self.process();
        assert!(process.is_none(), "it is running: {:?}", self.words);
        let mut child = self.spawn();
        let started = eventually(|| {
            let has_ended = child.try_wait().expect("its state").is_some();
            (has_ended || is_ready()).then_some(!has_ended)
        });
        *process = Some(child);
        assert!(started == Some(true), "{:?} did not start:\n{}", self.words, self.log());
    }

    fn spawn(&self) -> Child {
        let log = File::options().create(true).append(true).open(self.log_file()).expect("a log file");
        let errors = log.try_clone().expect("the log file");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", LAUNCH]).arg(self.pid_file()).arg(self.end.as_str().trim_start_matches("SIG"));
        // A group of its own: ^C is for the test, and the watchdog follows in order.
        command.args(&self.words).current_dir(&self.folder).process_group(0);
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        command.spawn().expect("a shell")
    }

    /// Sends a signal; nothing happens to a server that is not running.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(child) = self.process().as_ref() {
            send(child, signal);
        }
    }

    /// Sends a signal that ends the process and waits for that end; `None` if it was not running.
    pub(super) fn stop(&self, signal: Signal) -> Option<ExitStatus> {
        let mut child = self.process().take()?;
        send(&child, signal);
        // One that is paused would never notice.
        send(&child, Signal::SIGCONT);
        let ended = eventually(|| child.try_wait().ok().flatten()).or_else(|| {
            let _ = child.kill();
            child.wait().ok()
        });
        let _ = fs::remove_file(self.pid_file());
        ended
    }

    /// What it has printed.
    pub(super) fn log(&self) -> String {
        fs::read(self.log_file()).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.join("pid")
    }

    fn process(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop(self.end);
        // What is left in it, the watchdog removes.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn send(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).expect("a process id");
    // Not reaped yet, so the number is nobody else's; it may have ended, and then there is nobody to tell.
    let _ = kill(Pid::from_raw(pid), signal);
}

/// Words of a command line.
pub(super) fn words(program: &str, arguments: &[&str]) -> Vec<OsString> {
    let program = programs::find(program).into_os_string();
    std::iter::once(program).chain(arguments.iter().map(OsString::from)).collect()
}
