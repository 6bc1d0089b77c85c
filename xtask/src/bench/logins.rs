//! Logins per second against the raw rate of the hashing pool: everything else about a login should cost nothing.

use std::sync::Arc;

use anyhow::bail;
use vestibule::{
    core::{
        ports::{PasswordHasher, Verification},
        values::{
            client::ClientNetwork,
            password::{Password, PasswordHash},
        },
    },
    hashing::{HashingConfig, HashingPool},
};

use super::{
    CONNECTIONS,
    load::{Repeated, Work, rate},
    rounds::{Comparison, Rounds},
    server,
    table::{Row, Target},
};

/// The least share of the raw hash rate.
const LEAST: f64 = 0.9;

/// One verification after the other, straight in the pool.
struct RawVerification {
    pool: Arc<HashingPool>,
    stored: PasswordHash,
}

impl Work for RawVerification {
    async fn once(&mut self) -> anyhow::Result<()> {
        let password = Password::new(server::PASSWORD);
        let verdict = self.pool.verify(Some(self.stored.clone()), password, ClientNetwork::LOCAL).await?;
        if verdict == Verification::Wrong {
            bail!("the pool calls the right password wrong");
        }
        Ok(())
    }
}

/// Measures both sides.
pub(super) async fn measure(rounds: &Rounds) -> anyhow::Result<Row> {
    println!("logins: POST /api/v1/login against the hashing pool alone");
    let server = server::start().await?;
    server::register_accounts(&server).await?;
    let mut logins = Repeated::open(server.address(), server::login_requests()).await?;
    let mut raw = raw_verifications().await?;
    let mut comparison = Comparison::default();
    for _ in 0..rounds.count {
        let (ours, limit);
        (ours, logins) = rate(logins, rounds.span).await?;
        (limit, raw) = rate(raw, rounds.span).await?;
        comparison.add("logins/s", ours, limit);
    }
    server.stop().await?;
    Ok(Row {
        what: "logins/s against the raw pooled hash rate".into(),
        ours: format!("{:.0}/s", comparison.ours()),
        limit: format!("{:.0}/s", comparison.limit()),
        value: comparison.ratio(),
        ratio: format!("{:.2}", comparison.ratio()),
        target: Target::AtLeast(LEAST),
        wanted: format!("≥ {LEAST}"),
    })
}

async fn raw_verifications() -> anyhow::Result<Vec<RawVerification>> {
    let pool = Arc::new(HashingPool::start(HashingConfig::default())?);
    let stored = pool.hash(Password::new(server::PASSWORD), ClientNetwork::LOCAL).await?;
    Ok((0..CONNECTIONS)
        .map(|_| RawVerification { pool: Arc::clone(&pool), stored: stored.clone() })
        .collect())
}
