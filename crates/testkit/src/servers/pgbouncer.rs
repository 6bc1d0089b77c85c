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

/// A PgBouncer that pools by transaction, as Debian ships it otherwise; it ends when this is dropped.
///
/// Databases are reached through it with [`Database::url_at`](super::Database::url_at).
#[derive(Debug)]
pub struct PgBouncer {
    address: SocketAddr,
    // Held for its end.
    _daemon: Daemon,
}

impl PgBouncer {
    /// Starts one before all databases of a server.
    #[must_use]
    pub fn start(server: &PostgresServer) -> Self {
        let address = programs::free_address();
        let folder = watchdog::folder("pgbouncer", true);
        let file = folder.join("pgbouncer.ini");
        fs::write(&file, configuration(address, server)).expect("a file");
        let mut command = programs::unprivileged();
        command.extend(words("pgbouncer", &[&file.display().to_string()]));
        let daemon = Daemon::new(folder, command, Signal::SIGKILL);
        daemon.start(|| TcpStream::connect(address).is_ok());
        Self { address, _daemon: daemon }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
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
         max_client_conn = 500\n",
        sockets.display(),
        server.address().port()
    )
}
