//! The slowest hundredth of a protected route while 64 clients log in without pause.

use std::{net::SocketAddr, time::Duration};

use vestibule::core::ports::Stopwatch;

use super::{
    client::Connection,
    load::{Repeated, expect_ok, rate},
    rounds::{Comparison, Rounds, quantile},
    server::{self, protected_request},
    table::{Row, Target},
};

/// How many times slower than idle it may be.
const MOST: f64 = 10.0;
/// Between two questions: a steady visitor, not a load.
const PAUSE: Duration = Duration::from_millis(1);

/// Measures a steady visitor alone, then among the logins.
pub(super) async fn measure(rounds: &Rounds) -> anyhow::Result<Row> {
    println!("latency: p99 of POST /api/users/token, idle and while 64 clients log in");
    let server = server::start().await?;
    server::register_accounts(&server).await?;
    let access = server::log_in(&server, 0).await?.access;
    let request = protected_request("POST", "/api/users/token", &access);
    let mut logins = Repeated::open(server.address(), server::login_requests()).await?;
    let mut comparison = Comparison::default();
    for _ in 0..rounds.count {
        let idle = p99_micros(server.address(), request.clone(), rounds.span).await?;
        // The visitor leaves before the logins do, so that every question falls among them.
        let visitor = tokio::spawn(p99_micros(server.address(), request.clone(), rounds.span));
        (_, logins) = rate(logins, rounds.span + Duration::from_millis(500)).await?;
        comparison.add("p99 in µs", visitor.await??, idle);
    }
    server.stop().await?;
    Ok(Row {
        what: "p99 of a protected route while 64 clients log in, against its idle p99".into(),
        ours: format!("{:.2} ms", comparison.ours() / 1000.0),
        limit: format!("{:.2} ms", comparison.limit() / 1000.0),
        value: comparison.ratio(),
        ratio: format!("{:.1}", comparison.ratio()),
        target: Target::AtMost(MOST),
        wanted: format!("≤ {MOST:.0} ×"),
    })
}

async fn p99_micros(address: SocketAddr, request: Vec<u8>, span: Duration) -> anyhow::Result<f64> {
    let mut connection = Connection::open(address).await?;
    let mut waits = Vec::new();
    let clock = Stopwatch::start();
    while clock.elapsed() < span {
        let question = Stopwatch::start();
        let answer = connection.exchange(&request).await?;
        expect_ok(answer.status, answer.body)?;
        waits.push(question.elapsed().as_secs_f64() * 1_000_000.0);
        tokio::time::sleep(PAUSE).await;
    }
    Ok(quantile(waits.into_iter(), 99, 100))
}
