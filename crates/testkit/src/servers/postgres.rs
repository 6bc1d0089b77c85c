//! A PostgreSQL server of one's own.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use nix::sys::signal::Signal;

use super::{
    authority::Authority,
    daemon::{Daemon, words},
    programs, watchdog,
};

/// The role that owns the databases; it is no superuser.
pub(super) const ROLE: &str = "vestibule";
/// The administrator, over the socket.
const SUPERUSER: &str = "postgres";

/// Small, and as durable as in earnest; enough connections for several nodes in several tests at once.
const CONFIGURATION: &str = "
fsync = on
shared_buffers = 32MB
max_connections = 250
max_wal_size = 256MB
autovacuum_naptime = 10s
log_line_prefix = '%m [%p] %d '
";

/// How to stop PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Disconnects the clients and rolls back what they were at.
    Fast,
    /// Drops everything as a crash would; the next start recovers.
    Immediate,
}

impl Shutdown {
    const fn signal(self) -> Signal {
        match self {
            Self::Fast => Signal::SIGINT,
            Self::Immediate => Signal::SIGQUIT,
        }
    }
}

/// A PostgreSQL server of one's own; it ends, and its files go, when this is dropped.
#[derive(Debug)]
pub struct PostgresServer {
    address: SocketAddr,
    /// Of the role; none where everybody on this machine may come in.
    password: Option<String>,
    databases: AtomicUsize,
    daemon: Daemon,
}

