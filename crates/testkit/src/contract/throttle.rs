//! The contract every throttle keeps, wherever its counters live: limits, windows, refunds and races.
//!
//! A throttle joins with a [`ThrottleFixture`] and one line, `throttle_contract!(ItsFixture)`, which makes a test of every
//! case.

mod rising;

use std::{net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use vestibule_core::{
    ports::throttle::{Count, Receipt, Throttle, ThrottleKey},
    values::client::ClientNetwork,
};

pub use self::rising::*;
use super::at_once;

/// A window that no case outlives.
const LONG: Duration = Duration::from_hours(1);
/// How often a case lets time pass before it gives up.
const PATIENCE: usize = 10_000;

/// Counters of their own for one case.
#[async_trait]
pub trait ThrottleFixture: Send + Sync + Sized {
    /// The length of a window that a case can wait for.
    const SHORT: Duration;

    /// A place without counters.
    async fn fresh() -> Self;

    /// A handle of its own, as another node would have; where only one process counts, the same one again.
    async fn open(&self) -> Arc<dyn Throttle>;

    /// Lets a small part of [`Self::SHORT`] pass, by turning the clock or by waiting.
    async fn pass(&self);
}

/// What limits the logins from an address.
#[must_use]
pub fn login_from(address: &str) -> ThrottleKey {
    ThrottleKey::Login(ClientNetwork::of(address.parse::<IpAddr>().unwrap()))
}

fn key() -> ThrottleKey {
    login_from("192.0.2.7")
}

async fn count_in(throttle: &dyn Throttle, limit: u32, window: Duration) -> Result<Receipt, Duration> {
    match throttle.count(&key(), limit, window).await.unwrap() {
        Count::Counted(receipt) => Ok(receipt),
        Count::LimitReached { retry_after } => Err(retry_after),
    }
}

async fn count(throttle: &dyn Throttle, limit: u32) -> Result<Receipt, Duration> {
    count_in(throttle, limit, LONG).await
}

/// What is left of the window that is open.
async fn remaining(throttle: &dyn Throttle) -> Duration {
    count(throttle, 0).await.unwrap_err()
}

/// Lets time pass until less than `bound` is left.
async fn wait_for_less(fixture: &impl ThrottleFixture, throttle: &dyn Throttle, bound: Duration) -> Duration {
    for _ in 0..PATIENCE {
        let left = remaining(throttle).await;
        if left < bound {
            return left;
        }
        fixture.pass().await;
    }
    panic!("time does not pass");
}

/// Counts in a short window that is full, until a new one begins; gives the refusals and the new window's receipt.
async fn wait_for_window<F: ThrottleFixture>(fixture: &F, throttle: &dyn Throttle) -> (usize, Receipt) {
    for refusals in 0..PATIENCE {
        match count_in(throttle, 1, F::SHORT).await {
            Ok(receipt) => return (refusals, receipt),
            Err(retry_after) => assert!(retry_after <= F::SHORT, "{retry_after:?}"),
        }
        fixture.pass().await;
    }
    panic!("the window does not end");
}

/// However many ask at once, through whichever handle.
pub async fn the_limit_is_exact_under_parallel_attempts(fixture: &impl ThrottleFixture) {
    let handles = [fixture.open().await, fixture.open().await];
    let outcomes = at_once(100, |number| {
        let throttle = Arc::clone(&handles[number % 2]);
        async move { count(&*throttle, 30).await }
    });
    let (counted, refused): (Vec<_>, Vec<_>) = outcomes.await.into_iter().partition(Result::is_ok);
    assert_eq!((counted.len(), refused.len()), (30, 70));
    assert!(counted.iter().all(|receipt| receipt == &counted[0]), "they all stand in one window");
}

/// Another handle sees what the first has counted, refunded and refused.
pub async fn handles_count_together(fixture: &impl ThrottleFixture) {
    let (one, other) = (fixture.open().await, fixture.open().await);
    let receipt = count(&*one, 1).await.unwrap();
    assert!(count(&*other, 1).await.is_err());
    other.refund(&key(), receipt).await.unwrap();
    assert_eq!(count(&*one, 1).await, Ok(receipt));
}

/// Then another begins, with a limit of its own.
pub async fn the_limit_holds_until_the_window_ends<F: ThrottleFixture>(fixture: &F) {
    let throttle = fixture.open().await;
    let (_, mut before) = wait_for_window(fixture, &*throttle).await;
    for _ in 0..20 {
        let (refusals, next) = wait_for_window(fixture, &*throttle).await;
        assert_ne!(before, next, "it is another window");
        if refusals > 0 {
            return;
        }
        // Either nothing holds, or a busy machine slept through a window: that does not happen each time.
        before = next;
    }
    panic!("the limit does not hold");
}

/// No later attempt, refusal or refund prolongs it.
pub async fn the_window_begins_with_the_first_attempt(fixture: &impl ThrottleFixture) {
    let throttle = fixture.open().await;
    let first = count(&*throttle, 3).await.unwrap();
    let at_first = remaining(&*throttle).await;
    assert!(at_first <= LONG && at_first > LONG / 2, "{at_first:?}");
    let later = wait_for_less(fixture, &*throttle, at_first).await;
    assert_eq!(count(&*throttle, 3).await, Ok(first));
    assert!(count(&*throttle, 2).await.unwrap_err() <= later);
    throttle.refund(&key(), first).await.unwrap();
    throttle.refund(&key(), first).await.unwrap();
    assert!(remaining(&*throttle).await <= later);
    assert_eq!(count(&*throttle, 1).await, Ok(first), "an empty window is still the same");
    assert!(remaining(&*throttle).await <= later);
}

/// Whoever goes on trying is let in as soon as everybody else.
pub async fn refused_attempts_do_not_count(fixture: &impl ThrottleFixture) {
    let throttle = fixture.open().await;
    count(&*throttle, 1).await.unwrap();
    for _ in 0..10 {
        assert!(count(&*throttle, 1).await.is_err());
    }
    assert!(count(&*throttle, 2).await.is_ok());
    assert!(count(&*throttle, 2).await.is_err());
}

/// The limit is the one that is asked for, not the one that the window began with.
pub async fn a_changed_limit_holds_at_once(fixture: &impl ThrottleFixture) {
    let throttle = fixture.open().await;
    for _ in 0..3 {
        count(&*throttle, 5).await.unwrap();
    }
    assert!(count(&*throttle, 2).await.is_err());
    assert!(count(&*throttle, 3).await.is_err());
    assert!(count(&*throttle, 4).await.is_ok());
}

/// Not even the first, and it opens no window.
pub async fn a_limit_of_zero_lets_nobody_in(fixture: &impl ThrottleFixture) {
    let throttle = fixture.open().await;
    assert_eq!(count(&*throttle, 0).await, Err(LONG));
    assert_eq!(count(&*throttle, 0).await, Err(LONG));
    assert!(count(&*throttle, 1).await.is_ok());
    assert!(count(&*throttle, 0).await.is_err());
}

/// One for one.
pub async fn a_refund_gives_one_attempt_back(fixture: &impl ThrottleFixture) {
    let throttle = fixture.open().await;
    let receipt = count(&*throttle, 2).await.unwrap();
    count(&*throttle, 2).await.unwrap();
    throttle.refund(&key(), receipt).await.unwrap();
    assert_eq!(count(&*throttle, 2).await, Ok(receipt));
    assert!(count(&*throttle, 2).await.is_err());
}

/// Nobody saves attempts up.
pub async fn refunds_end_at_zero(fixture: &impl ThrottleFixture) {
    let throttle = fixture.open().await;
    let receipt = count(&*throttle, 1).await.unwrap();
    for _ in 0..3 {
        throttle.refund(&key(), receipt).await.unwrap();
    }
    assert!(count(&*throttle, 1).await.is_ok());
    assert!(count(&*throttle, 1).await.is_err());
}

/// However many come at once.
pub async fn parallel_refunds_give_back_what_was_counted(fixture: &impl ThrottleFixture) {
    let throttle = fixture.open().await;
    let mut receipt = count(&*throttle, 20).await.unwrap();
    for _ in 1..20 {
        receipt = count(&*throttle, 20).await.unwrap();
    }
    let refunds = at_once(5, |_| {
        let throttle = Arc::clone(&throttle);
        async move { throttle.refund(&key(), receipt).await.unwrap() }
    });
    refunds.await;
    for _ in 0..5 {
        count(&*throttle, 20).await.unwrap();
    }
    assert!(count(&*throttle, 20).await.is_err());
}

/// A login that took longer than its window gives nobody else's attempt back.
pub async fn a_refund_reaches_no_later_window<F: ThrottleFixture>(fixture: &F) {
    let throttle = fixture.open().await;
    let old = count_in(&*throttle, 1, F::SHORT).await.unwrap();
    let mut looks = 0;
    // Until the old window is over; the new one is long, so that it lasts.
    while count_in(&*throttle, 1, LONG).await.is_err() {
        looks += 1;
        assert!(looks < PATIENCE, "the window does not end");
        fixture.pass().await;
    }
    throttle.refund(&key(), old).await.unwrap();
    assert!(count(&*throttle, 1).await.is_err());
}

/// A refund without a window opens none and counts as nothing.
pub async fn a_refund_of_what_is_gone_does_nothing<F: ThrottleFixture>(fixture: &F) {
    let throttle = fixture.open().await;
    let receipt = count(&*throttle, 1).await.unwrap();
    let other = login_from("192.0.2.8");
    throttle.refund(&other, receipt).await.unwrap();
    assert_eq!(
        throttle.count(&other, 0, LONG).await.unwrap(),
        Count::LimitReached { retry_after: LONG },
        "no window was opened"
    );
    assert!(count(&*throttle, 1).await.is_err());
}

/// Networks that look alike have counters of their own; addresses of one network share one.
pub async fn keys_are_counted_apart(fixture: &impl ThrottleFixture) {
    let throttle = fixture.open().await;
    let apart = ["192.0.2.7", "192.0.2.77", "::c000:207", "2001:db8::", "2001:db8:0:1::", "2001:db8:1::"];
    for address in apart {
        let outcome = throttle.count(&login_from(address), 1, LONG).await.unwrap();
        assert!(matches!(outcome, Count::Counted(_)), "{address}");
    }
    for address in ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::ffff:0:0:1", "::1"] {
        let outcome = throttle.count(&login_from(address), 1, LONG).await.unwrap();
        assert!(matches!(outcome, Count::LimitReached { .. }), "{address}");
    }
}

