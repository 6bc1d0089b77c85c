//! The programs these tests start. Each is ended when its value is dropped, also by a failing test.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use vestibule::core::values::secret::SecretKey;

/// A program that runs until this is dropped.
pub(crate) struct Running {
    process: Child,
    /// What it has printed on `stderr`.
    printed: Arc<Mutex<Vec<String>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody left to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            println!("{}", self.printed.lock().unwrap_or_else(PoisonError::into_inner).join("\n"));
        }
    }
}

impl Running {
    /// Starts a program and reads what it prints on `stderr` until `sign` finds in a line that it listens.
    fn until<T>(mut command: Command, sign: impl Fn(&str) -> Option<T>) -> (Self, T) {
        let name = command.get_program().display().to_string();
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let process =
            started.unwrap_or_else(|error| panic!("{name}: {error}; `cargo xtask test` installs it"));
        let mut running = Self { process, printed: Arc::default() };
        let mut lines = BufReader::new(running.process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let printed = Arc::clone(&running.printed);
        let keep = move |line: &str| printed.lock().unwrap().push(format!("{name}: {line}"));
        let found = lines.find_map(|line| {
            keep(&line);
            sign(&line)
        });
        let found = found.expect("it ended before it listened");
        // Whoever writes into a full pipe stops, so somebody must go on reading.
        thread::spawn(move || lines.for_each(|line| keep(&line)));
        (running, found)
    }
}

/// The server, in production mode with the shipped configuration.
pub(crate) struct Vestibule {
    _running: Running,
    /// Goes after the process.
    _folder: tempfile::TempDir,
    address: SocketAddr,
}

impl Vestibule {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// `vestibule` with the shipped configuration, its data and secret in `folder`.
pub(crate) fn vestibule(folder: &Path, arguments: &[&str]) -> Command {
    let secret = folder.join("secret_key");
    fs::write(&secret, SecretKey::generate().expose()).unwrap();
    let configuration = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/vestibule.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.env_clear().current_dir(folder).args(arguments);
    command.env("VESTIBULE_CONFIG", configuration);
    command.env("VESTIBULE_DATA_DIR", folder.join("data"));
    command.env("VESTIBULE_SECRET_KEY_FILE", secret);
    command
}

pub(crate) fn start_vestibule(login_attempts: usize) -> Vestibule {
    let folder = tempfile::tempdir().unwrap();
    let mut command = vestibule(folder.path(), &["serve"]);
    command.env("VESTIBULE_LISTEN", "127.0.0.1:0");
    command.env("VESTIBULE_THROTTLE__LOGIN_ATTEMPTS", login_attempts.to_string());
    let (running, address) = Running::until(command, |line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        line.get("listen")?.as_str()?.parse().ok()
    });
    Vestibule { _running: running, _folder: folder, address }
}

/// nginx in one process, in the foreground, all its files in `folder`.
pub(crate) fn start_nginx(folder: &Path, site: &str) -> Running {
    let main = format!(
        "daemon off; master_process off; pid {0}/pid; error_log stderr notice;\n\
         events {{}}\n\
         http {{\n\
             access_log off; client_body_temp_path {0}/body; proxy_temp_path {0}/proxy;\n\
             fastcgi_temp_path {0}/fastcgi; uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;\n\
             include {0}/site.conf;\n\
         }}\n",
        folder.display()
    );
    fs::write(folder.join("nginx.conf"), main).unwrap();
    fs::write(folder.join("site.conf"), site).unwrap();
    let mut command = Command::new(system_program("nginx"));
    command.arg("-e").arg("stderr").arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
    // It says so once its sockets are open.
    Running::until(command, |line| line.contains("event method").then_some(())).0
}

/// Caddy, all its files in `folder`.
pub(crate) fn start_caddy(folder: &Path, caddyfile: &str) -> Running {
    fs::write(folder.join("Caddyfile"), caddyfile).unwrap();
    let mut command = Command::new(system_program("caddy"));
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(folder.join("Caddyfile"));
    command.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
    Running::until(command, |line| line.contains("serving initial configuration").then_some(())).0
}

/// Debian keeps some programs where an ordinary user's `PATH` does not lead.
fn system_program(name: &str) -> PathBuf {
    let system = Path::new("/usr/sbin").join(name);
    if system.exists() { system } else { PathBuf::from(name) }
}

/// An address nobody listens on.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Runs a program to its end and returns all that it printed; fails where it fails.
pub(crate) fn output_of(command: &mut Command) -> String {
    let name = command.get_program().display().to_string();
    let output =
        command.output().unwrap_or_else(|error| panic!("{name}: {error}; `cargo xtask test` installs it"));
    let printed =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed:\n{printed}");
    printed
}
