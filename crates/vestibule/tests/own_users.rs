//! The examples `minimal` and `cookie-redirect`, started as programs and used with curl, as whoever tries them does.
#![expect(clippy::unwrap_used, reason = "tests; the functions they share are not marked as tests")]

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
};

/// An example at work; it ends with the test.
struct Running {
    program: Child,
    /// Where it says that it is.
    url: String,
    _output: BufReader<ChildStdout>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Running {
    /// Starts the example, which `cargo test` builds before it runs this, on a free port.
    fn start(name: &str) -> Self {
        let own = std::env::current_exe().unwrap();
        let binary = own.ancestors().nth(2).unwrap().join("examples").join(name);
        assert!(binary.exists(), "build it first: cargo build -p vestibule --example {name}");
        let mut command = Command::new(binary);
        let mut program = command.env("LISTEN", "127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(program.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let (_, rest) = line.split_once("http://").unwrap();
        let url = format!("http://{}", rest.split('/').next().unwrap());
        Self { program, url, _output: output }
    }

    /// Head and body of an answer.
    fn curl(&self, path: &str, options: &[&str]) -> String {
        let mut curl = Command::new("curl");
        let output = curl
            .args(["--silent", "--show-error", "--include", "--noproxy", "*"])
            .args(options)
            .arg(format!("{}{path}", self.url))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn the_smallest_login_lets_in_whoever_has_its_token() {
    let example = Running::start("minimal");
    assert!(example.curl("/", &[]).starts_with("HTTP/1.1 401"));
    let wrong = example.curl("/login", &["-d", "username=ada&password=a loud sentence"]);
    assert!(wrong.starts_with("HTTP/1.1 401"), "{wrong}");
    let answer = example.curl("/login", &["-d", "username=ada&password=a quiet sentence"]);
    let token = answer.split(r#""access_token":""#).nth(1).unwrap().split('"').next().unwrap();
    let hello = example.curl("/", &["-H", &format!("Authorization: Bearer {token}")]);
    assert!(hello.starts_with("HTTP/1.1 200") && hello.ends_with("Hello, ada!\n"), "{hello}");
}

#[test]
fn the_login_page_sends_people_back_to_where_they_wanted_to_go_and_nowhere_else() {
    let example = Running::start("cookie-redirect");
    let jar = tempfile::NamedTempFile::new().unwrap();
    let jar = jar.path().to_str().unwrap();
    let cookies = ["-b", jar, "-c", jar];
    let sent = example.curl("/diary", &[]);
    assert!(
        sent.starts_with("HTTP/1.1 303") && sent.contains("location: /login?next=%2Fdiary\r\n"),
        "{sent}"
    );

    let page = example.curl("/login?next=%2Fdiary", &[]);
    assert!(page.contains(r#"action="/login?next=%2Fdiary""#), "{page}");
    let trick = example.curl("/login?next=\"><script>", &["--globoff"]);
    assert!(!trick.contains("<script>"), "{trick}");

    let typed = ["-d", "username=ada&password=a quiet sentence"];
    let wrong = example.curl("/login", &["-d", "username=ada&password=a loud sentence"]);
    assert!(wrong.starts_with("HTTP/1.1 401") && wrong.contains("role=alert"), "{wrong}");
    let foreign = example.curl("/login", &[&typed[..], &["-H", "Origin: https://evil.example"]].concat());
    assert!(foreign.starts_with("HTTP/1.1 403"), "{foreign}");
    let elsewhere = example.curl("/login?next=//evil.example", &typed);
    assert!(elsewhere.contains("location: /\r\n"), "{elsewhere}");

    let back = example.curl("/login?next=%2Fdiary", &[&typed[..], &cookies].concat());
    assert!(back.contains("location: /diary\r\n") && back.contains("HttpOnly"), "{back}");
    let diary = example.curl("/diary", &cookies);
    assert!(diary.starts_with("HTTP/1.1 200") && diary.contains("The diary of ada"), "{diary}");

    let unproved = example
        .curl("/logout", &[&["-X", "POST", "-H", "Origin: https://evil.example"], &cookies[..]].concat());
    assert!(unproved.starts_with("HTTP/1.1 403"), "{unproved}");
    let out = example.curl("/logout", &[&["-X", "POST"], &cookies[..]].concat());
    assert!(out.contains("location: /\r\n"), "{out}");
    assert!(example.curl("/diary", &cookies).starts_with("HTTP/1.1 303"));
}
