//! How much work a password costs, and how long anybody may wait for it.

use std::{num::NonZeroUsize, thread, time::Duration};

use crate::phc::{Cost, MAX_COST};

/// OWASP's equally strong least settings for Argon2id, as (KiB, iterations); Password Storage Cheat Sheet, 2024.
const LEAST_COSTS: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

/// More threads than any machine has cores; a larger number is a slip of the hand.
const MAX_THREADS: usize = 1024;

/// The longest wait that makes sense to allow; browsers and proxies give up at about this time.
const MAX_QUEUE_WAIT: Duration = Duration::from_mins(1);

/// The parameters of new hashes and the bounds of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashingConfig {
    /// The memory of one hash in KiB. Default: 19456.
    pub memory_kib: u32,
    /// The number of passes over that memory. Default: 2.
    pub iterations: u32,
    /// The number of lanes. Default: 1. They are computed one after the other: the cores are already busy with other
    /// people's passwords, so more lanes only make a hash weaker for the same time.
    pub parallelism: u32,
    /// The number of hashing threads. Default: one per core this process may use.
    pub threads: Option<NonZeroUsize>,
    /// The longest wait a new request may be let into, estimated from the hashes measured so far. Default: 2 s.
    pub queue_wait_max: Duration,
    /// The largest number of waiting requests, whatever wait that implies. Default: 4096, a few MiB of passwords.
    pub queue_length_max: usize,
    /// Lets [`Self::validate`] take parameters weaker than OWASP's least. Default: false.
    ///
    /// # Security
    /// For tests only: hashes made with weak parameters are cheap to guess.
    pub danger_allow_weak_parameters: bool,
}

impl Default for HashingConfig {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            iterations: 2,
            parallelism: 1,
            threads: None,
            queue_wait_max: Duration::from_secs(2),
            queue_length_max: 4096,
            danger_allow_weak_parameters: false,
        }
    }
}

/// What is wrong with a [`HashingConfig`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Weaker than all of OWASP's least settings.
    #[error(
        "memory_kib = {memory_kib} with iterations = {iterations} is too weak; \
         use at least 19456 with 2, or 47104 with 1"
    )]
    TooWeak {
        /// The memory asked for.
        memory_kib: u32,
        /// The passes asked for.
        iterations: u32,
    },
    /// RFC 9106 §3.1 wants eight blocks a lane.
    #[error("memory_kib = {memory_kib} is too little for parallelism = {parallelism}; it needs 8 per lane")]
    TooLittleMemory {
        /// The memory asked for.
        memory_kib: u32,
        /// The lanes asked for.
        parallelism: u32,
    },
    /// A number outside its bounds.
    #[error("{name} = {value} is out of bounds; it may be from {min} to {max}")]
    OutOfBounds {
        /// The name of the setting.
        name: &'static str,
        /// What it is.
        value: usize,
        /// The least value.
        min: usize,
        /// The greatest value.
        max: usize,
    },
    /// A wait of no length or of more than a minute.
    #[error("queue_wait_max is {} ms; it may be from 1 ms to 60 s", .0.as_millis())]
    QueueWait(Duration),
}

impl HashingConfig {
    /// Parameters that take microseconds, with two threads, for tests.
    ///
    /// # Security
    /// Never for passwords of real people.
    #[must_use]
    pub fn cheap_for_tests() -> Self {
        Self {
            memory_kib: 8,
            iterations: 1,
            parallelism: 1,
            threads: NonZeroUsize::new(2),
            danger_allow_weak_parameters: true,
            ..Self::default()
        }
    }

