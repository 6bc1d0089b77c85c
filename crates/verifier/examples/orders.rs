//! A service that verifies Vestibule's tokens: start `vestibule serve`, log in, and ask
//! `curl -H "Authorization: Bearer $ACCESS_TOKEN" http://127.0.0.1:4000/orders`.

use axum::{Router, routing::get};
use vestibule_verifier::{Authenticated, Refusal, Verifier};

async fn orders(user: Authenticated) -> String {
    format!("The orders of {}", user.account_id)
}

async fn all_orders(user: Authenticated) -> Result<&'static str, Refusal> {
    user.require_permission("admin")?;
    Ok("Everybody's orders")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = std::env::var("ISSUER").unwrap_or("http://127.0.0.1:8000".into());
    let verifier = Verifier::builder(issuer).allow_plain_http_on_loopback().build()?;
    let routes = Router::new().route("/orders", get(orders)).route("/orders/all", get(all_orders));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:4000").await?;
    axum::serve(listener, routes.with_state(verifier)).await?;
    Ok(())
}
