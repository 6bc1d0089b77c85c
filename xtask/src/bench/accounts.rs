//! What a request costs among few accounts and among many: an index must make it cost the same.

mod side;

use self::side::Side;
use super::{
    database::EngineKind,
    rounds::{Comparison, median},
    table::{Row, Target},
};
use crate::cli::BenchOptions;

const FEW: u64 = 1_000;
const MANY: u64 = 1_000_000;
/// How much more the median may be among many.
const MOST: f64 = 1.15;

/// A request that is about one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    LoginByEmail,
    LoginByUsername,
    Register,
    Refresh,
    Me,
}

impl Route {
    const ALL: [Self; 5] =
        [Self::LoginByEmail, Self::LoginByUsername, Self::Register, Self::Refresh, Self::Me];

    const fn name(self) -> &'static str {
        match self {
            Self::LoginByEmail => "`POST /api/v1/login` by e-mail",
            Self::LoginByUsername => "`POST /api/v1/login` by user name",
            Self::Register => "`POST /api/v1/users`",
            Self::Refresh => "`POST /api/users/token/refresh`",
            Self::Me => "`GET /api/v1/users/me`",
        }
    }

    /// How many requests the median of a round is made of.
    const fn requests(self) -> u32 {
        match self {
            // Each hashes a password.
            Self::LoginByEmail | Self::LoginByUsername | Self::Register => 40,
            Self::Refresh => 400,
            Self::Me => 2_000,
        }
    }
}

/// Measures every route on the engines that were asked for, on one connection at a time.
pub(super) async fn measure(options: &BenchOptions) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for engine in EngineKind::chosen(options.engine) {
        let mut few = Side::make(*engine, FEW).await?;
        let mut many = Side::make(*engine, MANY).await?;
        for route in Route::ALL {
            println!("accounts: {engine}, {}", route.name());
            let mut comparison = Comparison::default();
            for _ in 0..options.rounds {
                let limit = median_micros(&mut few, route).await?;
                comparison.add("µs", median_micros(&mut many, route).await?, limit);
            }
            rows.push(row(*engine, route, &comparison));
        }
        few.stop().await?;
        many.stop().await?;
    }
    Ok(rows)
}

async fn median_micros(side: &mut Side, route: Route) -> anyhow::Result<f64> {
    let mut spans = Vec::new();
    for _ in 0..route.requests() {
        spans.push(side.request(route).await?.as_secs_f64() * 1_000_000.0);
    }
    Ok(median(spans.into_iter()))
}

fn row(engine: EngineKind, route: Route, comparison: &Comparison) -> Row {
    Row {
        what: format!("{engine}, {}: p50 among 1 000 000 accounts against 1 000", route.name()),
        ours: format!("{:.0} µs", comparison.ours()),
        limit: format!("{:.0} µs", comparison.limit()),
        value: comparison.ratio(),
        ratio: format!("{:.2}", comparison.ratio()),
        target: Target::AtMost(MOST),
        wanted: format!("≤ {MOST} ×"),
    }
}
