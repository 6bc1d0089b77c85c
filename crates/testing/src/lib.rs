//! Tests of applications that use Vestibule: the application in process, a clock to turn, an outbox to read, and clients
//! that are logged in within one line.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use std::time::Duration;
//!
//! use axum::{Router, routing::get};
//! use vestibule::{CurrentUser, Vestibule};
//! use vestibule_testing::TestApp;
//!
//! async fn hello(CurrentUser(account): CurrentUser) -> String {
//!     format!("Hello, {}!", account.email)
//! }
//!
//! fn my_app(vestibule: &Vestibule) -> Router<Vestibule> {
//!     Router::new().route("/hello", get(hello)).merge(vestibule.routes())
//! }
//!
//! let app = TestApp::new(|vestibule| my_app(&vestibule)).await;
//! let ada = app.logged_in("ada").await;
//! ada.get("/hello").await.assert_status(200).assert_text("Hello, ada@example.com!");
//! app.anonymous().get("/hello").await.assert_problem(401, "not_authenticated");
//!
//! // Access tokens live for a quarter of an hour, refresh tokens for longer.
//! app.clock().advance(Duration::from_mins(16));
//! ada.get("/hello").await.assert_problem(401, "invalid_token");
//! ada.refresh().await.assert_status(200);
//! ada.get("/hello").await.assert_status(200);
//! # }
//! ```
//!
//! Nothing listens on a port and nothing is written to a disk, unless a test asks for it. The store is
//! SQLite in memory, the same statements as in production; hashing is the same Argon2id, with parameters that
//! take microseconds. The guide is `docs/testing.md`.
//!
//! An application with users of its own, which has a `LoginManager` and no accounts of Vestibule's, takes the crate without
//! its default features: [`TestClient`] and [`VirtualClock`].
//!
//! # Security
//! This crate belongs into `[dev-dependencies]` alone. A clock that stands still keeps tokens from expiring, and hashes
//! from `TestHasher` are cheap to guess. Nothing in Vestibule depends on it but tests; every type here that must not
//! be taken for another has "test" or "virtual" in its name.
#![forbid(unsafe_code)]

mod answer;
#[cfg(feature = "accounts")]
mod app;
mod client;
mod clock;
#[cfg(feature = "accounts")]
mod hasher;
#[cfg(feature = "accounts")]
mod outbox;
mod request;

pub use answer::{SetCookie, TestAnswer};
#[cfg(feature = "accounts")]
pub use app::{TestApp, TestAppBuilder, TestUser};
pub use client::{PASSWORD, TestClient, Tokens};
pub use clock::VirtualClock;
#[cfg(feature = "accounts")]
pub use hasher::TestHasher;
#[cfg(feature = "accounts")]
pub use outbox::{TestLetter, TestOutbox};
pub use request::TestRequest;

/// The guide, whose examples are run as those of this page.
#[cfg(all(doctest, feature = "accounts"))]
#[doc = include_str!("../../../docs/testing.md")]
struct Guide;
