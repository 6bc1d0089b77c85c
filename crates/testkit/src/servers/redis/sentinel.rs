//! A master, a replica, and a sentinel that makes the one the other.

use std::{ffi::OsString, fs, net::SocketAddr, path::PathBuf};

use nix::sys::signal::Signal;

use super::{
    super::{
        daemon::{Daemon, words},
        eventually, programs, watchdog,
    },
    Authority, RedisServer, Tls, answers, cli_at, transport,
};

/// What the sentinel calls the master.
const NAME: &str = "vestibule";

/// Two Redis servers and a sentinel, which decides alone; all end when this is dropped.
#[derive(Debug)]
pub struct RedisSentinel {
    // Ends first, so that it does not take the end of the others for an outage.
    sentinel: Daemon,
    address: SocketAddr,
    /// Who vouches for it, where it speaks TLS.
    authority: Option<PathBuf>,
    servers: [RedisServer; 2],
}

impl RedisSentinel {
    /// Starts all three and waits until a failover is possible.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// The same, all three speaking nothing but TLS.
    #[must_use]
    pub fn start_with_tls(authority: &Authority, names: &[&str]) -> Self {
        Self::start_with(Some((authority, names)))
    }

    fn start_with(tls: Option<Tls<'_>>) -> Self {
        let master = RedisServer::start_with(&[], None, tls);
        let port = master.address.port().to_string();
        // As replicas wait five seconds for more of them before the first copy.
        master.cli(&["CONFIG", "SET", "repl-diskless-sync-delay", "0"]);
        let of = format!("127.0.0.1 {port}");
        let replica = RedisServer::start_with(&["--replicaof", &of], None, tls);
        eventually(|| replica.cli(&["INFO", "replication"]).contains("link_status:up").then_some(()))
            .expect("a replica that follows");

        let address = programs::free_address();
        let folder = watchdog::folder("sentinel", false);
        let file = folder.join("sentinel.conf");
        fs::write(&file, configuration(master.address)).expect("a file");
        let mut command = words("redis-sentinel", &[&file.display().to_string()]);
        command.extend(transport(address.port(), tls, &folder).into_iter().map(OsString::from));
        let authority = tls.map(|(authority, _)| authority.file());
        let sentinel = Daemon::new(folder, command, Signal::SIGKILL);
        sentinel
            .start(|| answers(cli_at(address, authority.as_deref()).args(["INFO", "sentinel"]), "slaves=1"));
        Self { sentinel, address, authority, servers: [master, replica] }
    }

    /// Where the sentinel listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the sentinel calls the master.
    #[must_use]
    pub fn name(&self) -> &'static str {
        NAME
    }

    /// The sentinel's URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// The two servers: first the one that was master at the start.
    #[must_use]
    pub fn servers(&self) -> &[RedisServer; 2] {
        &self.servers
    }

    /// Where the sentinel says the master is.
    #[must_use]
    pub fn master(&self) -> SocketAddr {
        let mut cli = cli_at(self.address, self.authority.as_deref());
        let answer = programs::output(cli.args(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]));
        answer.replace('\n', ":").parse().expect("an address")
    }

    /// Ends the master and waits until the sentinel has made the other one the master.
    pub fn lose_master(&self) {
        let master = self.master();
        let (lost, next) = match &self.servers {
            [one, other] if one.address == master => (one, other),
            [one, other] => (other, one),
        };
        lost.stop();
        let has_changed = || self.master() == next.address && next.cli(&["ROLE"]).starts_with("master");
        eventually(|| has_changed().then_some(()))
            .unwrap_or_else(|| panic!("no failover:\n{}", self.sentinel.log()));
    }
}

fn configuration(master: SocketAddr) -> String {
    let (host, port) = (master.ip(), master.port());
    format!(
        "bind {host}\n\
         sentinel monitor {NAME} {host} {port} 1\n\
         sentinel down-after-milliseconds {NAME} 500\n\
         sentinel failover-timeout {NAME} 2000\n"
    )
}
