//! The limit for protected routes: a bare JSON route behind the same middleware and the same accept loop.
//!
//! It runs in a process of its own, so that it competes for the processors exactly as the server does.

use std::{env, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use axum::{Json, Router, routing};
use serde::Serialize;
use tokio::net::TcpListener;
use vestibule_axum::{layers::with_policy, policy::HttpPolicy};
use vestibule_server::http;

use super::process::Listening;

/// Where the peer says that it answers.
const READY: &str = "/health/live";

/// Starts the peer as a process and waits until it answers.
pub(super) async fn start(body_bytes: usize) -> anyhow::Result<Listening> {
    let this = env::current_exe().context("cannot find this program")?;
    let mut peer = Listening::spawn(&this, |command, address, _| {
        command.args(["bench-peer", &address.to_string(), &body_bytes.to_string()]);
    })?;
    peer.until_ready(READY).await?;
    Ok(peer)
}

/// What every route of the peer answers: JSON, so that the serializer is part of the comparison.
#[derive(Clone, Serialize)]
struct Filler {
    filler: String,
}

impl Filler {
    /// An object that is `body_bytes` long when it is written down.
    fn of_length(body_bytes: usize) -> Self {
        let overhead = r#"{"filler":""}"#.len();
        Self { filler: "x".repeat(body_bytes.saturating_sub(overhead)) }
    }
}

/// Is the peer, until it is killed.
pub(crate) fn run(address: SocketAddr, body_bytes: usize) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(serve(address, body_bytes))
}

async fn serve(address: SocketAddr, body_bytes: usize) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let (_stopper, stop) = http::Stopper::new();
    // Everybody who serves waits for the stopper, so this returns when the process is killed and not before.
    let remaining = http::serve(listener, router(address, body_bytes)?, bounds(), stop).await;
    remaining.finish(Duration::ZERO).await;
    Ok(())
}

fn router(address: SocketAddr, body_bytes: usize) -> anyhow::Result<Router> {
    let filler = Filler::of_length(body_bytes);
    let answer = routing::any(move || std::future::ready(Json(filler.clone())));
    let bare = Router::new()
        .route(READY, answer.clone())
        .route("/api/users/token", answer.clone())
        .route("/api/users/token/refresh", answer.clone())
        .route("/api/v1/users/me", answer);
    let origin = format!("http://{address}").parse().context("the address is no origin")?;
    Ok(with_policy(bare, Arc::new(HttpPolicy::development(origin))))
}

fn bounds() -> http::Bounds {
    http::Bounds {
        header_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_mins(1),
        max_connections: 10_000,
    }
}
