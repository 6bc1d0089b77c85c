//! How often the keys are fetched, how long they are waited for, and when they are too old.

use std::time::Duration;

/// How often and within which bounds keys are fetched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefreshPolicy {
    pub(crate) every: Duration,
    pub(crate) stale_for: Duration,
    pub(crate) pause: Duration,
    pub(crate) timeout: Duration,
    pub(crate) max_bytes: usize,
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        Self {
            every: Duration::from_mins(1),
            stale_for: Duration::from_hours(1),
            pause: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
            max_bytes: 64 * 1024,
        }
    }
}

impl RefreshPolicy {
    pub(crate) fn is_sound(&self) -> bool {
        !self.every.is_zero()
            && !self.timeout.is_zero()
            && self.pause <= self.every
            && self.stale_for >= self.overdue()
    }

    /// The age at which a token waits for newer keys rather than be verified with these.
    pub(super) const fn overdue(&self) -> Duration {
        self.every.saturating_mul(2)
    }

    /// How often the background looks whether the keys are old.
    pub(super) fn tick(&self) -> Duration {
        (self.every / 4).clamp(Duration::from_millis(50), Duration::from_secs(15))
    }
}
