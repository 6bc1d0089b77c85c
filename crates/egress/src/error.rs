//! Why there is no answer.

use std::error::Error;

use crate::guard::Forbidden;

/// Why there is no answer. None of them repeats more of a destination than its host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// The destination has an address that is not asked.
    #[error("{host} is not asked: {forbidden}")]
    Forbidden {
        /// The host.
        host: String,
        /// Its address, and why.
        forbidden: Forbidden,
    },
    /// The host's name leads nowhere.
    #[error("{host} cannot be resolved: {cause}")]
    Unresolved {
        /// The host.
        host: String,
        /// Why.
        cause: String,
    },
    /// No connection, no trust, or a connection that broke.
    #[error("{host} cannot be reached: {cause}")]
    Unreachable {
        /// The host.
        host: String,
        /// Why.
        cause: String,
    },
    /// It took too long.
    #[error("{host} did not answer in time")]
    TimedOut {
        /// The host.
        host: String,
    },
    /// The answer is longer than anybody wants to read.
    #[error("{host} answered with more than {limit_bytes} bytes")]
    TooLong {
        /// The host.
        host: String,
        /// How many it had.
        limit_bytes: usize,
    },
    /// Requests cannot be made on this machine.
    #[error("no request can be made: {cause}")]
    Unable {
        /// Why.
        cause: String,
    },
}

/// A name that leads nowhere, as it comes back through the client.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unresolved(pub(crate) String);

impl EgressError {
    pub(crate) fn unable(cause: &impl ToString) -> Self {
        Self::Unable { cause: cause.to_string() }
    }

    /// Tells what the client says apart.
    pub(crate) fn of_client(error: reqwest::Error, host: &str) -> Self {
        // The URL has the receiver's secret in it, often enough.
        let error = error.without_url();
        let host = host.to_owned();
        if let Some(forbidden) = find::<Forbidden>(&error) {
            return Self::Forbidden { host, forbidden: *forbidden };
        }
        if let Some(Unresolved(cause)) = find::<Unresolved>(&error) {
            return Self::Unresolved { host, cause: cause.clone() };
        }
        if error.is_timeout() {
            return Self::TimedOut { host };
        }
        Self::Unreachable { host, cause: deepest(&error) }
    }
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// What began it: the layers above say only that something failed.
fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
