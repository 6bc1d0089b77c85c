//! What the tests of Vestibule share: the server application in process, the contract every store must keep, and a store
//! that fails on purpose.
//!
//! Applications that mount Vestibule test themselves with the crate `vestibule-testing`, whose client, clock and hasher are
//! also in here; who writes a store runs [`contract`] on it.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use std::time::Duration;
//!
//! use vestibule_testkit::TestApp;
//!
//! let app = TestApp::start().await;
//! let ada = app.client().registered("ada").await;
//! assert_eq!(ada.get("/api/v1/users/me").await.json()["email"], "ada@example.com");
//!
//! // Access tokens live for a quarter of an hour, refresh tokens for longer.
//! app.clock().advance(Duration::from_mins(15));
//! ada.get("/api/v1/users/me").await.expect_problem(401, "invalid_token");
//! ada.post("/api/users/token/refresh").await.expect(200);
//! ada.get("/api/v1/users/me").await.expect(200);
//! # }
//! ```

mod app;
pub mod contract;
pub mod faults;
mod hasher;
#[cfg(all(unix, feature = "servers"))]
pub mod servers;
pub mod siteverify;
#[cfg(all(unix, feature = "servers"))]
pub mod smtp;

pub use app::{TestApp, TestAppBuilder};
pub use hasher::CountingHasher;
pub use vestibule_testing::{
    PASSWORD, SetCookie, TestAnswer as Answer, TestClient as Client, TestHasher,
    TestRequest as RequestBuilder, Tokens, VirtualClock,
};
