//! The example `own-store`: its store held to the contract that ours keep, and the program asked over HTTP.
#![expect(clippy::unwrap_used, reason = "tests; the functions they share are not marked as tests")]

#[path = "../examples/own-store/store.rs"]
mod store;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use store::MemoryStore;
use vestibule::{
    async_trait,
    core::ports::{Stopwatch, Store},
};
use vestibule_testkit::{contract::StoreFixture, store_contract};

#[async_trait]
impl StoreFixture for MemoryStore {
    async fn fresh() -> Self {
        Self::default()
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }
}

store_contract!(MemoryStore);

/// The program; it ends with the test.
struct Example {
    program: Child,
    address: String,
    output: BufReader<ChildStdout>,
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Example {
    /// Starts the example, which `cargo test` builds before it runs this, on a free port.
    fn start() -> Self {
        let own = std::env::current_exe().unwrap();
        let binary = own.ancestors().nth(2).unwrap().join("examples/own-store");
        assert!(binary.exists(), "build it first: cargo build -p vestibule --example own-store");
        let mut program =
            Command::new(binary).env("LISTEN", "127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(program.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).unwrap().split(',').next().unwrap().to_owned();
        Self { program, address, output }
    }

    /// Reads on in what it prints, up to the address of the setup page.
    fn setup_path(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "no setup URL");
            if let Some((_, path)) = line.trim_end().split_once(&format!("at http://{}", self.address))
                && path.starts_with("/setup/")
            {
                return path.to_owned();
            }
        }
    }

    fn send(&self, request: &str, headers: &[&str], body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let headers: String = headers.iter().flat_map(|header| [*header, "\r\n"]).collect();
        let (host, length) = (&self.address, body.len());
        write!(
            stream,
            "{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    fn as_user(&self, request: &str, token: &Value) -> (u16, String) {
        self.send(request, &[&format!("Authorization: Bearer {}", token.as_str().unwrap())], "")
    }

    fn log_in(&self, name: &str, password: &str) -> (u16, Value) {
        let form = format!("username={name}&password={}", password.replace(' ', "+"));
        let (status, text) =
            self.send("POST /api/v1/login", &["Content-Type: application/x-www-form-urlencoded"], &form);
        (status, serde_json::from_str(&text).unwrap())
    }
}

#[test]
fn an_application_lives_on_its_own_store() {
    const PASSWORD: &str = "a quiet sentence of my own";
    let mut example = Example::start();
    let user = json!({"email": "ada@example.com", "username": "ada", "password": PASSWORD}).to_string();
    let register = |body: &str| example.send("POST /api/v1/users", &["Content-Type: application/json"], body);
    assert_eq!(register(&user).0, 201);
    assert_eq!(register(&user).0, 409);
    assert_eq!(example.log_in("ada", "something else entirely").0, 401);
    let (status, tokens) = example.log_in("ada", PASSWORD);
    assert_eq!(status, 200, "{tokens}");
    let access = tokens.get("access_token").unwrap();
    assert_eq!(example.as_user("GET /hello", access), (200, "Hello, ada@example.com!\n".to_owned()));
    let (status, sessions) = example.as_user("GET /api/users/sessions", access);
    assert!(status == 200 && sessions.contains("\"current\":true"), "{sessions}");
    assert_eq!(example.as_user("POST /api/users/logout", access).0, 200);
    assert_eq!(example.as_user("GET /hello", access).0, 401, "its session is over");
    assert_eq!(example.send("GET /docs/", &[], "").0, 200);
    assert_eq!(example.send("GET /health/ready", &[], "").0, 200);

    let setup = example.setup_path();
    assert_eq!(example.send(&format!("GET {setup}"), &[], "").0, 200);
    let origin = format!("Origin: http://{}", example.address);
    let headers = ["Content-Type: application/x-www-form-urlencoded", &origin];
    let password = PASSWORD.replace(' ', "+");
    let form = format!("email=boss@example.com&username=boss&password1={password}&password2={password}");
    let (status, page) = example.send(&format!("POST {setup}"), &headers, &form);
    assert!((200..400).contains(&status), "{status} {page}");
    let (_, tokens) = example.log_in("boss", PASSWORD);
    let boss = tokens.get("access_token").unwrap();
    let (status, users) = example.as_user("GET /api/users?username=AD", boss);
    assert!(status == 200 && users.contains("ada@example.com"), "{users}");
    // Events are written beside requests.
    let waited = Stopwatch::start();
    loop {
        let (status, audit) = example.as_user("GET /api/v1/audit?limit=100", boss);
        assert!(status == 200 && waited.elapsed() < Duration::from_mins(1), "{audit}");
        if audit.contains("\"kind\":\"login\"") {
            break;
        }
    }
    assert_eq!(example.send(&format!("GET {setup}"), &[], "").0, 404, "there is an administrator");
}
