//! Refreshing: one generation further, the same child within the grace, reuse as proof of theft.

use std::time::Duration;

use vestibule_core::{
    ports::store::{AccountChange, Activity, Rotation, RotationRequest, Stall, Store},
    values::{
        account::AccountId,
        scope::Scopes,
        session::{NewSession, RevokedSession, SessionId},
    },
};

use super::{
    StoreFixture,
    administration::deletion,
    at_once,
    samples::{
        ACCESS_TTL, GRACE, REFRESH_TTL, all_revoked, at, log_in, new_session, opened, opening, register,
        rotated, rotation,
    },
};

/// The grace in milliseconds.
const GRACE_MILLIS: i64 = 10_000;

/// An account with one session, born at `at(0)`.
async fn session_of_ada(store: &dyn Store) -> (AccountId, SessionId) {
    let account = register(store, "ada").await.id;
    (account, log_in(store, account, at(0)).await)
}

async fn is_revoked(store: &dyn Store, id: SessionId) -> bool {
    all_revoked(store, at(0)).await.sessions.iter().any(|revoked| revoked.id == id)
}

/// Each refresh token works once, and its child after it.
pub async fn a_rotation_moves_one_generation(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (account, id) = session_of_ada(&*store).await;
    for generation in 0..5 {
        let now = at(1000 * i64::try_from(generation).unwrap());
        let rotated = rotated(&*store, rotation(id, generation, now)).await;
        assert_eq!(rotated.generation, generation + 1);
        assert_eq!(rotated.account, store.find_account(account).await.unwrap().unwrap());
        assert_eq!(rotated.scope, Scopes::read("read write"));
        assert_eq!(rotated.authenticated_at, at(0));
        assert_eq!(rotated.expires_at, now.plus(REFRESH_TTL));
    }
}

/// Thirty days from every refresh, ninety in all.
pub async fn a_session_slides_to_its_end_and_no_further(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (_, id) = session_of_ada(&*store).await;
    let day = |days: u64| at(0).plus(Duration::from_hours(days * 24));
    assert_eq!(rotated(&*store, rotation(id, 0, day(29))).await.expires_at, day(59));
    assert_eq!(rotated(&*store, rotation(id, 1, day(58))).await.expires_at, day(88));
    assert_eq!(rotated(&*store, rotation(id, 2, day(87))).await.expires_at, day(90));
    assert_eq!(store.rotate_session(rotation(id, 3, day(90))).await.unwrap(), Rotation::Refused);
}

/// A refresh with a shorter access lifetime does not make the store forget the longer one.
pub async fn the_last_access_never_moves_back(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (_, id) = session_of_ada(&*store).await;
    let with =
        |generation, until| RotationRequest { access_until: at(until), ..rotation(id, generation, at(1)) };
    rotated(&*store, with(0, 9_000_000)).await;
    rotated(&*store, with(1, 5_000)).await;
    let revoked = store.revoke_session(id, None, at(2)).await.unwrap().unwrap();
    assert_eq!(revoked.access_until, at(9_000_000));
}

/// Permissions are today's, not those of the login.
pub async fn a_rotation_reads_the_account_anew(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (account, id) = session_of_ada(&*store).await;
    store.insert_permission(account, "admin").await.unwrap();
    let rotated_account = rotated(&*store, rotation(id, 0, at(1))).await.account;
    assert_eq!(rotated_account.permissions, Scopes::read("admin"));
    let repeated = store.rotate_session(rotation(id, 0, at(1))).await.unwrap();
    let Rotation::Repeated(repeated) = repeated else { panic!("{repeated:?}") };
    assert_eq!(repeated.account, rotated_account);
}

