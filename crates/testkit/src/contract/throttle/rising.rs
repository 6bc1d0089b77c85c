//! Waits that rise: doubled, ended by refunds, forgotten.

use std::{sync::Arc, time::Duration};

use vestibule_core::ports::throttle::{Count, Receipt, Rise, Standing, Throttle};

use super::{LONG, PATIENCE, ThrottleFixture, at_once, count, key, login_from};

/// Waits that no case outlives, beyond two free attempts.
const STEEP: Rise = Rise { free: 2, first_wait: LONG, longest_wait: Duration::from_hours(8), memory: MEMORY };
/// For how long everything is remembered, unless a case is about that.
const MEMORY: Duration = Duration::from_hours(24);

/// Waits that a case can wait for, from the first attempt.
const fn gentle<F: ThrottleFixture>() -> Rise {
    Rise { free: 1, first_wait: F::SHORT, longest_wait: F::SHORT, memory: MEMORY }
}

async fn rise(throttle: &dyn Throttle, rise: Rise) -> Result<Receipt, Duration> {
    match throttle.count_rising(&key(), rise).await.unwrap() {
        Count::Counted(receipt) => Ok(receipt),
        Count::LimitReached { retry_after } => Err(retry_after),
    }
}

/// However many ask at once, through whichever handle: the free ones pass.
pub async fn parallel_attempts_do_not_outrun_the_first_wait(fixture: &impl ThrottleFixture) {
    let handles = [fixture.open().await, fixture.open().await];
    let steep = Rise { free: 5, ..STEEP };
    let outcomes = at_once(100, |number| {
        let throttle = Arc::clone(&handles[number % 2]);
        async move { rise(&*throttle, steep).await }
    });
    let (counted, refused): (Vec<_>, Vec<_>) = outcomes.await.into_iter().partition(Result::is_ok);
    assert_eq!((counted.len(), refused.len()), (5, 95));
    assert_eq!(handles[0].look(&key()).await.unwrap().count, 5);
}

/// Twice as long from attempt to attempt, up to the longest; refused ones add nothing.
pub async fn waits_double_up_to_the_longest<F: ThrottleFixture>(fixture: &F) {
    let throttle = fixture.open().await;
    // Nobody waits for hours: what was counted under gentle waits is looked at under steep ones.
    let passing = Rise { free: u32::MAX, ..STEEP };
    for (count, hours) in [(1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (6, 8), (7, 8)] {
        rise(&*throttle, passing).await.unwrap();
        let wait = Duration::from_hours(hours);
        for _ in 0..if hours > 0 { 3 } else { 0 } {
            let left = rise(&*throttle, STEEP).await.unwrap_err();
            assert!(left <= wait && left > wait / 2, "{count}: {left:?}");
        }
        let left = STEEP.wait_left(&throttle.look(&key()).await.unwrap());
        assert!(left <= wait && left >= wait / 2, "{count}: {left:?}");
        assert_eq!(throttle.look(&key()).await.unwrap().count, count);
    }
}

/// Then the next attempt counts and begins another.
pub async fn a_wait_ends_and_the_next_attempt_begins_another<F: ThrottleFixture>(fixture: &F) {
    let throttle = fixture.open().await;
    let first = rise(&*throttle, gentle::<F>()).await.unwrap();
    for count in 2..5 {
        let mut looks = 0;
        let next = loop {
            match rise(&*throttle, gentle::<F>()).await {
                Ok(receipt) => break receipt,
                Err(left) => assert!(left <= F::SHORT, "{left:?}"),
            }
            looks += 1;
            assert!(looks < PATIENCE, "the wait does not end");
            fixture.pass().await;
        };
        assert_eq!(next, first, "it is still the same counter");
        assert_eq!(throttle.look(&key()).await.unwrap().count, count);
    }
}

/// Whoever is right, or is not at fault, keeps nobody waiting.
pub async fn a_refund_ends_the_wait_that_the_attempt_began(fixture: &impl ThrottleFixture) {
    let (one, other) = (fixture.open().await, fixture.open().await);
    rise(&*one, STEEP).await.unwrap();
    let receipt = rise(&*one, STEEP).await.unwrap();
    assert!(rise(&*other, STEEP).await.is_err());
    other.refund(&key(), receipt).await.unwrap();
    assert_eq!(one.look(&key()).await.unwrap().count, 1);
    assert_eq!(rise(&*one, STEEP).await, Ok(receipt));
    assert!(rise(&*other, STEEP).await.is_err(), "one for one");
    // Beyond the free ones too: the same wait does not begin again.
    let flat = Rise { free: 1, ..STEEP };
    other.refund(&key(), receipt).await.unwrap();
    let standing = one.look(&key()).await.unwrap();
    assert_eq!((standing.count, standing.is_open), (1, true));
    assert_eq!(rise(&*one, flat).await, Ok(receipt));
    assert!(rise(&*one, flat).await.is_err());
}

/// And a later counter of the same key owes nothing to what was counted before.
pub async fn what_is_forgotten_counts_no_more(fixture: &impl ThrottleFixture) {
    let (one, other) = (fixture.open().await, fixture.open().await);
    rise(&*one, STEEP).await.unwrap();
    let old = rise(&*one, STEEP).await.unwrap();
    other.forget(&key()).await.unwrap();
    assert_eq!(one.look(&key()).await.unwrap(), Standing::default());
    let new = rise(&*one, STEEP).await.unwrap();
    assert_ne!(old, new);
    other.refund(&key(), old).await.unwrap();
    assert_eq!(one.look(&key()).await.unwrap().count, 1);
    one.forget(&login_from("192.0.2.8")).await.unwrap();
    assert_eq!(one.look(&key()).await.unwrap().count, 1);
    count(&*one, 1).await.unwrap_err();
    one.forget(&key()).await.unwrap();
    count(&*one, 1).await.unwrap();
}

/// Counted from the last attempt.
pub async fn what_is_long_ago_is_forgotten<F: ThrottleFixture>(fixture: &F) {
    let throttle = fixture.open().await;
    let brief = Rise { free: 100_000, memory: F::SHORT, ..STEEP };
    let first = rise(&*throttle, brief).await.unwrap();
    let mut looks = 0;
    while throttle.look(&key()).await.unwrap().count > 0 {
        looks += 1;
        assert!(looks < PATIENCE, "nothing is forgotten");
        fixture.pass().await;
    }
    assert_ne!(rise(&*throttle, brief).await.unwrap(), first);
    assert_eq!(throttle.look(&key()).await.unwrap().count, 1);
}

/// A look counts nothing, and sees what is counted in windows too.
pub async fn a_look_changes_nothing(fixture: &impl ThrottleFixture) {
    let (one, other) = (fixture.open().await, fixture.open().await);
    for _ in 0..3 {
        assert_eq!(one.look(&key()).await.unwrap(), Standing::default());
    }
    count(&*one, 2).await.unwrap();
    for _ in 0..3 {
        let standing = other.look(&key()).await.unwrap();
        assert_eq!(standing, Standing { count: 1, age: Duration::ZERO, is_open: false });
    }
    count(&*one, 2).await.unwrap();
    assert!(count(&*one, 2).await.is_err());
}
