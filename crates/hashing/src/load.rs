//! How long the queue may be so that nobody waits too long in it.

use std::time::Duration;

use crate::{config::HashingConfig, phc::Cost};

/// What a KiB of one pass is thought to take before anything has been measured, in ns; a modern core needs about 180.
const GUESSED_NANOS_PER_KIB: u64 = 250;

/// How much of the mean each new measurement replaces: one part in this many.
const INERTIA: u64 = 8;

/// The least that a client is told to wait; `Retry-After` has whole seconds.
const MIN_RETRY: Duration = Duration::from_secs(1);

/// The moving average of how long a hash takes, and the room in the queue that follows from it.
#[derive(Debug)]
pub(crate) struct Load {
    mean_nanos: u64,
    is_measured: bool,
    threads: u64,
    wait_max: Duration,
    length_max: usize,
}

impl Load {
    pub(crate) fn new(config: &HashingConfig) -> Self {
        let Cost { memory_kib, iterations, .. } = config.cost();
        Self {
            mean_nanos: u64::from(memory_kib) * u64::from(iterations) * GUESSED_NANOS_PER_KIB,
            is_measured: false,
            threads: config.thread_count().get() as u64,
            wait_max: config.queue_wait_max,
            length_max: config.queue_length_max,
        }
    }

    /// Takes account of one more measured hash.
    pub(crate) fn record(&mut self, taken: Duration) {
        let nanos = nanos(taken);
        self.mean_nanos = if self.is_measured {
            (self.mean_nanos / INERTIA * (INERTIA - 1)).saturating_add(nanos / INERTIA)
        } else {
            nanos
        };
        self.is_measured = true;
    }

    /// How many may wait. At least one: where a single hash takes longer than anybody may wait, it is still tried.
    pub(crate) fn room(&self) -> usize {
        let by_wait = nanos(self.wait_max).saturating_mul(self.threads) / self.mean_nanos.max(1);
        usize::try_from(by_wait.saturating_add(1)).unwrap_or(usize::MAX).min(self.length_max)
    }

    /// When somebody who was turned away should find room, `waiting` being in the queue.
    pub(crate) fn retry_after(&self, waiting: usize) -> Duration {
        let waiting = u64::try_from(waiting).unwrap_or(u64::MAX);
        Duration::from_nanos(self.mean_nanos.saturating_mul(waiting) / self.threads).max(MIN_RETRY)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    fn load(threads: usize, length_max: usize) -> Load {
        let threads = NonZeroUsize::new(threads);
        Load::new(&HashingConfig { threads, queue_length_max: length_max, ..HashingConfig::default() })
    }

    #[test]
    fn the_wait_it_implies_bounds_the_queue() {
        let mut load = load(2, 4096);
        for (taken_ms, room) in [(10, 401), (10, 401)] {
            load.record(Duration::from_millis(taken_ms));
            assert_eq!(load.room(), room);
        }
        assert_eq!(load.retry_after(400), Duration::from_secs(2));
        assert_eq!(load.retry_after(3), MIN_RETRY);
    }

    #[test]
    fn the_length_bounds_it_too() {
        let mut load = load(2, 100);
        load.record(Duration::from_millis(10));
        assert_eq!(load.room(), 100);
        load.record(Duration::ZERO);
        assert_eq!(load.room(), 100);
    }

    #[test]
    fn a_slow_hash_leaves_room_for_one() {
        let mut load = load(1, 4096);
        load.record(Duration::from_secs(3));
        assert_eq!(load.room(), 1);
        load.record(Duration::MAX);
        assert_eq!(load.room(), 1);
        assert!(load.retry_after(usize::MAX) >= MIN_RETRY);
    }

    #[test]
    fn before_the_first_hash_the_queue_is_bounded_by_a_guess() {
        assert_eq!(load(2, 4096).room(), 412);
    }

    #[test]
    fn the_mean_follows_slowly() {
        let mut load = load(1, 4096);
        load.record(Duration::from_millis(8));
        load.record(Duration::from_millis(16));
        assert_eq!(load.mean_nanos, 9_000_000);
        for _ in 0..100 {
            load.record(Duration::from_millis(16));
        }
        assert!(load.mean_nanos > 15_900_000);
    }
}
