//! Protected routes against a bare JSON route of the same size behind the same middleware and accept loop.

use super::{
    CONNECTIONS,
    client::Connection,
    load::{Repeated, expect_ok, rate},
    peer,
    process::Listening,
    rounds::{Comparison, Rounds},
    server::{self, protected_request},
    table::{Row, Target},
};

/// The least share of the bare route's rate.
const LEAST: f64 = 0.6;

/// Measures the claims-only route and, beside it, the one that reads the account.
pub(super) async fn measure(rounds: &Rounds) -> anyhow::Result<[Row; 2]> {
    println!("protected: POST /api/users/token and GET /api/v1/users/me against a bare JSON route");
    let server = server::start().await?;
    server::register_accounts(&server).await?;
    let mut claims = Vec::with_capacity(CONNECTIONS);
    let mut accounts = Vec::with_capacity(CONNECTIONS);
    for number in 0..CONNECTIONS {
        let access = server::log_in(&server, number).await?.access;
        claims.push(protected_request("POST", "/api/users/token", &access));
        accounts.push(protected_request("GET", "/api/v1/users/me", &access));
    }
    let claims = compare(&server, "claims/s", claims, rounds).await?;
    let accounts = compare(&server, "accounts/s", accounts, rounds).await?;
    server.stop().await?;
    Ok([
        row("protected `POST /api/users/token`/s against a bare JSON route", &claims, Some(LEAST)),
        row("protected `GET /api/v1/users/me`/s against the same", &accounts, None),
    ])
}

/// Alternates between one of our routes and a peer that answers bodies of the same length to the same requests.
async fn compare(
    server: &Listening,
    what: &str,
    requests: Vec<Vec<u8>>,
    rounds: &Rounds,
) -> anyhow::Result<Comparison> {
    let peer = peer::start(body_length(server, &requests).await?).await?;
    let mut ours = Repeated::open(server.address(), requests.clone()).await?;
    let mut bare = Repeated::open(peer.address(), requests).await?;
    let mut comparison = Comparison::default();
    for _ in 0..rounds.count {
        let (rate_ours, rate_bare);
        (rate_ours, ours) = rate(ours, rounds.span).await?;
        (rate_bare, bare) = rate(bare, rounds.span).await?;
        comparison.add(what, rate_ours, rate_bare);
    }
    peer.stop().await?;
    Ok(comparison)
}

async fn body_length(server: &Listening, requests: &[Vec<u8>]) -> anyhow::Result<usize> {
    let request = requests.first().map(Vec::as_slice).unwrap_or_default();
    let mut connection = Connection::open(server.address()).await?;
    let answer = connection.exchange(request).await?;
    expect_ok(answer.status, answer.body)?;
    Ok(answer.body.len())
}

fn row(what: &str, comparison: &Comparison, least: Option<f64>) -> Row {
    Row {
        what: what.into(),
        ours: format!("{:.0}/s", comparison.ours()),
        limit: format!("{:.0}/s", comparison.limit()),
        value: comparison.ratio(),
        ratio: format!("{:.2}", comparison.ratio()),
        target: least.map_or(Target::None, Target::AtLeast),
        wanted: least.map_or_else(String::new, |least| format!("≥ {least}")),
    }
}