/// T19, better-auth CVE-2026-53517: 64 refreshes with one token at the same time leave one live child.
pub async fn t19_parallel_refreshes_leave_one_child(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (_, id) = session_of_ada(&*store).await;
    for generation in 0..3 {
        let answers = at_once(64, |_| {
            let store = store.clone();
            async move { store.rotate_session(rotation(id, generation, at(5))).await.unwrap() }
        })
        .await;
        let mut fresh = 0;
        let mut children = Vec::new();
        for answer in answers {
            match answer {
                Rotation::Rotated(rotated) => {
                    fresh += 1;
                    children.push(rotated);
                }
                Rotation::Repeated(rotated) => children.push(rotated),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((fresh, children.len()), (1, 64));
        assert!(children.iter().all(|child| *child == children[0] && child.generation == generation + 1));
    }
}

/// Two tabs, a lost response, a retry: the same child, to the last millisecond of the grace.
pub async fn the_same_child_is_answered_within_the_grace(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (account, id) = session_of_ada(&*store).await;
    let child = rotated(&*store, rotation(id, 0, at(0))).await;
    for later in [0, 1, GRACE_MILLIS] {
        let answer = store.rotate_session(rotation(id, 0, at(later))).await.unwrap();
        assert_eq!(answer, Rotation::Repeated(child.clone()), "{later} ms");
    }
    let seen = store.list_sessions(account, at(1)).await.unwrap()[0].last_seen_at;
    assert_eq!(seen, at(0), "a repetition writes nothing");
    let last = store.rotate_session(rotation(id, 0, at(GRACE_MILLIS + 1))).await.unwrap();
    assert!(matches!(last, Rotation::ReuseDetected(_)), "{last:?}");
}

/// Repetitions do not lengthen it, however many.
pub async fn the_grace_does_not_slide(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (_, id) = session_of_ada(&*store).await;
    rotated(&*store, rotation(id, 0, at(0))).await;
    for later in [3000, 6000, 9000] {
        let answer = store.rotate_session(rotation(id, 0, at(later))).await.unwrap();
        assert!(matches!(answer, Rotation::Repeated(_)), "{answer:?}");
    }
    let answer = store.rotate_session(rotation(id, 0, at(12_000))).await.unwrap();
    assert!(matches!(answer, Rotation::ReuseDetected(_)), "{answer:?}");
}

/// What was swapped while the store was away is answered until the grace has passed since it is back.
pub async fn the_grace_does_not_run_while_the_store_is_away(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (_, id) = session_of_ada(&*store).await;
    let child = rotated(&*store, rotation(id, 0, at(5000))).await;
    let after = |now, from, to| {
        let stall = Some(Stall { from: at(from), to: at(to) });
        store.rotate_session(RotationRequest { stall, ..rotation(id, 0, at(now)) })
    };
    for (now, from, to) in [
        (600_000, 5000, 600_000),
        (600_000, 1000, 600_000),
        (610_000, 1000, 600_000),
        // It ended before, or began after the swap: the swap's own grace holds.
        (15_000, 0, 4999),
        (15_000, 5001, 6000),
    ] {
        let answer = after(now, from, to).await.unwrap();
        assert_eq!(answer, Rotation::Repeated(child.clone()), "{now} {from} {to}");
    }
    let late = after(610_001, 1000, 600_000).await.unwrap();
    assert!(matches!(late, Rotation::ReuseDetected(_)), "{late:?}");
}

/// Only what was swapped while the store was away, and only while its child is unused.
pub async fn a_store_that_was_away_hides_no_theft(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (account, _) = session_of_ada(&*store).await;
    for (swapped_at, is_child_used) in [(999, false), (60_001, false), (5000, true)] {
        let id = log_in(&*store, account, at(0)).await;
        rotated(&*store, rotation(id, 0, at(swapped_at))).await;
        if is_child_used {
            rotated(&*store, rotation(id, 1, at(swapped_at + 1))).await;
        }
        let stall = Some(Stall { from: at(1000), to: at(60_000) });
        let request = RotationRequest { stall, ..rotation(id, 0, at(70_002)) };
        let request = if is_child_used { RotationRequest { now: at(60_000), ..request } } else { request };
        let answer = store.rotate_session(request).await.unwrap();
        assert!(matches!(answer, Rotation::ReuseDetected(_)), "{swapped_at}: {answer:?}");
    }
}

/// A used token after its grace ends the session, and that is on disk before anybody hears of it.
pub async fn reuse_after_the_grace_revokes(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (account_id, id) = session_of_ada(&*store).await;
    rotated(&*store, rotation(id, 0, at(0))).await;
    let access_until = at(0).plus(ACCESS_TTL).plus(GRACE);
    let reuse = store.rotate_session(rotation(id, 0, at(60_000))).await.unwrap();
    assert_eq!(reuse, Rotation::ReuseDetected(RevokedSession { id, account_id, access_until }));
    let other = fixture.open().await;
    assert!(is_revoked(&*other, id).await);
    // The thief's child is dead with it.
    for generation in [0, 1, 2] {
        let answer = other.rotate_session(rotation(id, generation, at(60_001))).await.unwrap();
        assert_eq!(answer, Rotation::Refused);
    }
}

/// Once the child was used its parent is theft, a moment later too.
pub async fn reuse_outranks_the_grace_once_the_child_is_used(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (_, id) = session_of_ada(&*store).await;
    rotated(&*store, rotation(id, 0, at(0))).await;
    rotated(&*store, rotation(id, 1, at(1))).await;
    let reuse = store.rotate_session(rotation(id, 0, at(2))).await.unwrap();
    assert!(matches!(reuse, Rotation::ReuseDetected(_)), "{reuse:?}");
    assert!(is_revoked(&*store, id).await);
}

/// Of many reuses one revokes; the others find a dead session.
pub async fn parallel_reuse_is_detected_once(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (_, id) = session_of_ada(&*store).await;
    rotated(&*store, rotation(id, 0, at(0))).await;
    let answers = at_once(16, |_| {
        let store = store.clone();
        async move { store.rotate_session(rotation(id, 0, at(60_000))).await.unwrap() }
    })
    .await;
    let detected = answers.iter().filter(|answer| matches!(answer, Rotation::ReuseDetected(_))).count();
    let refused = answers.iter().filter(|&answer| *answer == Rotation::Refused).count();
    assert_eq!((detected, refused), (1, 15));
}

/// Order is by generation, never by time.
pub async fn a_clock_that_ran_backwards_counts_as_no_time(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (_, id) = session_of_ada(&*store).await;
    rotated(&*store, rotation(id, 0, at(3_600_000))).await;
    let answer = store.rotate_session(rotation(id, 0, at(1000))).await.unwrap();
    assert!(matches!(answer, Rotation::Repeated(_)), "{answer:?}");
    assert_eq!(rotated(&*store, rotation(id, 1, at(1000))).await.generation, 2);
}

/// After a restore the stored generation lags behind what we issued: the newer token goes on.
pub async fn a_restored_backup_takes_the_newer_generation(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (_, id) = session_of_ada(&*store).await;
    for generation in 0..2 {
        rotated(&*store, rotation(id, generation, at(0))).await;
    }
    // The three refreshes in between are what the backup does not have.
    assert_eq!(rotated(&*store, rotation(id, 5, at(1))).await.generation, 6);
    let older = store.rotate_session(rotation(id, 4, at(2))).await.unwrap();
    assert!(matches!(older, Rotation::ReuseDetected(_)), "{older:?}");
}

/// Unknown, expired, disabled, deleted: refused, even where the token was used before, and nothing is written.
pub async fn dead_sessions_are_refused_without_a_trace(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (account, id) = session_of_ada(&*store).await;
    let refused = async |id, generation, now| {
        assert_eq!(store.rotate_session(rotation(id, generation, now)).await.unwrap(), Rotation::Refused);
    };
    refused(SessionId::new(at(0)), 0, at(1)).await;

    // T15: at the very moment of its end, whether or not anything has removed it.
    let short = NewSession { expires_at: at(1000), ..new_session(account, at(0)) };
    let short_id = short.id;
    opened(&*store, opening(short)).await;
    refused(short_id, 0, at(1000)).await;
    assert!(!is_revoked(&*store, short_id).await);

    rotated(&*store, rotation(id, 0, at(1))).await;
    rotated(&*store, rotation(id, 1, at(2))).await;
    let activity = async |activity, now| {
        let change = AccountChange { active: Some(activity), ..AccountChange::of(account, now) };
        store.change_account(change).await.unwrap();
    };
    activity(Activity::Disabled, at(3)).await;
    let told = all_revoked(&*store, at(4)).await;
    for generation in [0, 1, 2] {
        refused(id, generation, at(4)).await;
    }
    activity(Activity::Enabled, at(5)).await;
    refused(id, 0, at(6)).await;
    assert_eq!(all_revoked(&*store, at(4)).await, told);

    let last = log_in(&*store, account, at(7)).await;
    rotated(&*store, rotation(last, 0, at(8))).await;
    store.delete_account(deletion(account, at(9))).await.unwrap();
    refused(last, 0, at(10)).await;
    refused(last, 1, at(10)).await;
}

/// Beyond what a column holds there is no generation of ours.
pub async fn impossible_generations_are_refused(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (_, id) = session_of_ada(&*store).await;
    for generation in [u64::MAX, u64::MAX / 2, u64::MAX / 2 + 1] {
        let answer = store.rotate_session(rotation(id, generation, at(1))).await.unwrap();
        assert_eq!(answer, Rotation::Refused);
    }
    assert_eq!(rotated(&*store, rotation(id, 0, at(2))).await.generation, 1);
}
