//! What the time of an answer tells: logins of known and unknown names, registrations of taken and free addresses,
//! forgotten passwords of known and unknown ones.
//!
//! Requests of both kinds come in random order over one connection. The result is how often somebody is right who holds one
//! answer of each kind and says which is which by their times alone: half of the time, if they tell nothing. Beside it
//! stands the same for two samples of one kind, which is what this many requests can tell at all.

use std::{path::Path, process::Stdio};

use anyhow::{Context, bail};
use serde_json::json;
use tokio::{io::AsyncWriteExt, process::Command};
use vestibule::core::{ports::Stopwatch, values::secret::random_bytes};

use super::{
    client::{Connection, request},
    process::{Listening, release_folder},
    rounds::median,
    server::{self, JSON, PASSWORD, READY},
    table::{Row, Target},
};

/// How many accounts there are to be asked for.
const ACCOUNTS: usize = 16;
/// How often somebody may be right. Chance alone gives up to 0.54 for the fewest requests below.
const MOST: f64 = 0.56;
/// Requests of a kind where a password is hashed, and where none is.
const HASHED: usize = 500;
const QUICK: usize = 1500;

/// Two kinds of a request that must not be told apart.
struct Pair {
    what: &'static str,
    count: usize,
    /// The request for an address or name that somebody has, and for one that nobody has.
    request: fn(&str) -> Vec<u8>,
    status: u16,
}

const PAIRS: [Pair; 3] = [
    Pair { what: "login: wrong password or unknown name", count: HASHED, request: log_in, status: 401 },
    Pair {
        what: "concealed registration: taken or free address",
        count: HASHED,
        request: register,
        status: 200,
    },
    Pair { what: "forgotten password: known or unknown address", count: QUICK, request: forget, status: 200 },
];

fn log_in(email: &str) -> Vec<u8> {
    let body = json!({ "login": email, "password": "not the password of anybody" }).to_string();
    request("POST", "/api/users/login", &[JSON], &body)
}

fn register(email: &str) -> Vec<u8> {
    let username = email.split('@').next().unwrap_or_default();
    let body = json!({ "email": email, "username": format!("x{username}"), "password1": PASSWORD, "password2": PASSWORD });
    request("POST", "/api/users/register", &[JSON], &body.to_string())
}

fn forget(email: &str) -> Vec<u8> {
    request("POST", "/api/users/forgot_password", &[JSON], &json!({ "email": email }).to_string())
}

/// Measures all pairs.
pub(super) async fn measure() -> anyhow::Result<Vec<Row>> {
    println!("timing: whether the time of an answer tells what its body does not");
    let mut server = server::spawn_with(|command| {
        command.env("VESTIBULE_REGISTRATION__CONCEAL_EXISTING", "true");
        command.env("VESTIBULE_REGISTRATION__REQUIRE_CONFIRMATION", "true");
    })?;
    server.until_ready(READY).await?;
    for number in 0..ACCOUNTS {
        make_account(server.folder(), number).await?;
    }
    let mut rows = Vec::with_capacity(PAIRS.len());
    for pair in &PAIRS {
        rows.push(compare(&server, pair).await?);
    }
    server.stop().await?;
    Ok(rows)
}

/// By the operator, beside the running server: nobody can register at once where existing accounts are concealed.
async fn make_account(folder: &Path, number: usize) -> anyhow::Result<()> {
    let mut command = Command::new(release_folder()?.join("vestibule"));
    command.env_clear().env("VESTIBULE_DATA_DIR", folder.join("data")).current_dir(folder);
    command.args(["user", "create", "--email", &known(number), "--confirmed", "--password-stdin"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut process = command.spawn().context("cannot start vestibule")?;
    let mut stdin = process.stdin.take().context("no standard input")?;
    stdin.write_all(PASSWORD.as_bytes()).await?;
    drop(stdin);
    let output = process.wait_with_output().await?;
    if !output.status.success() {
        bail!("no account was made: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn known(number: usize) -> String {
    format!("known{:03}@example.org", number % ACCOUNTS)
}

/// Of the same length as a known one, and never the same twice.
fn unknown() -> String {
    let [a, b] = random_bytes::<2>();
    let [c, d] = random_bytes::<2>();
    format!("{:08x}@example.org", u32::from_be_bytes([a, b, c, d]))
}

async fn compare(server: &Listening, pair: &Pair) -> anyhow::Result<Row> {
    let mut connection = Connection::open(server.address()).await?;
    // The first and the last kind are one.
    let mut micros: [Vec<f64>; 3] = Default::default();
    let mut turn = 0;
    while micros.iter().any(|times| times.len() < pair.count) {
        turn += 1;
        let [random] = random_bytes::<1>();
        let kind = usize::from(random) % 3;
        let email = if kind == 1 { unknown() } else { known(turn) };
        let request = (pair.request)(&email);
        let stopwatch = Stopwatch::start();
        let answer = connection.exchange(&request).await?;
        let time = stopwatch.elapsed().as_secs_f64() * 1_000_000.0;
        if answer.status != pair.status {
            bail!("{} answered {}: {}", pair.what, answer.status, String::from_utf8_lossy(answer.body));
        }
        micros.get_mut(kind).context("three kinds")?.push(time);
    }
    let [somebody, nobody, again] = &micros;
    let (ours, limit) = (told_apart(somebody, nobody), told_apart(somebody, again));
    let medians = [somebody, nobody].map(|times| median(times.iter().copied()));
    println!("  {}: medians {:.0} µs and {:.0} µs", pair.what, medians[0], medians[1]);
    Ok(Row {
        what: format!("told apart by time: {}", pair.what),
        ours: format!("{:.0} %", ours * 100.0),
        limit: format!("{:.0} %", limit * 100.0),
        value: ours,
        ratio: format!("{:.2}", ours / limit),
        target: Target::AtMost(MOST),
        wanted: format!("≤ {:.0} %", MOST * 100.0),
    })
}

/// How often one is right who takes the slower of two answers to be of one kind, whichever kind is better to take: from a
/// half to one. It is the area under the ROC curve, which is Mann and Whitney's U over the number of pairs.
fn told_apart(some: &[f64], others: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = others.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut slower = 0.0;
    for time in some {
        let below = sorted.partition_point(|other| other < time);
        let not_above = sorted.partition_point(|other| other <= time);
        #[expect(clippy::cast_precision_loss, reason = "samples are small")]
        let (below, equal) = (below as f64, (not_above - below) as f64);
        slower += below + equal / 2.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "samples are small")]
    let share = slower / (some.len() as f64 * sorted.len() as f64);
    share.max(1.0 - share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_is_told_apart_half_of_the_time() {
        let times: Vec<f64> = (0..100).map(f64::from).collect();
        assert!((told_apart(&times, &times) - 0.5).abs() < 1e-9);
        assert!((told_apart(&[1.0; 7], &[1.0; 9]) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn what_is_always_slower_is_always_told_apart_whichever_it_is() {
        let (fast, slow) = ([1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]);
        assert!((told_apart(&fast, &slow) - 1.0).abs() < 1e-9);
        assert!((told_apart(&slow, &fast) - 1.0).abs() < 1e-9);
        // Slower in three of four pairs.
        assert!((told_apart(&[1.0, 3.0], &[0.0, 2.0]) - 0.75).abs() < 1e-9);
    }
}
