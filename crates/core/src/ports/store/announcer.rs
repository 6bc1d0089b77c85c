//! What others are told of a change, decided inside the transaction that makes it.

use std::{fmt, sync::Arc};

use super::{NewErrand, StoreError};
use crate::values::account::{Account, AccountId};

/// What has become of an account.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Occurrence<'a> {
    /// It is new.
    Inserted(&'a Account),
    /// It is another one.
    Changed {
        /// As it was.
        before: &'a Account,
        /// As it is.
        after: &'a Account,
    },
    /// It is gone.
    Deleted {
        /// Whose id it was.
        id: AccountId,
        /// What it was; `None` where nobody has read it.
        account: Option<&'a Account>,
    },
}

type Announce = dyn Fn(Occurrence<'_>) -> Result<Vec<NewErrand>, StoreError> + Send + Sync;

/// Makes the errands that tell others of a change, once it is known what it comes to. The store queues them in the same
/// transaction; it may ask again where it tries that again.
#[derive(Clone, Default)]
pub struct Announcer(Option<Arc<Announce>>);

impl Announcer {
    /// Announces what `announce` makes of an occurrence.
    pub fn new(
        announce: impl Fn(Occurrence<'_>) -> Result<Vec<NewErrand>, StoreError> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(announce)))
    }

    /// Whether anybody is told anything.
    #[must_use]
    pub const fn is_heard(&self) -> bool {
        self.0.is_some()
    }

    /// The errands to queue.
    ///
    /// # Errors
    /// [`StoreError::Broken`]; then nothing may be changed.
    pub fn errands(&self, occurrence: Occurrence<'_>) -> Result<Vec<NewErrand>, StoreError> {
        self.0.as_ref().map_or_else(|| Ok(Vec::new()), |announce| announce(occurrence))
    }
}

impl fmt::Debug for Announcer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Announcer(…)" } else { "Announcer(nobody)" })
    }
}
