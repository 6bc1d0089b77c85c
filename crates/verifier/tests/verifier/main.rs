//! The verifier against an issuer of the tests' own: its keys, its answers over HTTP, its client.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests; the functions they share are not marked as tests"
)]

mod client;
mod dependencies;
mod http;
mod issuer;
mod keys;
mod outages;