impl PostgresServer {
    /// Starts one that lets everybody on this machine in.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(None, None)
    }

    /// Starts one that wants a password (SCRAM-SHA-256), random, and in [`Database::url`].
    #[must_use]
    pub fn start_with_password() -> Self {
        Self::start_with(Some(programs::random_word()), None)
    }

    /// Starts one that also speaks TLS, with an authority's certificate for these names or addresses.
    ///
    /// It lets everybody on this machine in without TLS, too, so that a client that falls back to that is seen to.
    #[must_use]
    pub fn start_with_tls(authority: &Authority, names: &[&str]) -> Self {
        Self::start_with(None, Some((authority, names)))
    }

    /// The one that all tests of this binary share; started by the first, ended with the process.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<PostgresServer> = LazyLock::new(PostgresServer::start);
        &SHARED
    }

    fn start_with(password: Option<String>, tls: Option<(&Authority, &[&str])>) -> Self {
        let address = programs::free_address();
        let folder = watchdog::folder("postgres", true);
        let data = folder.join("data");
        make_cluster(&data);
        let method = if password.is_some() { "scram-sha-256" } else { "trust" };
        let access = format!("local all all trust\nhost all all 127.0.0.1/32 {method}\n");
        fs::write(data.join("pg_hba.conf"), access).expect("the cluster's folder");
        let mut configuration = configuration(address, &folder);
        if let Some((authority, names)) = tls {
            let papers = authority.certify(names, &data);
            programs::give_away(&papers.key);
            // It finds both by their names.
            configuration.push_str("ssl = on\n");
        }
        fs::write(data.join("postgresql.conf"), configuration).expect("the cluster's folder");

        let mut command = programs::unprivileged();
        command.extend(words("postgres", &["-D", &data.display().to_string()]));
        let daemon = Daemon::new(folder, command, Shutdown::Immediate.signal());
        let server = Self { address, password, databases: AtomicUsize::new(0), daemon };
        server.start_again();
        let password = server.password.as_ref().map(|password| format!(" PASSWORD '{password}'"));
        server.psql(SUPERUSER, &format!("CREATE ROLE {ROLE} LOGIN{}", password.unwrap_or_default()));
        server
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder of its socket, over which everybody may come in as anybody.
    pub(super) fn socket_folder(&self) -> &Path {
        self.daemon.folder()
    }

    /// Makes a new, empty database.
    #[must_use]
    pub fn fresh_database(&self) -> Database<'_> {
        self.create_database(None)
    }

    /// Makes a copy of a database, which nobody may be connected to meanwhile.
    #[must_use]
    pub fn copy_of(&self, template: &Database<'_>) -> Database<'_> {
        self.create_database(Some(&template.name))
    }

    fn create_database(&self, template: Option<&str>) -> Database<'_> {
        let name = format!("vestibule_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let template = template.map(|template| format!(" TEMPLATE {template}")).unwrap_or_default();
        self.psql(SUPERUSER, &format!("CREATE DATABASE {name} OWNER {ROLE}{template}"));
        Database { server: self, name }
    }

    /// Removes a database if the server is up; with it down, the files go with the server's folder.
    fn forget(&self, database: &str) {
        let sql = format!("DROP DATABASE {database} WITH (FORCE)");
        let _ = self.psql_command(SUPERUSER, &sql).output();
    }

    /// The URL of a database, whether there is one of that name or not.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.url_at(self.address, database)
    }

    /// The same through a proxy or a pooler at another address.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr, database: &str) -> String {
        let password = self.password.as_ref().map(|password| format!(":{password}")).unwrap_or_default();
        format!("postgres://{ROLE}{password}@{address}/{database}")
    }

    /// Runs SQL as the administrator; the answer's rows are lines, their columns separated by `|`.
    ///
    /// # Panics
    ///
    /// With the server's words where it refuses.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        programs::output(&mut self.psql_command(database, sql))
    }

    fn psql_command(&self, database: &str, sql: &str) -> Command {
        let mut command =
            programs::command(&words("psql", &["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]));
        command.arg("-h").arg(self.socket_folder()).arg("-p").arg(self.address.port().to_string());
        command.args(["-U", SUPERUSER, "-d", database, "-c", sql]);
        command
    }

    /// Stops it and waits for its end.
    pub fn stop(&self, how: Shutdown) {
        self.daemon.stop(how.signal());
    }

    /// Starts it again, at the same address with the same data, and waits until it takes connections.
    pub fn start_again(&self) {
        let state = self.daemon.folder().join("data/postmaster.pid");
        // The last line is the state, which is what `pg_ctl` waits for.
        self.daemon.start(|| {
            fs::read_to_string(&state).is_ok_and(|lines| lines.lines().last().map(str::trim) == Some("ready"))
        });
    }

    /// Stops it as a crash would and starts it again.
    pub fn restart_immediately(&self) {
        self.stop(Shutdown::Immediate);
        self.start_again();
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.daemon.log()
    }
}

/// A database of one test.
#[derive(Debug)]
pub struct Database<'a> {
    server: &'a PostgresServer,
    name: String,
}

impl Database<'_> {
    /// Its name, unique on its server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How an application reaches it.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// The same through a proxy or a pooler.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr) -> String {
        self.server.url_at(address, &self.name)
    }

    /// Runs SQL as the administrator; see [`PostgresServer::psql`].
    #[expect(clippy::must_use_candidate, reason = "most statements return nothing")]
    pub fn psql(&self, sql: &str) -> String {
        self.server.psql(&self.name, sql)
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        self.server.forget(&self.name);
    }
}

/// Makes the files of a new cluster; syncing them would only cost time.
fn make_cluster(data: &Path) {
    let options = ["--no-sync", "--no-instructions", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"];
    let mut command = programs::unprivileged();
    command.extend(words("initdb", &options));
    let mut command = programs::command(&command);
    command.arg("--username").arg(SUPERUSER).arg("--pgdata").arg(data).current_dir("/");
    programs::output(&mut command);
}

fn configuration(address: SocketAddr, sockets: &Path) -> String {
    let (host, port, sockets) = (address.ip(), address.port(), sockets.display());
    format!(
        "listen_addresses = '{host}'\nport = {port}\nunix_socket_directories = '{sockets}'\n{CONFIGURATION}"
    )
}
