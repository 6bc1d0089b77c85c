//! Cut-offs, and what the nodes remember.

use std::time::Duration;

use vestibule_core::{
    ports::store::{AccountCutoff, Opening, Rotation},
    values::{account::AccountId, session::RevokedSession},
};

use super::{
    StoreFixture,
    administration::deletion,
    at_once,
    samples::{
        ACCESS_TTL, GRACE, all_revoked, at, log_in, new_session, opening, register, rotated, rotation,
    },
};

/// Sessions are compared by their birth, to the millisecond; a login right after the cut-off works.
pub async fn a_cut_off_ends_what_began_before_it(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, bob) = (register(&*store, "ada").await.id, register(&*store, "bob").await.id);
    let before = log_in(&*store, ada, at(10)).await;
    let bobs = log_in(&*store, bob, at(10)).await;
    let cutoff = store.cut_off_account(ada, at(10)).await.unwrap().unwrap();
    assert_eq!((cutoff.account_id, cutoff.at), (ada, at(10)));
    let after = log_in(&*store, ada, at(11)).await;

    assert_eq!(store.rotate_session(rotation(before, 0, at(12))).await.unwrap(), Rotation::Refused);
    assert_eq!(store.find_session_owner(before, at(12)).await.unwrap(), None);
    assert_eq!(store.revoke_session(before, Some(ada), at(12)).await.unwrap(), None);
    let sessions = store.list_sessions(ada, at(12)).await.unwrap();
    assert_eq!(sessions.iter().map(|session| session.id).collect::<Vec<_>>(), [after]);
    for alive in [after, bobs] {
        assert_eq!(rotated(&*store, rotation(alive, 0, at(12))).await.generation, 1);
    }
    assert_eq!(store.cut_off_account(AccountId::new(at(0)), at(10)).await.unwrap(), None);
}

/// An earlier moment, from a clock that ran backwards, brings nothing back to life.
pub async fn a_cut_off_never_moves_back(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    let id = log_in(&*store, ada, at(15)).await;
    let first = store.cut_off_account(ada, at(20)).await.unwrap().unwrap();
    assert_eq!(store.cut_off_account(ada, at(10)).await.unwrap(), Some(first));
    assert_eq!(store.cut_off_everyone(at(20)).await.unwrap(), at(20));
    assert_eq!(store.cut_off_everyone(at(10)).await.unwrap(), at(20));
    assert_eq!(store.rotate_session(rotation(id, 0, at(30))).await.unwrap(), Rotation::Refused);
}

/// Its session would be dead from its birth, and nobody might remember that it is.
pub async fn a_login_that_was_verified_before_a_cut_off_is_refused(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    store.cut_off_account(ada, at(10)).await.unwrap().unwrap();
    let late = store.open_session(opening(new_session(ada, at(10)))).await.unwrap();
    assert_eq!(late, Opening::Refused);
    log_in(&*store, ada, at(11)).await;
}

/// Refreshes and a cut-off at the same time: whatever was issued is covered by what nodes are told, to its last moment.
pub async fn what_a_rotation_issues_beside_a_cut_off_is_remembered(fixture: &impl StoreFixture) {
    let handles = [fixture.open().await, fixture.open().await];
    let ada = register(&*handles[0], "ada").await.id;
    for round in 0..8 {
        let begin = round * 1_000_000;
        let id = log_in(&*handles[0], ada, at(begin + 1)).await;
        let issued = at_once(8, |number| {
            let store = handles[number % 2].clone();
            async move {
                if number == 3 {
                    store.cut_off_account(ada, at(begin + 2)).await.unwrap().unwrap();
                    return None;
                }
                let request = rotation(id, 0, at(begin + 3));
                let swapped = store.rotate_session(request).await.unwrap();
                matches!(swapped, Rotation::Rotated(_)).then_some(request.access_until)
            }
        })
        .await;
        for until in issued.into_iter().flatten() {
            let told = all_revoked(&*handles[0], until.minus(Duration::from_millis(1))).await;
            let by_itself = told.sessions.iter().any(|session| session.id == id);
            let by_cutoff = told.accounts.iter().any(|cutoff| cutoff.account_id == ada);
            assert!(by_itself || by_cutoff, "{told:?}");
        }
    }
}

