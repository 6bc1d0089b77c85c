//! The example `two-services`, run as it stands: what it prints is pasted into a shell.
#![expect(clippy::unwrap_used, reason = "tests; the functions they share are not marked as tests")]

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// The example, which `cargo test` builds before it runs this.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(|deps| deps.parent()).unwrap();
    let path = target.join("examples/two-services");
    assert!(path.exists(), "build it first: cargo build -p vestibule --example two-services");
    path
}

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_two_services_prints_works_when_pasted() {
    let mut process = Command::new(example());
    process.env("LISTEN", "127.0.0.1:0").env_remove("DATA_DIR").stdout(Stdio::piped());
    let mut process = Running(process.spawn().unwrap());
    let lines = BufReader::new(process.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    // It prints seven lines with something to try, the last of them the catalogue's.
    let mut commands = Vec::new();
    for line in lines {
        let is_last = line.contains("/catalogue");
        if line.starts_with("curl") || line.starts_with("token=") {
            commands.push(line.replacen("curl -i ", "curl -sS -i ", 1));
        }
        if is_last {
            break;
        }
    }
    assert_eq!(commands.len(), 6, "{commands:?}");
    let answers = |script: &str| {
        let mut bash = Command::new("bash");
        let output = bash.env("no_proxy", "*").args(["-c", script]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let printed = answers(&commands.join("\necho '=>'\n"));
    let parts: Vec<&str> = printed.split("=>\n").collect();
    let [account, nothing, orders, all, stranger, catalogue] = parts.as_slice() else { panic!("{printed}") };
    let id = account.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert_eq!(nothing.trim(), "", "the token stays in the shell");
    assert!(
        orders.starts_with("HTTP/1.1 200") && orders.contains(&format!("The orders of {id}")),
        "{orders}"
    );
    assert!(all.starts_with("HTTP/1.1 403") && all.contains("\"code\":\"forbidden\""), "{all}");
    assert!(
        stranger.starts_with("HTTP/1.1 401") && stranger.contains("www-authenticate: Bearer"),
        "{stranger}"
    );
    assert!(catalogue.starts_with("HTTP/1.1 200") && catalogue.contains("for strangers"), "{catalogue}");
}
