//! Counting attempts, so that guessing does not pay.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use crate::{
    ports::store::StoreError,
    values::{account::AccountId, client::ClientNetwork, link::LinkPurpose},
};

/// Counts attempts in fixed windows that begin with the first attempt.
#[async_trait]
pub trait Throttle: Send + Sync + fmt::Debug {
    /// Counts one attempt if fewer than `limit` stand in the window, in one atomic step.
    ///
    /// # Errors
    /// An outage of the place where the counters live.
    async fn count(&self, key: &ThrottleKey, limit: u32, window: Duration) -> Result<Count, StoreError>;

    /// Gives one counted attempt back; never below zero and never into a later window.
    ///
    /// # Errors
    /// An outage of the place where the counters live.
    async fn refund(&self, key: &ThrottleKey, receipt: Receipt) -> Result<(), StoreError>;
}

/// Whether an attempt was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// It was below the limit and now counts; the receipt is what a refund needs.
    Counted(Receipt),
    /// The limit has been reached; nothing was counted.
    LimitReached {
        /// Until the window ends.
        retry_after: Duration,
    },
}

/// Which window counted an attempt, so that a refund goes into no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// A window of this process.
    Local(u64),
    /// A window that all machines share.
    Shared(u64),
}

/// What is counted.
///
/// Its text, for example `login/192.0.2.7` or `login/2001:db8::/64`, names it where counters live outside the process:
/// two keys never have the same text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThrottleKey {
    /// Logins, by client network.
    Login(ClientNetwork),
    /// Registrations, by client network.
    Registration(ClientNetwork),
    /// Requests to be reminded of a password, by client network.
    Reminder(ClientNetwork),
    /// Mails that an account asked for, by what they are good for.
    Mail(LinkPurpose, AccountId),
    /// Mails that registrations sent to an address, whether it has an account or not; the address under a MAC.
    MailTo([u8; 16]),
    /// Exports of an account.
    Export(AccountId),
}

impl fmt::Display for ThrottleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Login(network) => write!(f, "login/{network}"),
            Self::Registration(network) => write!(f, "registration/{network}"),
            Self::Reminder(network) => write!(f, "reminder/{network}"),
            Self::Export(account) => write!(f, "export/{account}"),
            Self::Mail(purpose, account) => write!(f, "mail/{}/{account}", purpose.as_str()),
            Self::MailTo(address) => write!(f, "mail_to/{:032x}", u128::from_be_bytes(*address)),
        }
    }
}
