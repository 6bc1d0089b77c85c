//! A clock that stands still until a test turns it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use vestibule::login::token::clock::{Clock, Timestamp};

/// The first moment of 2026, UTC: a whole second, so that lifetimes in tokens are exact.
const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// A clock that stands still until it is turned. Clones show the same time.
///
/// A [`LoginManager`](vestibule::LoginManager) takes it with `clock(Arc::new(clock.clone()))`, `Vestibule::builder` with
/// `clock(clock.clone())`; a `TestApp` has one already.
///
/// ```
/// use std::time::Duration;
///
/// use vestibule::login::token::clock::Clock;
/// use vestibule_testing::VirtualClock;
///
/// let clock = VirtualClock::default();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(clock.now().since(before), Duration::from_secs(5));
/// ```
#[derive(Clone, Debug)]
pub struct VirtualClock(Arc<AtomicI64>);

impl Default for VirtualClock {
    /// Starts at the first moment of 2026, UTC.
    fn default() -> Self {
        Self::at(START)
    }
}

impl VirtualClock {
    /// Starts at a moment.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.as_millis())))
    }

    /// Turns it to a moment, earlier or later.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millis(), Ordering::SeqCst);
    }

    /// Turns it forward, by whole milliseconds.
    pub fn advance(&self, span: Duration) {
        self.set(self.now().plus(span));
    }

    /// Turns it back, by whole milliseconds.
    pub fn turn_back(&self, span: Duration) {
        self.set(self.now().minus(span));
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}
