//! A guest book: everybody reads it, who is logged in writes in it, administrators empty it.
//!
//! `cargo run --example guestbook`, then open what it prints. It listens on `LISTEN` (default `127.0.0.1:3000`) and keeps
//! everything in memory. Its tests, in `guestbook/tests.rs`, are those of an application: `cargo test --example guestbook`.

#[cfg(test)]
#[path = "guestbook/tests.rs"]
mod tests;

use std::{
    env,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Extension, Json, Router, http::StatusCode, routing::get};
use vestibule::{AdminUser, CurrentUser, Vestibule, VestibuleBuilder, core::values::account::Account};

/// Who wrote what.
type Book = Arc<Mutex<Vec<String>>>;

async fn read(Extension(book): Extension<Book>) -> Json<Vec<String>> {
    Json(book.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

async fn write(
    Extension(book): Extension<Book>,
    CurrentUser(account): CurrentUser,
    entry: String,
) -> Result<StatusCode, (StatusCode, &'static str)> {
    if !account.confirmed {
        return Err((StatusCode::FORBIDDEN, "confirm your address first\n"));
    }
    let author = account.username.unwrap_or(account.email);
    book.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{author}: {entry}"));
    Ok(StatusCode::CREATED)
}

async fn empty(Extension(book): Extension<Book>, _: AdminUser<Account>) -> StatusCode {
    book.lock().unwrap_or_else(PoisonError::into_inner).clear();
    StatusCode::NO_CONTENT
}

/// What `main` and the tests tell Vestibule.
fn configured(vestibule: VestibuleBuilder) -> VestibuleBuilder {
    vestibule.mounted_at("/auth")
}

/// What `main` serves and the tests call.
fn app(vestibule: &Vestibule) -> Router<Vestibule> {
    Router::new()
        .route("/entries", get(read).post(write).delete(empty))
        .layer(Extension(Book::default()))
        .merge(vestibule.routes())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listen = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(&listen).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let vestibule = configured(Vestibule::builder(&url)).open_in_memory().await?;
    println!("The guest book is at {url}/entries, accounts are made and used at {url}/auth/docs. Try:");
    println!("  curl {url}/entries");
    let app = app(&vestibule);
    axum::serve(listener, vestibule.clone().into_service(app))
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    vestibule.close().await;
    Ok(())
}
