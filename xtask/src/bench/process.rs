//! Processes that the bench starts, and what the kernel says about them.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use vestibule::core::ports::Stopwatch;

use super::client::{Connection, request};

/// How long a process may take until it answers.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is asked meanwhile.
const PAUSE: Duration = Duration::from_micros(200);

/// A process that listens on the loopback interface; it is killed when this is dropped, also when the bench fails.
pub(super) struct Listening {
    process: Child,
    address: SocketAddr,
    log: PathBuf,
    /// Goes after the process.
    folder: TempDir,
}

impl Listening {
    /// Starts a program in an empty folder of its own. `prepare` adds arguments and environment.
    pub(super) fn spawn(
        program: &Path,
        prepare: impl FnOnce(&mut Command, SocketAddr, &Path),
    ) -> anyhow::Result<Self> {
        let folder = folder_beside_the_build()?;
        let address = free_address()?;
        let log = folder.path().join("log");
        let output = File::create(&log).context("cannot write the log")?;
        let mut command = Command::new(program);
        command.env_clear().current_dir(folder.path()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        prepare(&mut command, address, folder.path());
        let process = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self { process, address, log, folder })
    }

    /// Waits until `path` is answered with 200.
    pub(super) async fn until_ready(&mut self, path: &str) -> anyhow::Result<()> {
        let question = request("GET", path, &[], "");
        let clock = Stopwatch::start();
        while !is_ok(self.address, &question).await {
            if let Some(status) = self.process.try_wait()? {
                bail!("the process ended ({status}):\n{}", self.log());
            }
            if clock.elapsed() > PATIENCE {
                bail!("the process does not answer {path}:\n{}", self.log());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it works.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has printed.
    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its resident memory now.
    pub(super) fn resident_kib(&self) -> anyhow::Result<u32> {
        self.status_kib("VmRSS")
    }

    /// The most memory it has had resident.
    pub(super) fn peak_kib(&self) -> anyhow::Result<u32> {
        self.status_kib("VmHWM")
    }

    fn status_kib(&self, name: &str) -> anyhow::Result<u32> {
        let pid = self.process.id().context("the process has ended")?;
        let status =
            fs::read_to_string(format!("/proc/{pid}/status")).context("cannot read the process's status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let value =
            line.and_then(|line| line.trim().strip_suffix("kB")).context("the kernel does not tell")?;
        Ok(value.trim().parse()?)
    }

    /// Ends it and waits until it is gone.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        self.process.kill().await.context("cannot end the process")
    }
}

async fn is_ok(address: SocketAddr, question: &[u8]) -> bool {
    let Ok(mut connection) = Connection::open(address).await else {
        return false;
    };
    connection.exchange(question).await.is_ok_and(|answer| answer.status == 200)
}

/// The folder that this program was built into: the release build's.
pub(super) fn release_folder() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("cannot find this program")?;
    Ok(this.parent().context("this program lies in no folder")?.to_owned())
}

/// An empty folder on the disk that holds the build: a durable write must not go to memory.
pub(super) fn folder_beside_the_build() -> anyhow::Result<TempDir> {
    tempfile::Builder::new().prefix("bench-").tempdir_in(release_folder()?).context("cannot make a folder")
}

fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot find a free port")?;
    Ok(listener.local_addr()?)
}
