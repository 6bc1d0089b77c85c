//! Randomness: the only file that makes it.

use aws_lc_rs::rand;
use uuid::Uuid;

use crate::clock::Timestamp;

/// Bytes nobody can guess.
///
/// # Panics
/// Never in practice: the operating system's generator is seeded before any process of ours runs.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one source of randomness")]
#[expect(clippy::expect_used, reason = "without randomness nothing here may go on")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// A UUIDv7 (RFC 9562 §5.7) of the given moment.
#[must_use]
pub fn time_ordered_id(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random_bytes()).into_uuid()
}