/// As the configuration allows it.
pub async fn a_window_may_be_as_long_as_it_likes(fixture: &impl ThrottleFixture) {
    let throttle = fixture.open().await;
    count_in(&*throttle, 1, Duration::MAX).await.unwrap();
    assert!(count_in(&*throttle, 1, Duration::MAX).await.unwrap_err() > LONG);
}

/// Makes a test of every case of the contract, on the counters of one fixture.
#[macro_export]
macro_rules! throttle_contract {
    ($fixture:ty) => {
        $crate::throttle_contract! { @cases $fixture;
            the_limit_is_exact_under_parallel_attempts
            handles_count_together
            the_limit_holds_until_the_window_ends
            the_window_begins_with_the_first_attempt
            refused_attempts_do_not_count
            a_changed_limit_holds_at_once
            a_limit_of_zero_lets_nobody_in
            a_refund_gives_one_attempt_back
            refunds_end_at_zero
            parallel_refunds_give_back_what_was_counted
            a_refund_reaches_no_later_window
            a_refund_of_what_is_gone_does_nothing
            keys_are_counted_apart
            a_window_may_be_as_long_as_it_likes
            parallel_attempts_do_not_outrun_the_first_wait
            waits_double_up_to_the_longest
            a_wait_ends_and_the_next_attempt_begins_another
            a_refund_ends_the_wait_that_the_attempt_began
            what_is_forgotten_counts_no_more
            what_is_long_ago_is_forgotten
            a_look_changes_nothing
        }
    };
    (@cases $fixture:ty; $($case:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let fixture = <$fixture as $crate::contract::throttle::ThrottleFixture>::fresh().await;
                $crate::contract::throttle::$case(&fixture).await;
            }
        )+
    };
}
