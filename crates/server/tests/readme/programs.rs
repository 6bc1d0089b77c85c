//! The programs these tests start, and the tokens they are given.

use std::{
    ffi::OsStr,
    fmt, fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// How a program ended.
pub(crate) struct Outcome {
    pub(crate) is_success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

fn start(command: &mut Command) -> Child {
    let name = command.get_program().display().to_string();
    command.spawn().unwrap_or_else(|error| panic!("{name}: {error}; `cargo xtask test` installs it"))
}

/// Runs a program to its end.
pub(crate) fn run_with_input(command: &mut Command, input: &str) -> Outcome {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = start(command);
    // One that does not read it all has its reasons.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    let output = process.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Outcome {
        is_success: output.status.success(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

/// Runs a program that must do well, and returns what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let outcome = run_with_input(command, "");
    assert!(outcome.is_success, "{command:?}: {}", outcome.stderr);
    outcome.stdout
}

/// The server on a port and a folder of its own; it ends when this is dropped.
pub(crate) struct Server {
    process: Child,
    url: String,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody left to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a login hands out.
pub(crate) struct Tokens {
    pub(crate) account_id: String,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
}

/// Starts the server in a folder of its own, where its log is; the lines are what it prints.
fn spawn(environment: &[(&str, String)]) -> (Child, tempfile::TempDir, impl Iterator<Item = String> + use<>) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.arg("serve").env_clear().current_dir(folder.path());
    command.env("VESTIBULE_LISTEN", "127.0.0.1:0").envs(environment.iter().cloned());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(fs::File::create(&log).unwrap());
    let mut process = start(&mut command);
    let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    (process, folder, lines)
}

/// Where a first start listens, and what it prints.
pub(crate) fn first_start() -> (String, String) {
    let (mut process, _folder, lines) = spawn(&[]);
    let mut printed = String::new();
    for line in lines {
        printed.push_str(&line);
        printed.push('\n');
        if line.contains("admin create") {
            break;
        }
    }
    process.kill().unwrap();
    process.wait().unwrap();
    let url = printed.lines().find_map(|line| line.trim().strip_prefix("listening"));
    (url.unwrap().trim().to_owned(), printed)
}

impl Server {
    pub(crate) fn start(environment: &[(&str, String)]) -> Self {
        let (process, folder, lines) = spawn(environment);
        let listening = |line: String| line.trim().strip_prefix("listening").map(|url| url.trim().to_owned());
        let url = { lines }.find_map(listening);
        let log = folder.path().join("log");
        let url =
            url.unwrap_or_else(|| panic!("the server did not start:\n{}", fs::read_to_string(&log).unwrap()));
        Self { process, url, folder }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Registers somebody and logs them in.
    pub(crate) fn log_in(&self) -> Tokens {
        let account =
            r#"{"email":"ada@example.com","username":"ada","password":"a quiet sentence of my own"}"#;
        let account = self.post("/api/v1/users", &["-H", "Content-Type: application/json", "-d", account]);
        let form = ["-d", "username=ada", "-d", "password=a quiet sentence of my own"];
        let tokens = self.post("/api/v1/login", &form);
        let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
        Tokens {
            account_id: text(&account, "id"),
            access_token: text(&tokens, "access_token"),
            refresh_token: text(&tokens, "refresh_token"),
        }
    }

    fn post(&self, path: &str, arguments: &[&str]) -> Value {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--noproxy", "*"]).args(arguments).arg(format!("{}{path}", self.url));
        serde_json::from_str(&run(&mut curl)).unwrap()
    }
}

/// A program of the documentation that listens and prints what it is told; it ends when this is dropped.
pub(crate) struct Receiver {
    process: Child,
    lines: Box<dyn Iterator<Item = String>>,
    port: String,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Receiver {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut process = start(command.stdin(Stdio::null()).stdout(Stdio::piped()));
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.next().unwrap().strip_prefix("listening ").unwrap().to_owned();
        Self { process, lines: Box::new(lines), port }
    }

    pub(crate) fn port(&self) -> &str {
        &self.port
    }

    pub(crate) fn line(&mut self) -> String {
        self.lines.next().unwrap()
    }
}

/// A program of the documentation that verifies tokens.
pub(crate) struct Verifier {
    interpreter: &'static str,
    name: &'static str,
    code: String,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

pub(crate) fn verifiers(python: &str, node: &str) -> [Verifier; 2] {
    // The system's, which has what apt installs, need not be the first in `PATH`.
    let has_modules = |python: &&str| {
        let import = Command::new(python).args(["-c", "import jwt, cryptography"]).output();
        import.is_ok_and(|output| output.status.success())
    };
    let interpreter = ["/usr/bin/python3", "python3"].into_iter().find(has_modules);
    let interpreter = interpreter
        .unwrap_or_else(|| panic!("no Python has jwt and cryptography; `cargo xtask test` installs them"));
    [
        Verifier { interpreter, name: "verify.py", code: python.to_owned() },
        Verifier { interpreter: "node", name: "verify.mjs", code: node.to_owned() },
    ]
}

/// A program that is ready to be run.
pub(crate) struct Written<'a> {
    verifier: &'a Verifier,
    file: PathBuf,
}

impl Verifier {
    pub(crate) fn written_to(&self, folder: &Path, aim: impl Fn(&str) -> String) -> Written<'_> {
        let file = folder.join(self.name);
        fs::write(&file, aim(&self.code)).unwrap();
        Written { verifier: self, file }
    }
}

impl Written<'_> {
    pub(crate) fn verify(&self, token: &str) -> Outcome {
        let mut command = Command::new(self.verifier.interpreter);
        command.arg(&self.file).env("no_proxy", "*");
        run_with_input(&mut command, token)
    }
}

/// Signs what Vestibule would not, with a key that it was given.
pub(crate) struct Forger {
    folder: tempfile::TempDir,
}

const MAKE_KEY: &str = "
const { privateKey } = require('node:crypto').generateKeyPairSync('ed25519');
process.stdout.write(privateKey.export({ type: 'pkcs8', format: 'pem' }));
";

/// Changes header and claims of a token, and signs it anew where there is a key; `null` takes a member away.
const CHANGE: &str = "
const [token, header, claims, key] = process.argv.slice(1);
const decode = (part) => JSON.parse(Buffer.from(part, 'base64url').toString());
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const change = (part, changes) => Object.fromEntries(
    Object.entries({ ...decode(part), ...JSON.parse(changes) }).filter(([, value]) => value !== null));
const parts = token.split('.');
const signed = encode(change(parts[0], header)) + '.' + encode(change(parts[1], claims));
const sign = () => require('node:crypto').sign(null, signed, require('node:fs').readFileSync(key));
process.stdout.write(signed + '.' + (key ? sign().toString('base64url') : parts[2]));
";

impl Forger {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("key.pem"), node(MAKE_KEY, &[])).unwrap();
        Self { folder }
    }

    /// The file with the key.
    pub(crate) fn key(&self) -> String {
        self.folder.path().join("key.pem").display().to_string()
    }

    /// The token with other members, signed.
    pub(crate) fn change(&self, token: &str, header: &Value, claims: &Value) -> String {
        node(CHANGE, &[token, &header.to_string(), &claims.to_string(), &self.key()])
    }

    /// The token with other claims under the old signature.
    pub(crate) fn change_unsigned(token: &str, claims: &Value) -> String {
        node(CHANGE, &[token, "{}", &claims.to_string()])
    }
}

fn node(script: &str, arguments: &[&str]) -> String {
    run(Command::new("node").arg("-e").arg(script).arg("--").args(arguments.iter().map(OsStr::new)))
}
