//! The rules of Vestibule: accounts, sessions and tokens.
//!
//! This crate decides; it performs no I/O and knows neither HTTP nor SQL. Storage, hashing, throttling and time
//! are [`ports`], small traits that other crates implement. [`Auth`] is the engine: one struct with an `impl`
//! block in each capability file ([`register`], [`login`], [`refresh`], [`logout`], [`sessions`], [`token`],
//! [`keys`], [`administration`], [`upkeep`]).
#![forbid(unsafe_code)]

pub mod access;
pub mod administration;
mod announcements;
mod audit_log;
pub mod auth;
pub mod avatar;
pub mod captcha;
pub mod confirmation;
pub mod csrf;
pub mod danger;
pub mod deletion;
mod detach;
pub mod email_change;
pub mod export;
pub mod gate;
mod hooks;
mod invitation;
pub mod keys;
mod limit_notices;
pub mod live;
pub mod login;
pub mod logout;
pub mod memory_throttle;
mod new_device;
pub mod new_password;
mod outbox;
pub mod password_change;
pub mod password_reset;
pub mod policy;
pub mod ports;
pub mod profile;
pub mod refresh;
pub mod register;
mod revocation;
pub mod sessions;
pub mod setup;
mod stalls;
pub mod standing;
pub mod token;
pub mod upkeep;
pub mod username_change;
pub mod values;

pub use auth::{Auth, AuthBuilder, StartError};
pub use policy::Policy;
