//! Counting attempts, so that guessing does not pay.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use crate::{
    ports::store::StoreError,
    values::{
        account::AccountId, client::ClientNetwork, device::DeviceId, link::LinkPurpose, session::SessionId,
    },
};

/// Counts attempts: in fixed windows that begin with the first one, or with waits that rise from attempt to attempt.
///
/// One key is counted in one of the two ways, never in both. [`MemoryThrottle`](crate::memory_throttle::MemoryThrottle) counts for one
/// machine, `vestibule-redis` for many. Whoever writes another one runs `vestibule_testkit::contract::throttle` on it.
///
/// ```
/// use std::{sync::atomic::{AtomicU64, Ordering}, time::Duration};
///
/// use async_trait::async_trait;
/// use vestibule_core::{
///     memory_throttle::MemoryThrottle,
///     ports::{StoreError, Throttle, ThrottleKey, throttle::{Count, Receipt, Rise, Standing}},
/// };
///
/// /// Counts in memory, and says how often somebody was refused.
/// #[derive(Debug)]
/// struct Watched {
///     inner: MemoryThrottle,
///     refused: AtomicU64,
/// }
///
/// impl Watched {
///     fn note(&self, count: Count) -> Count {
///         if let Count::LimitReached { .. } = count {
///             self.refused.fetch_add(1, Ordering::Relaxed);
///         }
///         count
///     }
/// }
///
/// #[async_trait]
/// impl Throttle for Watched {
///     async fn count(&self, key: &ThrottleKey, limit: u32, window: Duration) -> Result<Count, StoreError> {
///         self.inner.count(key, limit, window).await.map(|count| self.note(count))
///     }
///
///     async fn count_rising(&self, key: &ThrottleKey, rise: Rise) -> Result<Count, StoreError> {
///         self.inner.count_rising(key, rise).await.map(|count| self.note(count))
///     }
///
///     async fn refund(&self, key: &ThrottleKey, receipt: Receipt) -> Result<(), StoreError> {
///         self.inner.refund(key, receipt).await
///     }
///
///     async fn forget(&self, key: &ThrottleKey) -> Result<(), StoreError> {
///         self.inner.forget(key).await
///     }
///
///     async fn look(&self, key: &ThrottleKey) -> Result<Standing, StoreError> {
///         self.inner.look(key).await
///     }
/// }
/// ```
#[async_trait]
pub trait Throttle: Send + Sync + fmt::Debug {
    /// Counts one attempt if fewer than `limit` stand in the window, in one atomic step.
    ///
    /// # Errors
    /// An outage of the place where the counters live.
    async fn count(&self, key: &ThrottleKey, limit: u32, window: Duration) -> Result<Count, StoreError>;

    /// Counts one attempt if the wait that the last one began is over, in one atomic step.
    ///
    /// # Errors
    /// An outage of the place where the counters live.
    async fn count_rising(&self, key: &ThrottleKey, rise: Rise) -> Result<Count, StoreError>;

    /// Gives one counted attempt back; never below zero and never into a later window. Where waits rise, the wait that it
    /// began is over.
    ///
    /// # Errors
    /// An outage of the place where the counters live.
    async fn refund(&self, key: &ThrottleKey, receipt: Receipt) -> Result<(), StoreError>;

    /// Forgets everything that was counted.
    ///
    /// # Errors
    /// An outage of the place where the counters live.
    async fn forget(&self, key: &ThrottleKey) -> Result<(), StoreError>;

    /// Looks at a counter without counting.
    ///
    /// # Errors
    /// An outage of the place where the counters live.
    async fn look(&self, key: &ThrottleKey) -> Result<Standing, StoreError>;
}

/// How waits rise: each attempt beyond the free ones begins one, twice as long as the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rise {
    /// How many attempts there are until the first wait.
    pub free: u32,
    /// The first wait.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// How long after the last attempt everything is forgotten.
    pub memory: Duration,
}

impl Rise {
    /// The wait that begins with the attempt that makes the count this high.
    #[must_use]
    pub fn wait_after(&self, count: u32) -> Duration {
        if count == 0 || count < self.free {
            return Duration::ZERO;
        }
        let factor = 1_u32.checked_shl(count - self.free).unwrap_or(u32::MAX);
        self.first_wait.saturating_mul(factor).min(self.longest_wait)
    }

    /// What is left of the wait, at a counter that looks like this.
    #[must_use]
    pub fn wait_left(&self, standing: &Standing) -> Duration {
        if standing.is_open {
            Duration::ZERO
        } else {
            self.wait_after(standing.count).saturating_sub(standing.age)
        }
    }
}

/// What a counter looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many attempts count.
    pub count: u32,
    /// How long ago the last one was, where waits rise; in windows, zero.
    pub age: Duration,
    /// Whether the last one was given back, so that nobody waits for it.
    pub is_open: bool,
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
    /// Those of them that one client network asked for.
    MailToFrom([u8; 16], ClientNetwork),
    /// Exports of an account.
    Export(AccountId),
    /// Logins that needed no captcha, by client network.
    CaptchaOfNetwork(ClientNetwork),
    /// Logins that needed no captcha, by the name that was typed, under a MAC.
    CaptchaOfName([u8; 16]),
    /// Strangers' guesses with a name, whether or not it belongs to anybody.
    Name(Subject),
    /// Strangers' guesses at an account, whichever of its names they use.
    Strangers(Subject),
    /// Guesses at an account from a device that has logged in to it.
    Device(DeviceId, Subject),
    /// Guesses at the password of an account from one of its sessions.
    Session(SessionId, Subject),
}

/// What is guessed at: 16 bytes that name an account, or stand for a name that nobody needs to know, and how often its
/// counters were begun anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The account's id, or the MAC of a name.
    pub id: [u8; 16],
    /// How often the account has been unlocked; zero where there is none.
    pub unlocks: u64,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}/{}", u128::from_be_bytes(self.id), self.unlocks)
    }
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
            Self::MailToFrom(address, network) => {
                write!(f, "mail_to/{:032x}/{network}", u128::from_be_bytes(*address))
            }
            Self::Name(name) => write!(f, "name/{name}"),
            Self::Strangers(account) => write!(f, "strangers/{account}"),
            Self::Device(device, account) => write!(f, "device/{device}/{account}"),
            Self::Session(session, account) => write!(f, "session/{session}/{account}"),
            Self::CaptchaOfNetwork(network) => write!(f, "captcha/{network}"),
            Self::CaptchaOfName(name) => write!(f, "captcha_name/{:032x}", u128::from_be_bytes(*name)),
        }
    }
}
