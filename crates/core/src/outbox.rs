//! Errands: what is done after the answer, whatever happens to this process meanwhile.
//!
//! Stores them sealed, in the transaction that causes them. Steered by nothing. Defends against mail servers that are
//! slow, greylist or are away, and against telling by an answer's time who has an account here.
//!
//! A node that dies in the middle leaves the errand to the others when its lease ends, so a message may be sent twice and
//! is never lost.

mod errand;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use uuid::Uuid;

use self::errand::{ANNOUNCEMENT, describe};
pub(crate) use self::errand::{Errand, Letter, Recipient, seal};
use crate::{
    Auth,
    detach::Abandoned,
    ports::{
        audit::{AuditEvent, AuditKind, AuditOutcome},
        mailer::DeliveryError,
        store::{ClaimedErrand, StoreError},
    },
    values::{account::AccountId, secret::random_bytes},
};

/// How many errands a node runs at once: one slow mail server must not hold up a thousand letters to others.
const AT_ONCE: usize = 4;
/// How many events a node tells of at once, beside those: a receiver that is slow must hold up no letter.
const TOLD_AT_ONCE: usize = 16;
/// How long an errand is one node's.
const LEASE: Duration = Duration::from_mins(5);
/// How long an errand may take: less than its lease, so that nobody else has begun it meanwhile.
const LIMIT: Duration = Duration::from_mins(3);
/// How often a node looks for errands of others, and for those that have become due.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// The pause before the second attempt; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// How long an errand can have been put off; one that has been for longer is of a clock that was ahead.
const LATEST: Duration = Duration::from_mins(75);
/// When an errand is given up, counted from when it was made.
const GIVEN_UP_AFTER: Duration = Duration::from_hours(24);

/// How an errand went.
enum Ending {
    Done,
    /// It may go better later.
    Later(String),
    /// It never will.
    Never(String),
}

impl Ending {
    fn of_delivery(outcome: Result<(), DeliveryError>) -> Self {
        match outcome {
            Ok(()) => Self::Done,
            Err(error @ DeliveryError::Temporary(_)) => Self::Later(error.to_string()),
            Err(error @ DeliveryError::Final(_)) => Self::Never(error.to_string()),
        }
    }
}

impl Auth {
    /// Says that an errand was queued, so that it does not wait for the next look.
    pub(crate) fn wake_outbox(&self) {
        self.errands_queued.notify_one();
    }

    /// Runs every errand that is due, one after the other, and says how many there were.
    ///
    /// The background work does this by itself; it is for commands, and for tests on a clock of their own.
    ///
    /// # Errors
    /// An outage of the store.
    pub async fn run_due_errands(self: &Arc<Self>) -> Result<usize, StoreError> {
        if !self.runs_errands() {
            return Ok(0);
        }
        let mut count = 0;
        while let Some(claimed) = self.claim().await? {
            self.run_errand(self.open_errand(&claimed), claimed).await;
            count += 1;
        }
        Ok(count)
    }

    /// Runs errands until it is told to stop, and then ends what it has begun.
    pub(crate) async fn run_errands(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        if !self.runs_errands() {
            return;
        }
        let (mut running, mut telling) = (JoinSet::new(), JoinSet::new());
        let mut is_reported = false;
        while !*stop.borrow() {
            let begun = if running.len() < AT_ONCE { self.claim().await } else { Ok(None) };
            match begun {
                Ok(Some(claimed)) => {
                    is_reported = false;
                    let (auth, errand) = (Arc::clone(&self), self.open_errand(&claimed));
                    if !matches!(errand, Ok(Errand::Announce(_))) {
                        running.spawn(async move { auth.run_errand(errand, claimed).await });
                        continue;
                    }
                    while telling.try_join_next().is_some() {}
                    if telling.len() < TOLD_AT_ONCE {
                        telling.spawn(async move { auth.run_errand(errand, claimed).await });
                    } else {
                        self.put_off(ANNOUNCEMENT, &claimed, "enough are being told").await;
                    }
                }
                Ok(None) => {
                    is_reported = false;
                    // Being told is the quick way; the look is what errands of other nodes and later attempts wait for.
                    tokio::select! {
                        () = self.errands_queued.notified(), if running.len() < AT_ONCE => {}
                        Some(_) = running.join_next() => {}
                        () = sleep(LOOK_PAUSE) => {}
                        _ = stop.wait_for(|is_stopping| *is_stopping) => {}
                    }
                }
                Err(error) => {
                    if !is_reported {
                        tracing::warn!(%error, "the outbox could not be read; trying on");
                    }
                    is_reported = true;
                    sleep(LOOK_PAUSE).await;
                }
            }
        }
        while running.join_next().await.is_some() {}
        while telling.join_next().await.is_some() {}
    }

    /// Whether there is anybody to run errands for.
    fn runs_errands(&self) -> bool {
        self.mailer.is_some() || self.notifier.is_some()
    }

    /// Says how long the queue is.
    pub(crate) async fn measure_outbox(&self) {
        // An outage is told by whoever waits for the store.
        let Ok(count) = self.store.count_errands().await else { return };
        let age = count.oldest.map_or(Duration::ZERO, |oldest| self.clock.now().since(oldest));
        #[expect(clippy::cast_precision_loss, reason = "nobody counts that many")]
        metrics::gauge!("vestibule_errands_waiting").set(count.waiting as f64);
        metrics::gauge!("vestibule_errands_oldest_seconds").set(age.as_secs_f64());
    }