/// Nodes hear of a cut-off as long as an access token may fall under it.
pub async fn a_cut_off_is_remembered_until_the_last_access(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, bob) = (register(&*store, "ada").await.id, register(&*store, "bob").await.id);
    let id = log_in(&*store, ada, at(1)).await;
    rotated(&*store, rotation(id, 0, at(60_000))).await;
    let until = at(60_000).plus(ACCESS_TTL).plus(GRACE);
    let cutoff = store.cut_off_account(ada, at(70_000)).await.unwrap().unwrap();
    assert_eq!(cutoff, AccountCutoff { account_id: ada, at: at(70_000), until });
    // Without a session there is nothing to remember.
    store.cut_off_account(bob, at(70_000)).await.unwrap();

    let just_before = until.minus(Duration::from_millis(1));
    assert_eq!(all_revoked(&*store, just_before).await.accounts, [cutoff]);
    assert_eq!(all_revoked(&*store, until).await.accounts, []);
}

/// Everybody's sessions end; logins after it work at once.
pub async fn everyone_is_cut_off_at_once(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, bob) = (register(&*store, "ada").await.id, register(&*store, "bob").await.id);
    let before = [log_in(&*store, ada, at(1)).await, log_in(&*store, bob, at(5)).await];
    assert!(all_revoked(&*store, at(6)).await.everyone < at(0));
    assert_eq!(store.cut_off_everyone(at(5)).await.unwrap(), at(5));
    assert_eq!(all_revoked(&*store, at(6)).await.everyone, at(5));
    for id in before {
        assert_eq!(store.rotate_session(rotation(id, 0, at(6))).await.unwrap(), Rotation::Refused);
        assert_eq!(store.find_session_owner(id, at(6)).await.unwrap(), None);
    }
    assert_eq!(store.list_sessions(ada, at(6)).await.unwrap(), []);
    let after = log_in(&*store, ada, at(6)).await;
    assert_eq!(rotated(&*store, rotation(after, 0, at(7))).await.generation, 1);
}

/// Refreshes and a cut-off at the same time: none succeeds after the cut-off was answered.
pub async fn no_rotation_outlives_a_cut_off(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    let id = log_in(&*store, ada, at(1)).await;
    let ends = at_once(16, |number| {
        let store = store.clone();
        async move {
            if number == 8 {
                store.cut_off_account(ada, at(2)).await.unwrap().unwrap();
                let late = store.rotate_session(rotation(id, 0, at(3))).await.unwrap();
                assert_eq!(late, Rotation::Refused);
            }
            store.rotate_session(rotation(id, 0, at(3))).await.unwrap()
        }
    })
    .await;
    assert!(ends.iter().all(|end| !matches!(end, Rotation::ReuseDetected(_))), "{ends:?}");
    assert_eq!(store.rotate_session(rotation(id, 1, at(4))).await.unwrap(), Rotation::Refused);
}

/// A revoked session is listed until its last access token has expired, and so is a deleted account's.
pub async fn revoked_sessions_are_remembered_until_their_last_access(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    let id = log_in(&*store, ada, at(1)).await;
    let other = log_in(&*store, ada, at(2)).await;
    let revoked = |id, born| RevokedSession { id, account_id: ada, access_until: at(born).plus(ACCESS_TTL) };
    store.revoke_session(id, None, at(3)).await.unwrap().unwrap();
    assert_eq!(all_revoked(&*store, at(4)).await.sessions, [revoked(id, 1)]);
    store.delete_account(deletion(ada, at(4))).await.unwrap();
    let listed = all_revoked(&*store, at(5)).await;
    assert_eq!(listed.sessions.len(), 2, "{listed:?}");
    assert_eq!(listed.accounts, []);
    let last_access = at(1).plus(ACCESS_TTL);
    assert_eq!(all_revoked(&*store, last_access).await.sessions, [revoked(other, 2)]);
    assert_eq!(all_revoked(&*store, at(2).plus(ACCESS_TTL)).await.sessions, []);
}
