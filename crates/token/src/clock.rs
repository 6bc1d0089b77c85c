//! Time: the only file that reads it.

use std::{
    fmt,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

/// A moment in milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);

    /// Makes a moment from milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment as the standard library has it; the epoch for one before it.
    #[must_use]
    pub fn to_system_time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(u64::try_from(self.0).unwrap_or_default())
    }

    /// Whole seconds since the Unix epoch, rounded down, as JWT's `NumericDate` wants them.
    #[must_use]
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The moment `span` later; stops at the end of time instead of wrapping.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The moment `span` earlier; stops at the beginning of time instead of wrapping.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The time that has passed since `earlier`; zero where the clock ran backwards.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The moment as RFC 3339 in UTC, to the millisecond, for example `2026-11-21T09:00:00.125Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let format =
            format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|moment| moment.format(format).ok())
            .unwrap_or_else(|| self.0.to_string())
    }

    /// Reads a moment as RFC 3339 writes it, in any zone; what is finer than a millisecond is cut off.
    #[must_use]
    pub fn read_rfc3339(input: &str) -> Option<Self> {
        let nanos = OffsetDateTime::parse(input, &Rfc3339).ok()?.unix_timestamp_nanos();
        i64::try_from(nanos.div_euclid(1_000_000)).ok().map(Self)
    }
}

/// Where the rules learn what time it is.
///
/// The system's clock is [`SystemClock`]; tests bring a clock they can turn. It may run backwards: no rule takes a
/// negative span for anything but none.
///
/// ```
/// use std::time::Duration;
///
/// use vestibule_token::clock::{Clock, SystemClock, Timestamp};
///
/// /// The system's clock, ahead by as much as another machine is.
/// #[derive(Debug)]
/// struct Ahead(Duration);
///
/// impl Clock for Ahead {
///     fn now(&self) -> Timestamp {
///         SystemClock.now().plus(self.0)
///     }
/// }
///
/// assert!(Ahead(Duration::from_secs(5)).now() > SystemClock.now());
/// ```
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Measures how long something took, for metrics; never for a decision.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to measure.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_prints_as_rfc_3339_in_utc() {
        assert_eq!(Timestamp::from_millis(1_700_000_000_125).to_rfc3339(), "2023-11-14T22:13:20.125Z");
        assert_eq!(Timestamp::EPOCH.to_rfc3339(), "1970-01-01T00:00:00.000Z");
        for text in ["2023-11-14T22:13:20.125Z", "2023-11-14T23:13:20.1259+01:00"] {
            assert_eq!(
                Timestamp::read_rfc3339(text),
                Some(Timestamp::from_millis(1_700_000_000_125)),
                "{text}"
            );
        }
        for text in ["", "2023-11-14", "1700000000", "2023-11-14T22:13:20", "2023-13-14T22:13:20Z"] {
            assert_eq!(Timestamp::read_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn a_clock_that_ran_backwards_counts_as_no_time() {
        assert_eq!(Timestamp::from_millis(5).since(Timestamp::from_millis(9)), Duration::ZERO);
    }

    #[test]
    fn sums_stop_at_the_ends_of_time() {
        assert_eq!(Timestamp::from_millis(i64::MAX).plus(Duration::MAX).as_millis(), i64::MAX);
        assert_eq!(Timestamp::from_millis(-1).as_seconds(), -1);
    }
}
