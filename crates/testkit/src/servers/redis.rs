//! Redis servers of one's own: one, a cluster, or a sentinel with two.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use nix::sys::signal::Signal;

use super::{
    authority::Authority,
    daemon::{Daemon, words},
    programs, watchdog,
};

mod cluster;
mod sentinel;

pub use cluster::RedisCluster;
pub use sentinel::RedisSentinel;

/// Nothing is kept on disk, so a server that was stopped comes back empty.
const OPTIONS: [&str; 6] = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1"];

/// Who vouches for a server, and under which names or addresses.
type Tls<'a> = (&'a Authority, &'a [&'a str]);

/// A Redis server of one's own; it ends when this is dropped.
#[derive(Debug)]
pub struct RedisServer {
    address: SocketAddr,
    password: Option<String>,
    /// Who vouches for it, where it speaks TLS.
    authority: Option<PathBuf>,
    daemon: Daemon,
}

impl RedisServer {
    /// Starts one that lets everybody on this machine in.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[], None, None)
    }

    /// Starts one that wants a password, random, and in [`RedisServer::url`].
    #[must_use]
    pub fn start_with_password() -> Self {
        let password = programs::random_word();
        Self::start_with(&["--requirepass", &password], Some(password.clone()), None)
    }

    /// Starts one that speaks nothing but TLS, with an authority's certificate for these names or addresses.
    #[must_use]
    pub fn start_with_tls(authority: &Authority, names: &[&str]) -> Self {
        Self::start_with(&[], None, Some((authority, names)))
    }

    fn start_with(options: &[&str], password: Option<String>, tls: Option<Tls<'_>>) -> Self {
        let address = programs::free_address();
        let folder = watchdog::folder("redis", false);
        let transport = transport(address.port(), tls, &folder);
        let transport: Vec<_> = transport.iter().map(String::as_str).collect();
        let arguments = [&OPTIONS, transport.as_slice(), options].concat();
        let daemon = Daemon::new(folder, words("redis-server", &arguments), Signal::SIGKILL);
        let authority = tls.map(|(authority, _)| authority.file());
        let server = Self { address, password, authority, daemon };
        server.start_again();
        server
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How an application reaches it.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.address)
    }

    /// The same through a proxy.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr) -> String {
        let password = self.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        let scheme = if self.authority.is_some() { "rediss" } else { "redis" };
        format!("{scheme}://{password}{address}")
    }

    /// Sends a command and returns the answer as `redis-cli` prints it into a pipe.
    ///
    /// # Panics
    ///
    /// Where there is no answer; an error of the server is an answer.
    pub fn cli(&self, words: &[&str]) -> String {
        programs::output(self.cli_command().args(words))
    }

    fn cli_command(&self) -> Command {
        let mut command = cli_at(self.address, self.authority.as_deref());
        if let Some(password) = &self.password {
            command.env("REDISCLI_AUTH", password);
        }
        command
    }

    /// Ends it at once; what it had counted is lost.
    pub fn stop(&self) {
        self.daemon.stop(Signal::SIGKILL);
    }

    /// Starts it again at the same address, empty, and waits until it answers.
    pub fn start_again(&self) {
        self.daemon.start(|| answers(self.cli_command().arg("PING"), "PONG"));
    }

    /// Stops it in its tracks until [`RedisServer::resume`]: connections stay and nothing answers.
    pub fn pause(&self) {
        self.daemon.signal(Signal::SIGSTOP);
    }

    /// Lets it go on after [`RedisServer::pause`].
    pub fn resume(&self) {
        self.daemon.signal(Signal::SIGCONT);
    }
}

/// How a server is reached: by TLS alone where it has somebody who vouches for it.
fn transport(port: u16, tls: Option<Tls<'_>>, folder: &Path) -> Vec<String> {
    let port = port.to_string();
    let Some((authority, names)) = tls else { return vec!["--port".to_owned(), port] };
    let papers = authority.certify(names, folder);
    let file = |path: PathBuf| path.display().to_string();
    let options = [
        ("--port", "0".to_owned()),
        ("--tls-port", port),
        ("--tls-cert-file", file(papers.certificate)),
        ("--tls-key-file", file(papers.key)),
        ("--tls-ca-cert-file", file(authority.file())),
        ("--tls-auth-clients", "no".to_owned()),
        // The servers among themselves.
        ("--tls-replication", "yes".to_owned()),
        ("--tls-cluster", "yes".to_owned()),
    ];
    options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
}

fn cli_at(address: SocketAddr, authority: Option<&Path>) -> Command {
    let port = address.port().to_string();
    let words = words("redis-cli", &["-h", &address.ip().to_string(), "-p", &port]);
    let mut command = programs::command(&words);
    if let Some(authority) = authority {
        command.arg("--tls").arg("--cacert").arg(authority);
    }
    command
}

/// Whether the answer to a command has this in it.
fn answers(command: &mut Command, part: &str) -> bool {
    command.output().is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(part))
}
