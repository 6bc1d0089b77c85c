//! Accounts, login and a protected route on embedded SQLite: open <http://127.0.0.1:3000/docs> and try them.

use axum::{Router, routing::get};
use vestibule::{CurrentUser, Vestibule};

async fn hello(CurrentUser(account): CurrentUser) -> String {
    format!("Hello, {}!", account.email)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let vestibule = Vestibule::builder("http://127.0.0.1:3000").open("./data").await?;
    let app = Router::new().route("/hello", get(hello)).merge(vestibule.routes());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("Register and log in at http://127.0.0.1:3000/docs, then open http://127.0.0.1:3000/hello");
    axum::serve(listener, vestibule.into_service(app)).await?;
    Ok(())
}