    async fn claim(&self) -> Result<Option<ClaimedErrand>, StoreError> {
        let now = self.clock.now();
        self.store.claim_errand(now, now.plus(LEASE), now.plus(LATEST)).await
    }

    async fn run_errand(self: &Arc<Self>, errand: Result<Errand, String>, claimed: ClaimedErrand) {
        let (id, attempts, made) = (claimed.id, claimed.attempts, claimed.created_at);
        let (kind, account_id) = errand.as_ref().map_or(("unreadable", None), describe);
        let ending = match errand {
            Ok(errand) => self.run_within_limit(id, errand).await,
            // Another node may: of a newer version, or with a `secret_key` that is not here yet.
            Err(cause) => Ending::Later(cause),
        };
        let age = self.clock.now().since(made);
        let settled = match ending {
            Ending::Done => {
                count(kind, "done");
                self.store.finish_errand(id, attempts).await
            }
            Ending::Later(cause) if age < GIVEN_UP_AFTER => {
                return self.put_off(kind, &claimed, &cause).await;
            }
            Ending::Later(cause) | Ending::Never(cause) => {
                self.give_up(kind, account_id, &cause);
                self.store.finish_errand(id, attempts).await
            }
        };
        if let Err(error) = settled {
            tracing::warn!(%error, kind, "an errand could not be settled and will be run once more");
        }
    }

    async fn run_within_limit(self: &Arc<Self>, id: Uuid, errand: Errand) -> Ending {
        let auth = Arc::clone(self);
        // Of its own: a mailer that panics ends the task only, and what it was to do is put off as after any failure.
        let run = Abandoned::spawn(async move { auth.run(id, errand).await });
        match timeout(LIMIT, run.outcome()).await {
            Ok(Some(ending)) => ending,
            Ok(None) => Ending::Later("it panicked".to_owned()),
            Err(_) => Ending::Later(format!("not done within {} s", LIMIT.as_secs())),
        }
    }

    async fn put_off(&self, kind: &'static str, claimed: &ClaimedErrand, cause: &str) {
        let attempts = claimed.attempts;
        count(kind, "postponed");
        tracing::warn!(kind, attempts, cause, "an errand was put off");
        let due_at = self.clock.now().plus(pause_after(attempts));
        if let Err(error) = self.store.postpone_errand(claimed.id, attempts, due_at).await {
            tracing::warn!(%error, kind, "an errand could not be settled and will be run once more");
        }
    }

    fn give_up(&self, kind: &'static str, account_id: Option<AccountId>, cause: &str) {
        count(kind, "abandoned");
        tracing::error!(kind, cause, "an errand was given up: nobody will be told");
        self.audit.record(AuditEvent {
            at: self.clock.now(),
            kind: if kind == ANNOUNCEMENT { AuditKind::Webhook } else { AuditKind::Mail },
            outcome: AuditOutcome::Failure,
            account_id,
            actor_id: None,
            session_id: None,
            address: String::new(),
            detail: "abandoned",
        });
    }

    async fn run(&self, id: Uuid, errand: Errand) -> Ending {
        match errand {
            Errand::Deliver(letter) => match &self.mailer {
                Some(mailer) => Ending::of_delivery(mailer.deliver(&letter.into_message()).await),
                None => Ending::Later("no mail is sent here".to_owned()),
            },
            Errand::Announce(event) => match &self.notifier {
                Some(notifier) => Ending::of_delivery(notifier.notify(id, &event).await),
                None => Ending::Later("nobody is told of events here".to_owned()),
            },
            Errand::Remind { email, address } => match self.remind(&email, &address).await {
                Ok(()) => Ending::Done,
                Err(error) => Ending::Later(error.to_string()),
            },
            Errand::Register(applicant) => match self.consider(&applicant).await {
                Ok(()) => Ending::Done,
                Err(error) => Ending::Later(error.to_string()),
            },
        }
    }
}

fn count(kind: &'static str, outcome: &'static str) {
    metrics::counter!("vestibule_errands_total", "kind" => kind, "outcome" => outcome).increment(1);
}

/// Doubles with each attempt, and is never the same for all: up to a quarter more.
fn pause_after(attempts: u32) -> Duration {
    let doubled =
        FIRST_PAUSE.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
    let pause = doubled.min(LONGEST_PAUSE);
    let [random] = random_bytes::<1>();
    pause + pause.mul_f64(f64::from(random) / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_an_hour_and_differ() {
        for (attempts, least) in [(1, 15), (2, 30), (5, 240), (9, 3600), (40, 3600), (u32::MAX, 3600)] {
            let pause = pause_after(attempts);
            let least = Duration::from_secs(least);
            assert!(pause >= least && pause <= least + least / 4, "{attempts}: {pause:?}");
        }
        let pauses: std::collections::HashSet<_> = (0..200).map(|_| pause_after(1)).collect();
        assert!(pauses.len() > 10);
    }

    #[test]
    fn a_lease_outlasts_what_it_is_for() {
        const { assert!(LIMIT.as_secs() < LEASE.as_secs()) };
        const { assert!(LATEST.as_secs() >= LONGEST_PAUSE.as_secs() / 4 * 5) };
        const { assert!(LATEST.as_secs() > LEASE.as_secs()) };
    }
}
