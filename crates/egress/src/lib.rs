//! HTTP requests of ours to others, kept away from private networks.
//!
//! Whoever may name an address that this server then asks could have it ask what only this server can reach: a database,
//! a cloud's metadata, another tenant. Here a destination is `https` with a port meant for it, names are resolved by
//! [`Egress`] itself, every address of theirs is checked, and the connection goes to an address that was checked: a name
//! that answers differently a moment later changes nothing. No redirect is followed, no proxy is taken from the
//! environment, no cookie is kept, and neither time nor answers are without a bound.
//!
//! What is not public can be allowed: networks by name, and for development this machine.
//!
//! Nothing is read and no client exists before the first request.

#![forbid(unsafe_code)]

mod answer;
mod client;
mod destination;
mod error;
mod guard;
mod purpose;
mod resolver;
mod trust;

pub use client::{Egress, EgressOptions};
pub use destination::{Destination, DestinationError};
pub use error::EgressError;
pub use guard::{Forbidden, Guard, UnfitNetwork};
pub use purpose::Purpose;
pub use resolver::{Resolver, SystemResolver};
