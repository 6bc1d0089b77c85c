//! Vestibule's face for axum: routers, extractors, cookies and problem responses.
#![forbid(unsafe_code)]

pub mod answers;
pub mod body;
pub mod client;
pub mod cookies;
pub mod correlation;
pub mod docs;
pub mod engine_login;
pub mod error;
pub mod extract;
pub mod form;
pub mod implicit_refresh;
pub mod json;
pub mod layers;
pub mod openapi;
pub mod pages;
pub mod policy;
pub mod query;
pub mod route_audit;
pub mod routes;
pub mod state;
#[cfg(test)]
mod testing;

pub use utoipa;
pub use utoipa_axum;
pub use vestibule_login as login;
pub use vestibule_login::same_origin;
