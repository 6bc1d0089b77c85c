//! Two services in one process: one has the accounts and makes tokens, the other only verifies them. They share nothing
//! but the public keys, which the second fetches over HTTP. `cargo run -p vestibule --example two-services`

use std::{env, error::Error, path::PathBuf};

use axum::{Router, routing::get};
use tokio::net::TcpListener;
use vestibule::Vestibule;
use vestibule_verifier::{Authenticated, Refusal, Verifier};

/// For everybody who is logged in at the first service.
async fn orders(user: Authenticated) -> String {
    format!("The orders of {}\n", user.account_id)
}

/// For administrators of the first service.
async fn all_orders(user: Authenticated) -> Result<&'static str, Refusal> {
    user.require_permission("admin")?;
    Ok("Everybody's orders\n")
}

/// For everybody; but whoever shows a token shows a good one.
async fn catalogue(user: Option<Authenticated>) -> String {
    format!("The catalogue, for {}\n", user.map_or("strangers".into(), |user| user.account_id.to_string()))
}

/// The service that only verifies: no database, no secret.
fn shop(verifier: Verifier) -> Router {
    Router::new()
        .route("/orders", get(orders))
        .route("/orders/all", get(all_orders))
        .route("/catalogue", get(catalogue))
        .with_state(verifier)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listen = env::var("LISTEN").unwrap_or("127.0.0.1:3000".into());
    let listener = TcpListener::bind(&listen).await?;
    let shop_listener = TcpListener::bind((listener.local_addr()?.ip(), 0)).await?;
    let login_url = format!("http://{}", listener.local_addr()?);
    let shop_url = format!("http://{}", shop_listener.local_addr()?);

    // Without DATA_DIR everything is gone when this ends.
    let temporary = tempfile::tempdir()?;
    let data = env::var_os("DATA_DIR").map_or(temporary.path().to_owned(), PathBuf::from);
    let vestibule = Vestibule::builder(&login_url).open(data).await?;
    let login = vestibule.clone().into_service(vestibule.routes());

    // In production: `Verifier::builder("https://login.example.com")`, in a process and on a machine of its own.
    let verifier = Verifier::builder(&login_url).allow_plain_http_on_loopback().build()?;

    println!("login  {login_url}   (try its routes on {login_url}/docs)");
    println!("shop   {shop_url}");
    println!(
        r#"
Make an account, log in, and show the token to the other service:

curl -d '{{"email":"ada@example.com","password":"a quiet sentence of my own"}}' -H 'Content-Type: application/json' {login_url}/api/v1/users
token=$(curl -s -d username=ada@example.com --data-urlencode 'password=a quiet sentence of my own' {login_url}/api/v1/login | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -i -H "Authorization: Bearer $token" {shop_url}/orders
curl -i -H "Authorization: Bearer $token" {shop_url}/orders/all   # 403: no administrator
curl -i {shop_url}/orders                                         # 401: no token
curl -i {shop_url}/catalogue                                      # for everybody
"#
    );
    tokio::try_join!(async { axum::serve(listener, login).await }, async {
        axum::serve(shop_listener, shop(verifier)).await
    },)?;
    Ok(())
}
