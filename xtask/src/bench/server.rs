//! The server under test: the release binary, with throttling off.

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::process::Command;
use vestibule::core::values::secret::random_bytes;

use super::{
    CONNECTIONS,
    client::{Connection, request},
    load::expect_ok,
    process::{Listening, release_folder},
};

/// Where the server says whether it can work.
pub(super) const READY: &str = "/health/ready";

/// Form bodies.
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
/// JSON bodies.
pub(super) const JSON: (&str, &str) = ("Content-Type", "application/json");
/// The password of every account.
pub(super) const PASSWORD: &str = "correct horse battery staple";

/// Starts the server on an empty folder, without waiting for it.
pub(super) fn spawn() -> anyhow::Result<Listening> {
    spawn_with(|_| {})
}

/// The same with more said in its environment.
pub(super) fn spawn_with(prepare: impl FnOnce(&mut Command)) -> anyhow::Result<Listening> {
    let binary = release_folder()?.join("vestibule");
    Listening::spawn(&binary, |command, address, folder| {
        command.arg("serve");
        command.env("VESTIBULE_LISTEN", address.to_string());
        command.env("VESTIBULE_DATA_DIR", folder.join("data"));
        command.env("VESTIBULE_MODE", "development");
        command.env("VESTIBULE_THROTTLE__ENABLED", "false");
        command.env("VESTIBULE_LOG__LEVEL", "warn");
        prepare(command);
    })
}

/// Starts the server on an empty folder and waits until it can work.
pub(super) async fn start() -> anyhow::Result<Listening> {
    let mut server = spawn()?;
    server.until_ready(READY).await?;
    Ok(server)
}

/// A secret key for a server on a database that has none beside it, or for several on one.
pub(super) fn secret_key() -> String {
    use std::fmt::Write;
    let mut key = String::new();
    for byte in random_bytes::<32>() {
        // Writing to a String cannot fail.
        let _ = write!(key, "{byte:02x}");
    }
    key
}

/// What a login gives.
pub(super) struct Tokens {
    /// The access token.
    pub(super) access: String,
    /// The refresh token.
    pub(super) refresh: String,
}

/// Registers one account for every connection.
pub(super) async fn register_accounts(server: &Listening) -> anyhow::Result<()> {
    let mut connection = Connection::open(server.address()).await?;
    for number in 0..CONNECTIONS {
        let (email, username) = (format!("bench{number}@example.org"), format!("bench{number}"));
        let body = json!({ "email": email, "username": username, "password": PASSWORD }).to_string();
        let answer = connection.exchange(&request("POST", "/api/v1/users", &[JSON], &body)).await?;
        if answer.status != 201 {
            bail!("registering answered {}: {}", answer.status, String::from_utf8_lossy(answer.body));
        }
    }
    Ok(())
}

/// The request that logs in to an account.
pub(super) fn login_request(number: usize) -> Vec<u8> {
    login_request_as(&format!("bench{number}"))
}

/// The request that logs in under a name, which is written as in a form.
pub(super) fn login_request_as(name: &str) -> Vec<u8> {
    let body = format!("username={name}&password={}", PASSWORD.replace(' ', "+"));
    request("POST", "/api/v1/login", &[FORM], &body)
}

/// The login requests of all accounts.
pub(super) fn login_requests() -> Vec<Vec<u8>> {
    (0..CONNECTIONS).map(login_request).collect()
}

/// Logs in to an account.
pub(super) async fn log_in(server: &Listening, number: usize) -> anyhow::Result<Tokens> {
    let mut connection = Connection::open(server.address()).await?;
    let answer = connection.exchange(&login_request(number)).await?;
    expect_ok(answer.status, answer.body)?;
    tokens(answer.body)
}

/// Reads what a login or a refresh answered.
pub(super) fn tokens(body: &[u8]) -> anyhow::Result<Tokens> {
    let body: Value = serde_json::from_slice(body).context("the answer is no JSON")?;
    Ok(Tokens { access: token(&body, "access_token")?, refresh: token(&body, "refresh_token")? })
}

/// The request that refreshes a session, its token in the body.
pub(super) fn refresh_request(token: &str) -> Vec<u8> {
    // Base64url and a dot: nothing that JSON would escape.
    request("POST", "/api/users/token/refresh", &[JSON], &format!(r#"{{"refresh_token":"{token}"}}"#))
}

/// A request that only the holder of an access token may make.
pub(super) fn protected_request(method: &str, path: &str, access: &str) -> Vec<u8> {
    request(method, path, &[("Authorization", &format!("Bearer {access}"))], "")
}

/// Reads a token from an answer.
fn token(body: &Value, name: &str) -> anyhow::Result<String> {
    let text = body.get(name).and_then(Value::as_str);
    Ok(text.with_context(|| format!("the answer has no `{name}`"))?.to_owned())
}
