//! The values the rules speak of. Each parses once, at the door, and is right from then on.

pub mod account;
pub mod address_range;
pub mod client;
mod common_passwords;
pub mod device;
pub mod email;
pub mod language;
pub mod link;
pub mod message;
pub mod password;
pub mod profile;
pub mod rule;
pub mod secret;
pub mod session;
pub mod username;

pub use vestibule_token::{scope, strict_json};
