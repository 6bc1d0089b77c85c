//! What has been said of hashes that cannot be verified.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use crate::foreign::Refusal;

/// Says each kind of refusal once, so that guessing at one account does not fill the log; shared by a pool's threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices(Arc<Mutex<HashSet<Refusal>>>);

impl Notices {
    /// Speaks of a stored hash that cannot be verified, never of what it holds.
    pub(crate) fn tell(&self, refusal: Refusal) {
        let Refusal { form, reason } = refusal;
        if self.is_first(refusal) {
            tracing::warn!(form, %reason, "a stored password hash cannot be verified; said once for all of this kind");
        } else {
            tracing::debug!(form, %reason, "a stored password hash cannot be verified");
        }
    }

    fn is_first(&self, refusal: Refusal) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phc::Unverifiable;

    #[test]
    fn each_kind_is_said_once_by_all_threads_together() {
        let notices = Notices::default();
        let elsewhere = notices.clone();
        let refusal = |form, reason| Refusal { form, reason };
        assert!(notices.is_first(refusal("bcrypt", Unverifiable::OutOfBounds)));
        assert!(!elsewhere.is_first(refusal("bcrypt", Unverifiable::OutOfBounds)));
        assert!(elsewhere.is_first(refusal("bcrypt", Unverifiable::Unreadable)));
        assert!(notices.is_first(refusal("scrypt", Unverifiable::OutOfBounds)));
    }
}
