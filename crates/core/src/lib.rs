//! The rules of Vestibule: accounts, sessions and tokens.
#![forbid(unsafe_code)]

pub mod ports;
pub mod values;
