//! The limits on guesses, and what whoever has reached one is told.

use std::time::Duration;

use crate::ports::{store::StoreError, throttle::ThrottleKey};

/// Which limit on guesses has been reached. The names are an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// That of a client network.
    Network,
    /// That of strangers, for a name or an account.
    Strangers,
    /// That of a device which has logged in to the account before, or of a session.
    Device,
}

impl Limit {
    /// The name of the configuration's key for it, without its section.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "login_attempts",
            Self::Strangers => "account_failures",
            Self::Device => "device_failures",
        }
    }

    pub(crate) const fn of(key: &ThrottleKey) -> Self {
        match key {
            ThrottleKey::Name(_) | ThrottleKey::Strangers(_) => Self::Strangers,
            ThrottleKey::Device(..) | ThrottleKey::Session(..) => Self::Device,
            _ => Self::Network,
        }
    }
}

/// Why nobody is let in to try.
#[derive(Debug)]
pub(crate) enum GateError {
    /// The limit has been reached.
    Closed {
        /// What is full.
        key: ThrottleKey,
        /// Until it is worth another try.
        retry_after: Duration,
    },
    /// The counters could not answer.
    Store(StoreError),
}
