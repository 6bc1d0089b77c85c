//! Vestibule's face for axum: routers, extractors, cookies and problem responses.
#![forbid(unsafe_code)]

pub mod body;
pub mod client;
pub mod cookies;
pub mod correlation;
pub mod docs;
pub mod error;
pub mod form;
pub mod json;
pub mod layers;
pub mod policy;
pub mod same_origin;
#[cfg(test)]
mod testing;
