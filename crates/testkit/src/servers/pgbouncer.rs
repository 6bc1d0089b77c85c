//! PgBouncer before a PostgreSQL server.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::Path,
};

use nix::sys::signal::Signal;

use super::{
    daemon::{Daemon, words},
    postgres::{PostgresServer, ROLE},
    programs, watchdog,
};

/// A PgBouncer that pools by transaction; it ends when this is dropped. Otherwise it is as Debian ships it, but for
/// trying a server that was away every second instead of every fifteen.
///
/// Databases are reached through it with [`Database::url_at`](super::Database::url_at).
#[derive(Debug)]
pub struct PgBouncer {
    address: SocketAddr,
    daemon: Daemon,
}

impl PgBouncer {
    /// Starts one before all databases of a server.
    #[must_use]
    pub fn start(server: &PostgresServer) -> Self {
        Self::start_with(server, "")
    }

    /// The same, with further lines of configuration, which outrank the others.
    #[must_use]
    pub fn start_with(server: &PostgresServer, lines: &str) -> Self {
        let address = programs::free_address();
        let folder = watchdog::folder("pgbouncer", true);
        let file = folder.join("pgbouncer.ini");
        fs::write(&file, configuration(address, server) + lines).expect("a file");
        let mut command = programs::unprivileged();
        command.extend(words("pgbouncer", &[&file.display().to_string()]));
        let pooler = Self { address, daemon: Daemon::new(folder, command, Signal::SIGKILL) };
        pooler.start_again();
        pooler
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it at once, with all connections before and behind it.
    pub fn stop(&self) {
        self.daemon.stop(Signal::SIGKILL);
    }

    /// Starts it again at the same address and waits until it takes connections.
    pub fn start_again(&self) {
        self.daemon.start(|| TcpStream::connect(self.address).is_ok());
    }
}

/// Whoever comes, comes in as the role that owns the databases.
fn configuration(address: SocketAddr, server: &PostgresServer) -> String {
    let (host, port, sockets): (_, _, &Path) = (address.ip(), address.port(), server.socket_folder());
    format!(
        "[databases]\n\
         * = host={} port={} user={ROLE}\n\
         [pgbouncer]\n\
         listen_addr = {host}\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = any\n\
         pool_mode = transaction\n\
         server_login_retry = 1\n\
         max_client_conn = 500\n",
        sockets.display(),
        server.address().port()
    )
}
