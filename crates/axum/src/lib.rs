//! Vestibule's face for axum: routers, extractors, cookies and problem responses.
#![forbid(unsafe_code)]

pub mod error;
