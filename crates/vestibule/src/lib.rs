//! The way into a web application: accounts, login, tokens and protected routes for axum.

pub use vestibule_axum as http;
pub use vestibule_core as core;
pub use vestibule_hashing as hashing;
pub use vestibule_sql as sql;
