//! The binary in a folder of its own.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use crate::client::Client;

/// How long anything may take before a test gives up; no test waits for it to pass.
const DEADLINE: Duration = Duration::from_secs(30);

/// A working directory, and the environment of what runs in it.
pub(crate) struct Folder {
    directory: TempDir,
    environment: Vec<(String, String)>,
    /// Run by the shell that becomes the server.
    before: Option<String>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let folder = Self { directory, environment: Vec::new(), before: None };
        folder.with("VESTIBULE_LISTEN", "127.0.0.1:0")
    }

    /// Sets an environment variable of everything that runs in it.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs this in the shell that becomes the server.
    pub(crate) fn after(mut self, script: &str) -> Self {
        self.before = Some(script.to_owned());
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path("vestibule-data/vestibule.db")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with_input(arguments, "")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that refuses its arguments does not read its input.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ended {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts the server and waits until it says where it listens.
    pub(crate) fn serve(&self) -> Server {
        let mut child = self.spawn();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let banner: Vec<_> = lines.by_ref().take_while(|line| !line.starts_with("  data")).collect();
        let address = banner.iter().find_map(|line| line.trim().strip_prefix("listening  http://"));
        let Some(address) = address else {
            panic!("it did not start: {}", self.log());
        };
        Server { address: address.parse().unwrap(), banner: banner.join("\n"), child }
    }

    /// Starts the server, whose log goes to a file.
    pub(crate) fn spawn(&self) -> Child {
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = match &self.before {
            None => self.command(&["serve"]),
            Some(script) => {
                let mut shell = Command::new("sh");
                shell.env_clear().envs(self.environment.iter().cloned()).current_dir(self.directory.path());
                shell.args(["-c", &format!("{script}; exec \"$0\" serve"), env!("CARGO_BIN_EXE_vestibule")]);
                shell
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().expect("it starts")
    }

    /// What the server has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command.env_clear().envs(self.environment.iter().cloned());
        command.args(arguments).current_dir(self.directory.path());
        command
    }
}

/// A server at work; killed when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) banner: String,
    child: Child,
}

impl Server {
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// The id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Ends the process without a chance to tidy up.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the process to stop and waits for its end.
    pub(crate) async fn stop(self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.ended().await
    }

    /// Waits for the end of the process.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        eventually("the process ends", async || self.child.try_wait().unwrap()).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended; there is nobody left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let mut pause = tokio::time::interval(Duration::from_millis(10));
    let asking = async {
        loop {
            pause.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(DEADLINE, asking).await.unwrap_or_else(|_| panic!("in vain: {what}"))
}
