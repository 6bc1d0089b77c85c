//! The way into a web application: accounts, login, tokens and protected routes for axum.
//!
//! [`Vestibule`] is the quick start: SQLite inside, every route mounted, one extractor to protect your own. What it
//! is made of can be used by itself: the engine and its rules in [`core`], routers and extractors in [`http`],
//! password hashing in [`hashing`], storage in [`sql`].
//!
//! ```no_run
#![doc = include_str!("../examples/quick_start.rs")]
//! ```
#![forbid(unsafe_code)]

#[cfg(feature = "sqlite")]
pub mod quick_start;
pub mod secret_file;

pub use async_trait::async_trait;
pub use vestibule_axum as http;
pub use vestibule_core as core;
pub use vestibule_core::ports::hooks;
pub use vestibule_hashing as hashing;
pub use vestibule_sql as sql;

#[cfg(feature = "sqlite")]
pub use quick_start::{QuickStartError, Vestibule, VestibuleBuilder};
pub use vestibule_axum::extract::{Authenticated, CurrentUser};