    /// Checks every number against its bounds.
    ///
    /// What may be configured may also be verified (at most 256 MiB, 16 iterations, 4 lanes), so that changing the
    /// parameters never locks anybody out.
    ///
    /// # Errors
    /// The first number that is out of bounds.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let Self { memory_kib, iterations, parallelism, .. } = *self;
        is_within("memory_kib", memory_kib as usize, MAX_COST.memory_kib as usize)?;
        is_within("iterations", iterations as usize, MAX_COST.iterations as usize)?;
        is_within("parallelism", parallelism as usize, MAX_COST.parallelism as usize)?;
        is_within("threads", self.threads.map_or(1, NonZeroUsize::get), MAX_THREADS)?;
        is_within("queue_length_max", self.queue_length_max, 1 << 20)?;
        if self.queue_wait_max < Duration::from_millis(1) || self.queue_wait_max > MAX_QUEUE_WAIT {
            return Err(ConfigError::QueueWait(self.queue_wait_max));
        }
        if !self.cost().is_computable() {
            return Err(ConfigError::TooLittleMemory { memory_kib, parallelism });
        }
        let is_strong =
            LEAST_COSTS.iter().any(|&(memory, passes)| memory_kib >= memory && iterations >= passes);
        if !is_strong && !self.danger_allow_weak_parameters {
            return Err(ConfigError::TooWeak { memory_kib, iterations });
        }
        Ok(())
    }

    /// The cost of a new hash.
    pub(crate) const fn cost(&self) -> Cost {
        Cost { memory_kib: self.memory_kib, iterations: self.iterations, parallelism: self.parallelism }
    }

    /// The number of threads to start.
    pub(crate) fn thread_count(&self) -> NonZeroUsize {
        self.threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
    }
}

const fn is_within(name: &'static str, value: usize, max: usize) -> Result<(), ConfigError> {
    if value >= 1 && value <= max {
        Ok(())
    } else {
        Err(ConfigError::OutOfBounds { name, value, min: 1, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_cost(memory_kib: u32, iterations: u32, parallelism: u32) -> HashingConfig {
        HashingConfig { memory_kib, iterations, parallelism, ..HashingConfig::default() }
    }

    #[test]
    fn the_defaults_and_owasps_settings_are_taken() {
        HashingConfig::default().validate().unwrap();
        for (memory_kib, iterations) in LEAST_COSTS {
            with_cost(memory_kib, iterations, 1).validate().unwrap();
        }
        with_cost(65_536, 3, 4).validate().unwrap();
    }

    #[test]
    fn t30_weak_and_senseless_settings_are_refused_with_a_sentence() {
        let long_wait = HashingConfig { queue_wait_max: Duration::from_secs(61), ..HashingConfig::default() };
        let no_queue = HashingConfig { queue_length_max: 0, ..HashingConfig::default() };
        for (config, sentence) in [
            (
                with_cost(19_456, 1, 1),
                "memory_kib = 19456 with iterations = 1 is too weak; use at least 19456 with 2, or 47104 with 1",
            ),
            (with_cost(0, 2, 1), "memory_kib = 0 is out of bounds; it may be from 1 to 262144"),
            (with_cost(19_456, 17, 1), "iterations = 17 is out of bounds; it may be from 1 to 16"),
            (with_cost(19_456, 2, 5), "parallelism = 5 is out of bounds; it may be from 1 to 4"),
            (with_cost(31, 2, 4), "memory_kib = 31 is too little for parallelism = 4; it needs 8 per lane"),
            (long_wait, "queue_wait_max is 61000 ms; it may be from 1 ms to 60 s"),
            (no_queue, "queue_length_max = 0 is out of bounds; it may be from 1 to 1048576"),
        ] {
            assert_eq!(config.validate().unwrap_err().to_string(), sentence);
        }
    }

    #[test]
    fn cheap_parameters_need_their_dangerous_door() {
        let cheap = HashingConfig::cheap_for_tests();
        cheap.validate().unwrap();
        let closed = HashingConfig { danger_allow_weak_parameters: false, ..cheap };
        assert_eq!(closed.validate(), Err(ConfigError::TooWeak { memory_kib: 8, iterations: 1 }));
    }
}
