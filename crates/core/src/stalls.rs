//! When the store did not answer to refreshes: the grace of a refresh token does not run meanwhile.
//!
//! A rotation that was not answered may have been done, even long after its client was told to come back later. Only
//! the last outage is remembered, and by each node its own: a client that comes back to another node finds one that
//! could not reach the store either.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::ports::{clock::Timestamp, store::Stall};

/// The last outage that refreshes met.
#[derive(Debug, Default)]
pub(crate) struct Stalls(Mutex<Option<Outage>>);

#[derive(Clone, Copy, Debug)]
struct Outage {
    /// When the first of the rotations that were not answered had begun.
    from: Timestamp,
    /// When the store answered again; `None` while it has not.
    to: Option<Timestamp>,
}

impl Stalls {
    /// What a rotation that begins `now` has to know.
    pub(crate) fn seen_at(&self, now: Timestamp) -> Option<Stall> {
        self.lock().map(|outage| Stall { from: outage.from, to: outage.to.unwrap_or(now) })
    }

    /// A rotation that had begun at `asked_at` was not answered.
    ///
    /// Within `grace` of the last outage it belongs to that one: those who were turned away then may still be waiting.
    pub(crate) fn note_failure(&self, asked_at: Timestamp, grace: Duration) {
        let mut last = self.lock();
        let ongoing = last.filter(|outage| outage.to.is_none_or(|to| asked_at.since(to) <= grace));
        let from = ongoing.map_or(asked_at, |outage| outage.from.min(asked_at));
        *last = Some(Outage { from, to: None });
    }

    /// A rotation was answered.
    pub(crate) fn note_answer(&self, now: Timestamp) {
        if let Some(outage) = self.lock().as_mut() {
            outage.to.get_or_insert(now);
        }
    }

    /// Nothing is half done under the lock, so a panic elsewhere has spoilt nothing.
    fn lock(&self) -> MutexGuard<'_, Option<Outage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(10);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn stall(from: i64, to: i64) -> Stall {
        Stall { from: at(from), to: at(to) }
    }

    #[test]
    fn it_lasts_from_the_first_that_was_not_answered_to_the_first_that_was() {
        let stalls = Stalls::default();
        stalls.note_answer(at(1));
        assert_eq!(stalls.seen_at(at(2)), None);
        stalls.note_failure(at(5), GRACE);
        // It had begun earlier and was given up later.
        stalls.note_failure(at(3), GRACE);
        assert_eq!(stalls.seen_at(at(60)), Some(stall(3, 60)), "it goes on");
        stalls.note_answer(at(70));
        stalls.note_answer(at(75));
        assert_eq!(stalls.seen_at(at(80)), Some(stall(3, 70)));
    }

    #[test]
    fn another_failure_soon_after_belongs_to_the_same_outage_and_a_later_one_does_not() {
        let stalls = Stalls::default();
        stalls.note_failure(at(0), GRACE);
        stalls.note_answer(at(60));
        stalls.note_failure(at(70), GRACE);
        stalls.note_answer(at(90));
        assert_eq!(stalls.seen_at(at(95)), Some(stall(0, 90)));
        stalls.note_failure(at(101), GRACE);
        assert_eq!(stalls.seen_at(at(102)), Some(stall(101, 102)));
    }
}
