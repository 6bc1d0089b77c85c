//! From a logout's answer on one node to the refusal on another, both on one PostgreSQL database.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail};
use vestibule::core::{ports::Stopwatch, values::secret::random_bytes};

use super::{
    client::Connection,
    database,
    load::expect_ok,
    process::Listening,
    rounds::quantile,
    server::{self, READY, protected_request},
    table::{Row, Target},
};

/// How many logouts are followed.
const LOGOUTS: usize = 100;
/// The longest that another node may still let somebody in, in milliseconds.
const MOST_MS: f64 = 1000.0;
/// How long it is asked before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two questions to the other node.
const PAUSE: Duration = Duration::from_millis(1);
/// What lies between two logouts at least: nothing, or longer than a node that has just looked waits until it looks
/// again.
const PACES: [(&str, Duration); 2] =
    [("one after the other", Duration::ZERO), ("out of a quiet moment", Duration::from_millis(300))];

/// Measures the median and the slowest hundredth, in a row of logouts and of each for itself.
pub(super) async fn measure() -> anyhow::Result<Vec<Row>> {
    println!("fanout: {LOGOUTS} logouts on one node, until the other refuses");
    let database = database::postgres().await?;
    let key = server::secret_key();
    let first = start_node(&database.url(), &key).await?;
    let second = start_node(&database.url(), &key).await?;
    server::register_accounts(&first).await?;
    let mut rows = Vec::new();
    for (pace, pause) in PACES {
        let mut spans = Vec::with_capacity(LOGOUTS);
        for number in 0..LOGOUTS {
            tokio::time::sleep(pause).await;
            spans.push(until_refused(&first, second.address(), number).await?);
        }
        rows.push(row(pace, "p50", quantile(spans.iter().copied(), 1, 2)));
        rows.push(row(pace, "p99", quantile(spans.into_iter(), 99, 100)));
    }
    first.stop().await?;
    second.stop().await?;
    Ok(rows)
}

async fn start_node(url: &str, key: &str) -> anyhow::Result<Listening> {
    let mut node = server::spawn_with(|command| {
        command.env("VESTIBULE_DATABASE_URL", url);
        command.env("VESTIBULE_SECRET_KEY", key);
        // One name for both, or neither would take the other's tokens.
        command.env("VESTIBULE_TOKENS__ISSUER", "http://127.0.0.1");
        command.env("VESTIBULE_TOKENS__AUDIENCE", "http://127.0.0.1");
    })?;
    node.until_ready(READY).await?;
    Ok(node)
}

/// The milliseconds from the logout's answer to the other node's refusal.
async fn until_refused(first: &Listening, second: SocketAddr, number: usize) -> anyhow::Result<f64> {
    let access = server::log_in(first, number % super::CONNECTIONS).await?.access;
    let question = protected_request("POST", "/api/users/token", &access);
    let mut asked = Connection::open(second).await?;
    let answer = asked.exchange(&question).await?;
    expect_ok(answer.status, answer.body).context("the other node refuses before the logout")?;

    // Without it every logout would come just after the other node looked, and wait for nearly all of its pause.
    let [random] = random_bytes::<1>();
    tokio::time::sleep(Duration::from_millis(random.into())).await;
    let mut leaving = Connection::open(first.address()).await?;
    let answer = leaving.exchange(&protected_request("POST", "/api/users/logout", &access)).await?;
    expect_ok(answer.status, answer.body).context("logging out")?;
    let clock = Stopwatch::start();
    loop {
        match asked.exchange(&question).await?.status {
            401 => return Ok(clock.elapsed().as_secs_f64() * 1000.0),
            200 if clock.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
            status => bail!("{status} from the other node, {:?} after the logout", clock.elapsed()),
        }
    }
}

fn row(pace: &str, which: &str, millis: f64) -> Row {
    Row {
        what: format!("logout answered by one node to refusal by another, {pace}: {which} of {LOGOUTS}"),
        ours: format!("{millis:.0} ms"),
        limit: String::new(),
        value: millis,
        ratio: String::new(),
        target: Target::AtMost(MOST_MS),
        wanted: format!("≤ {MOST_MS:.0} ms"),
    }
}
