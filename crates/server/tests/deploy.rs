//! What `deploy/` ships, used for real: the unit by systemd's own checkers, the proxy files by nginx and Caddy.
//!
//! The programs are installed by `cargo xtask test`; where one is missing the test fails.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests; the functions they share are not marked as tests"
)]

#[path = "deploy/exchange.rs"]
mod exchange;
#[path = "deploy/programs.rs"]
mod programs;

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
};

use exchange::{Answer, Exchange};
use programs::{Running, free_address, output_of, start_caddy, start_nginx, start_vestibule};

/// Two clients on one machine: every address of 127.0.0.0/8 is loopback, and only 127.0.0.1 is a trusted proxy.
const ALICE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const BOB: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// How many logins the servers of these tests take from one client.
const LOGIN_ATTEMPTS: usize = 3;

fn shipped(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Replaces what must be another here than in production; fails where it is not there exactly once.
fn replace(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?} must be there once");
    text.replace(from, to)
}

/// A certificate for login.example.org that signs itself: its file and its key's.
fn make_certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    openssl
        .args(["-subj", "/CN=login.example.org", "-days", "1", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate);
    output_of(&mut openssl);
    (certificate, key)
}

/// The limit counts the client that the proxy sees, whatever the client claims, and nobody else.
async fn assert_counted_per_client(proxy: SocketAddr, server: SocketAddr) {
    for attempt in 0..LOGIN_ATTEMPTS {
        let forged = format!("203.0.113.{attempt}");
        let answer = wrong_login(ALICE, &forged).at(proxy).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "invalid_credentials"),
            "attempt {attempt}"
        );
    }
    let limited = wrong_login(ALICE, "203.0.113.250").at(proxy).await;
    assert_eq!((limited.status, limited.code().as_str()), (429, "rate_limited"));
    assert!(limited.header("retry-after").is_some(), "{limited:?}");

    // Pretending to be Alice neither uses up nor meets her limit.
    let other = wrong_login(BOB, &ALICE.to_string()).at(proxy).await;
    assert_eq!(other.status, 401, "{other:?}");

    // Around the proxy: her own address is no trusted proxy, so it is counted as it is, with what came through it.
    let direct = wrong_login(ALICE, "203.0.113.251").at(server).await;
    assert_eq!(direct.status, 429, "{direct:?}");
}

fn wrong_login(from: Ipv4Addr, forged: &str) -> Exchange {
    login_with_body("username=nobody&password=wrong-password-1")
        .from(from)
        .header("X-Forwarded-For", forged)
        .header("Forwarded", &format!("for={forged}"))
}

/// A body over Vestibule's limit is answered by Vestibule, in its own form.
async fn assert_large_body_is_a_problem(proxy: SocketAddr) {
    let large = login_with_body(&"x".repeat(80 * 1024)).at(proxy).await;
    assert_eq!((large.status, large.code().as_str()), (413, "payload_too_large"));
}

fn login_with_body(body: &str) -> Exchange {
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    Exchange::new("POST", "/api/v1/login").header(form.0, form.1).body(body)
}

fn assert_ready(answer: &Answer) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.header("x-correlation-id").is_some(), "{answer:?}");
}

#[tokio::test]
async fn t09_t10_nginx_says_who_the_client_is() {
    let server = start_vestibule(LOGIN_ATTEMPTS);
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = make_certificate(folder.path());
    let (plain, tls, redirect) = (free_address(), free_address(), free_address());
    let text = shipped("nginx.conf")
        .replace("    listen [::]:80;\n", "")
        .replace("    listen [::]:443 ssl http2;\n", "");
    let text = replace(&text, "server 127.0.0.1:8000;", &format!("server {};", server.address()));
    let text = replace(&text, "listen 80;", &format!("listen {redirect};"));
    let text = replace(&text, "listen 443 ssl http2;", &format!("listen {plain}; listen {tls} ssl http2;"));
    let letsencrypt = "/etc/letsencrypt/live/login.example.org";
    let text = replace(&text, &format!("{letsencrypt}/fullchain.pem"), &certificate.display().to_string());
    let text = replace(&text, &format!("{letsencrypt}/privkey.pem"), &key.display().to_string());
    let _nginx: Running = start_nginx(folder.path(), &text);

    assert_counted_per_client(plain, server.address()).await;
    assert_large_body_is_a_problem(plain).await;
    let huge = login_with_body(&"x".repeat(200 * 1024)).at(plain).await;
    assert_eq!((huge.status, huge.code().as_str()), (413, ""), "nginx itself: {huge:?}");
    assert_ready(&Exchange::new("GET", "/health/ready").at(plain).await);
    assert_ready(&Exchange::new("GET", "/health/ready").over_tls(tls));
    let redirected = Exchange::new("GET", "/docs?x=1").at(redirect).await;
    assert_eq!(redirected.status, 308);
    assert_eq!(redirected.header("location").as_deref(), Some("https://login.example.org/docs?x=1"));
}

#[tokio::test]
async fn t09_t10_caddy_says_who_the_client_is() {
    let server = start_vestibule(LOGIN_ATTEMPTS);
    let folder = tempfile::tempdir().unwrap();
    let plain = free_address();
    let text = replace(&shipped("Caddyfile"), "{\n\tservers {", "{\n\tadmin off\n\tservers {");
    let site = format!("\nhttp://login.example.org:{} {{\n\tbind 127.0.0.1", plain.port());
    let text = replace(&text, "\nlogin.example.org {", &site);
    let text = replace(&text, "reverse_proxy 127.0.0.1:8000", &format!("reverse_proxy {}", server.address()));
    let _caddy: Running = start_caddy(folder.path(), &text);

    assert_counted_per_client(plain, server.address()).await;
    assert_large_body_is_a_problem(plain).await;
    assert_ready(&Exchange::new("GET", "/health/ready").at(plain).await);
}

#[test]
fn the_unit_is_right_and_hardened() {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("vestibule.service");
    let text =
        replace(&shipped("vestibule.service"), "/usr/local/bin/vestibule", env!("CARGO_BIN_EXE_vestibule"));
    fs::write(&unit, text).unwrap();

    let verified = output_of(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit));
    // An unknown setting is only warned about, and then does not protect anything.
    assert_eq!(verified, "", "systemd-analyze verify has something to say");
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=true", "--no-pager", "--threshold=15"]).arg(&unit);
    assert!(output_of(&mut security).contains("exposure level"));
}

#[test]
fn the_shipped_configuration_passes_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let output = output_of(&mut programs::vestibule(folder.path(), &["config", "check"]));
    assert!(!output.contains("error"), "{output}");
}
