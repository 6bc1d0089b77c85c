//! Accounts, login and everything else over a store of the application's own: here maps in memory, a file for each trait of
//! the port, held to the same contract as the stores that come along.
//!
//! `cargo run --example own-store`, then do what it prints. It listens on `LISTEN` (default `127.0.0.1:3000`); what it
//! keeps goes when it ends.

#[path = "own-store/store.rs"]
mod store;

use std::{env, error::Error, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use tokio::net::TcpListener;
use vestibule::{
    CurrentUser,
    core::{Auth, Policy, values::secret::SecretKey},
    hashing::{HashingConfig, HashingPool},
    http::{layers::with_policy, policy::HttpPolicy, routes::app, same_origin::Origin, state::AuthState},
};

use crate::store::MemoryStore;

async fn hello(CurrentUser(account): CurrentUser) -> String {
    format!("Hello, {}!\n", account.email)
}

/// The engine over a store: this is all that an application with a store of its own does differently.
async fn start(url: &str, store: MemoryStore) -> Result<Arc<Auth>, Box<dyn Error>> {
    let mut policy = Policy::default();
    url.clone_into(&mut policy.tokens.issuer);
    url.clone_into(&mut policy.tokens.audience);
    url.clone_into(&mut policy.mail.public_url);
    let hashing = HashingPool::start(HashingConfig::default())?;
    // A store that outlives the process needs the same secret at every start: `vestibule::secret_file` keeps one.
    let secret = SecretKey::generate();
    Ok(Auth::builder(Arc::new(store), Arc::new(hashing), secret).policy(policy).start().await?)
}

fn router(auth: &Arc<Auth>, url: &str) -> Result<Router, Box<dyn Error>> {
    let state = AuthState::new(Arc::clone(auth), HttpPolicy::development(Origin::of_url(url)?));
    let own = Router::new().route("/hello", get(hello)).with_state(state.clone());
    Ok(with_policy(own.merge(app(&state)), Arc::clone(state.http())))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listen = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let listener = TcpListener::bind(&listen).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let auth = start(&url, MemoryStore::default()).await?;
    let upkeep = auth.start_upkeep();

    println!("Accounts in memory, at {url}, documented at {url}/docs. Try:");
    println!(
        "  curl {url}/api/v1/users --json '{{\"email\":\"ada@example.com\",\"username\":\"ada\",\"password\":\"a quiet sentence of my own\"}}'"
    );
    println!("  curl {url}/api/v1/login -d username=ada -d 'password=a quiet sentence of my own'");
    println!("  curl {url}/hello -H 'Authorization: Bearer …'");
    if let Some(link) = auth.issue_setup_link().await? {
        println!("The first administrator is made at {}", link.url);
    }
    let service = router(&auth, &url)?.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    upkeep.stop(Duration::from_secs(2)).await;
    Ok(())
}
