//! The store port, once for every engine: which body runs how.

mod accounts;
mod administration;
mod avatars;
mod deletions;
mod errands;
mod keys;
mod known_devices;
mod proofs;
mod revocations;
mod sessions;
mod setup;
mod trail;
mod upkeep;
mod ways;

/// The store in a database of one engine.
#[derive(Debug)]
pub struct SqlStore<E> {
    pub(crate) engine: E,
}
