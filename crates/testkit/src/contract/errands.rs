//! Errands: queued once, claimed by one at a time, gone only when done.

use std::time::Duration;

use uuid::Uuid;
use vestibule_core::ports::store::{ErrandCount, NewErrand, Store};

use super::{StoreFixture, at_once, samples::at};

const LEASE: Duration = Duration::from_mins(5);
const LATEST: Duration = Duration::from_mins(75);

/// An errand due at `due`, made `number` milliseconds after the beginning.
pub(super) fn errand(number: u128, due: i64) -> NewErrand {
    let id = Uuid::from_u128(number + 1);
    NewErrand {
        id,
        sealed: number.to_be_bytes().to_vec(),
        account_id: None,
        created_at: at(0),
        due_at: at(due),
    }
}

async fn claimed(store: &dyn Store, now: i64) -> Option<(Uuid, u32)> {
    let claimed = store.claim_errand(at(now), at(now).plus(LEASE), at(now).plus(LATEST)).await.unwrap()?;
    Some((claimed.id, claimed.attempts))
}

/// What has been due for longest comes first, what is not due does not come, and what is claimed comes again only after
/// its lease.
pub async fn errands_come_when_they_are_due_and_again_after_a_lease(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (late, early, next) = (errand(0, 20), errand(1, 10), errand(2, 30));
    for errand in [&late, &early, &next] {
        store.queue_errand(errand.clone()).await.unwrap();
    }
    let count = ErrandCount { waiting: 3, oldest: Some(at(0)) };
    assert_eq!(store.count_errands().await.unwrap(), count);
    assert_eq!(claimed(&*store, 9).await, None);
    let first = store.claim_errand(at(20), at(20).plus(LEASE), at(20).plus(LATEST)).await.unwrap().unwrap();
    assert_eq!((first.id, first.attempts, first.created_at), (early.id, 1, at(0)));
    assert_eq!(first.sealed, early.sealed);
    assert_eq!(claimed(&*store, 20).await, Some((late.id, 1)));
    assert_eq!(claimed(&*store, 20).await, None);
    let after = 20 + i64::try_from(LEASE.as_millis()).unwrap();
    assert_eq!(claimed(&*store, after).await, Some((next.id, 1)));
    assert_eq!(claimed(&*store, after).await, Some((late.id, 2)));
    assert_eq!(claimed(&*store, after).await, Some((early.id, 2)));
    // A node that comes back after its lease has nothing to say any more.
    assert!(!store.finish_errand(early.id, 1).await.unwrap());
    assert!(!store.postpone_errand(early.id, 1, at(0)).await.unwrap());
    assert!(store.finish_errand(early.id, 2).await.unwrap());
    assert!(!store.finish_errand(early.id, 2).await.unwrap());
    assert!(store.postpone_errand(late.id, 2, at(after + 5)).await.unwrap());
    assert_eq!(claimed(&*store, after + 4).await, None);
    assert_eq!(claimed(&*store, after + 5).await, Some((late.id, 3)));
}

/// What a clock that was a day ahead made or put off does not wait for that day; what is due comes first.
pub async fn an_errand_of_a_clock_that_was_ahead_is_not_held_up(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let day = 24 * 60 * 60 * 1000;
    let last = i64::try_from(LATEST.as_millis()).unwrap();
    let (ahead, farther, due, later) =
        (errand(0, day), errand(1, 2 * day), errand(2, 5), errand(3, 5 + last));
    for errand in [&ahead, &farther, &due, &later] {
        store.queue_errand(errand.clone()).await.unwrap();
    }
    for expected in [&due, &ahead, &farther] {
        assert_eq!(claimed(&*store, 5).await, Some((expected.id, 1)));
    }
    assert_eq!(claimed(&*store, 5).await, None, "the others have their leases, and the last its time");
}

/// However many nodes look at once, each errand is claimed once.
pub async fn every_errand_is_claimed_by_one_of_many(fixture: &impl StoreFixture) {
    let stores = [fixture.open().await, fixture.open().await];
    for number in 0..20 {
        stores[0].queue_errand(errand(number, 0)).await.unwrap();
    }
    let taken = at_once(16, |task| {
        let store = stores[task % 2].clone();
        async move {
            let mut taken = Vec::new();
            // A look that another one was faster than finds nothing; the errand is still there for the next.
            for _ in 0..200 {
                taken.extend(store.claim_errand(at(1), at(1).plus(LEASE), at(1).plus(LATEST)).await.unwrap());
            }
            taken
        }
    })
    .await;
    let mut ids: Vec<_> = taken.into_iter().flatten().map(|errand| errand.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..20).map(|number| errand(number, 0).id).collect::<Vec<_>>());
}
