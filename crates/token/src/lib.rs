//! Signed tokens: JWS, JWK and JWT claims, made and verified strictly.
//!
//! The engine, applications with their own users and services that only verify agree on tokens here. It knows no
//! accounts and no HTTP, and performs no I/O; time comes from a [`clock::Clock`].
//!
//! What is refused is refused before a signature is looked at: algorithms other than the key's, `none` in every case,
//! `crit`, keys that a token brings along, duplicate members, members of a wrong type. A claim that is missing or of a
//! wrong type is never "absent".
//!
//! ```
//! use vestibule_token::{jws::{self, Algorithm}, signing::SigningKey};
//!
//! let key = SigningKey::generate(Algorithm::EdDsa)?;
//! let token = key.sign(br#"{"sub":"ada"}"#)?;
//! assert_eq!(jws::verify(&token, key.verifying())?, br#"{"sub":"ada"}"#);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod access;
pub mod bearer;
pub mod claims;
pub mod clock;
pub mod ids;
pub mod jwk;
pub mod jws;
pub mod random;
pub mod scope;
pub mod signing;
pub mod strict_json;
pub mod user;
