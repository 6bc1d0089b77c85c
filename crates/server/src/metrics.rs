//! Metrics for Prometheus, on a listener of their own: they are nobody's business outside.

mod process;
pub mod table;

use std::time::Duration;

use axum::{Router, http::header, routing::get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use vestibule::core::ports::{Clock as _, SystemClock, Timestamp};

use crate::{
    failure::{Failure, Problem},
    http::{Bounds, Stop},
};

/// From a store read of some microseconds to a login that waited in the queue.
const SECONDS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// How often the recorder tidies up what nobody has asked for.
const UPKEEP: Duration = Duration::from_secs(5);

/// Few scrapers ask, and they keep their connections.
const MAX_CONNECTIONS: usize = 64;

/// What has been recorded.
#[derive(Clone)]
pub struct Recorder {
    handle: PrometheusHandle,
    started_at: Timestamp,
}

/// Records from now on. Only the first call of a process counts.
///
/// # Errors
/// The recorder cannot be made.
pub fn record() -> Result<Recorder, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::failed(Problem::new(format!("metrics cannot be recorded: {error}")))
    };
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)
        .map_err(|error| failed(&error))?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| failed(&error))?;
    table::announce();
    Ok(Recorder { handle, started_at: SystemClock.now() })
}

/// Serves `GET /metrics` until told to stop.
pub async fn serve(listener: TcpListener, recorder: Recorder, bounds: Bounds, stop: Stop) {
    let upkeep = keep_up(recorder.handle.clone(), stop.clone());
    let bounds = Bounds { max_connections: MAX_CONNECTIONS, ..bounds };
    let ((), remaining) = tokio::join!(upkeep, crate::http::serve(listener, router(recorder), bounds, stop));
    // A scrape is nothing to wait for.
    let _ = remaining.finish(Duration::ZERO).await;
}

fn router(recorder: Recorder) -> Router {
    let Recorder { handle, started_at } = recorder;
    let page = move || async move {
        let text = handle.render() + &process::render(started_at);
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
    };
    Router::new().route("/metrics", get(page))
}

async fn keep_up(handle: PrometheusHandle, mut stop: Stop) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        tokio::select! {
            _ = ticks.tick() => handle.run_upkeep(),
            () = stop.told() => return,
        }
    }
}
