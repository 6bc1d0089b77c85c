//! Reading on where the last look ended: nothing is missed, and nothing is read twice without need.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use vestibule_core::{
    ports::store::{AccountCutoff, Progress, Revoked, Store},
    values::session::SessionId,
};

use super::{
    StoreFixture, at_once,
    samples::{all_revoked, at, log_in, new_session, opened, opening, register, revoked_since},
};

fn ids(revoked: &Revoked) -> Vec<SessionId> {
    revoked.sessions.iter().map(|session| session.id).collect()
}

/// Only what came after the last look.
pub async fn a_look_reads_what_came_after_the_last_one(fixture: &impl StoreFixture) {
    let (store, other) = (fixture.open().await, fixture.open().await);
    let ada = register(&*store, "ada").await.id;
    let mut sessions = Vec::new();
    for born in 0..40 {
        sessions.push(log_in(&*store, ada, at(born)).await);
    }
    let mut progress = all_revoked(&*store, at(50)).await.progress;
    for id in &sessions[..30] {
        other.revoke_session(*id, None, at(50)).await.unwrap().unwrap();
        let looked = store.list_revocations(&progress, at(50)).await.unwrap();
        assert_eq!((ids(&looked), looked.accounts.len(), looked.is_all), (vec![*id], 0, true));
        progress = looked.progress;
        let again = store.list_revocations(&progress, at(50)).await.unwrap();
        assert_eq!((ids(&again), &again.progress), (Vec::new(), &progress));
    }
    let cutoff: AccountCutoff = other.cut_off_account(ada, at(50)).await.unwrap().unwrap();
    let looked = revoked_since(&*store, &progress, at(50)).await;
    assert_eq!((looked.sessions.len(), looked.accounts), (10, vec![cutoff]));
    assert_eq!(all_revoked(&*store, at(50)).await.sessions.len(), 40);
}

/// Page by page, and each revocation on one of them.
pub async fn many_revocations_come_in_pages(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    let keep = log_in(&*store, ada, at(0)).await;
    let mut expected = HashSet::new();
    for round in 0..2 {
        for born in 0..600 {
            let session = new_session(ada, at(round * 1000 + born));
            expected.insert(session.id);
            let roomy = vestibule_core::ports::store::SessionOpening { limit: 5000, ..opening(session) };
            opened(&*store, roomy).await;
        }
        store.revoke_other_sessions(ada, keep, at(5000)).await.unwrap();
    }
    let first = store.list_revocations(&Progress::default(), at(5000)).await.unwrap();
    assert!(!first.is_all && first.sessions.len() < expected.len());
    let all = ids(&all_revoked(&*store, at(5000)).await);
    assert_eq!(all.len(), expected.len());
    assert_eq!(all.into_iter().collect::<HashSet<_>>(), expected);
}

/// Many transactions at once, on two handles, and a look after the other meanwhile: whatever is committed late, under
/// whichever number, some look finds it.
pub async fn no_look_misses_what_is_committed_late(fixture: &impl StoreFixture) {
    const ACCOUNTS: usize = 16;
    const SESSIONS: i64 = 12;
    let handles = [fixture.open().await, fixture.open().await];
    let mut owners = Vec::new();
    for number in 0..ACCOUNTS {
        let account = register(&*handles[0], &format!("ada{number}")).await.id;
        let mut sessions = Vec::new();
        for born in 0..SESSIONS {
            sessions.push(log_in(&*handles[0], account, at(born)).await);
        }
        owners.push((account, sessions));
    }
    let (owners, is_over) = (Arc::new(owners), Arc::new(AtomicBool::new(false)));
    let looking = tokio::spawn(look_until_over(fixture.open().await, Arc::clone(&is_over)));
    at_once(ACCOUNTS, |number| {
        let (store, owners) = (handles[number % 2].clone(), Arc::clone(&owners));
        async move {
            let (account, sessions) = &owners[number];
            for id in &sessions[1..6] {
                store.revoke_session(*id, Some(*account), at(100)).await.unwrap().unwrap();
            }
            store.revoke_other_sessions(*account, sessions[0], at(100)).await.unwrap();
            store.cut_off_account(*account, at(100)).await.unwrap().unwrap();
        }
    })
    .await;
    is_over.store(true, Ordering::SeqCst);
    let found = looking.await.unwrap();
    let expected: HashSet<_> = owners.iter().flat_map(|(_, sessions)| sessions.iter().copied()).collect();
    assert_eq!(found.difference(&expected).count(), 0);
    assert_eq!(expected.difference(&found).count(), 0, "missed");
}

/// Looks again and again, and once more when it is over.
async fn look_until_over(store: Arc<dyn Store>, is_over: Arc<AtomicBool>) -> HashSet<SessionId> {
    let (mut progress, mut found) = (Progress::default(), HashSet::new());
    loop {
        let is_last = is_over.load(Ordering::SeqCst);
        let looked = revoked_since(&*store, &progress, at(100)).await;
        found.extend(ids(&looked));
        progress = looked.progress;
        if is_last {
            return found;
        }
    }
}

/// A restored backup, or a standby that had not heard of everything: whoever was further than it is reads all of it.
pub async fn a_history_that_went_back_is_read_from_its_beginning<F: StoreFixture>(fixture: &F) {
    let farther = F::fresh().await;
    let mut places = Vec::new();
    for (fixture, count) in [(&farther, 40), (fixture, 2)] {
        let store = fixture.open().await;
        let ada = register(&*store, "ada").await.id;
        for born in 0..count {
            let id = log_in(&*store, ada, at(born)).await;
            store.revoke_session(id, None, at(50)).await.unwrap().unwrap();
        }
        places.push(all_revoked(&*store, at(50)).await.progress);
    }
    let store = fixture.open().await;
    let read = revoked_since(&*store, &places[0], at(50)).await;
    assert_eq!((read.sessions.len(), &read.progress), (2, &places[1]));
    assert_eq!(ids(&revoked_since(&*store, &read.progress, at(50)).await), []);
}
