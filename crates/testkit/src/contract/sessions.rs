//! Sessions: opened, listed, revoked.

use vestibule_core::{
    ports::{
        clock::Timestamp,
        store::{AccountChange, Activity, Opening, SessionOpening, Store},
    },
    values::{
        account::AccountId,
        session::{NewSession, RevokedSession, Session, SessionId},
    },
};

use super::{
    StoreFixture, at_once,
    samples::{
        ACCESS_TTL, REFRESH_TTL, at, hash, log_in, new_session, opened, opening, register, rotated, rotation,
    },
};

async fn live(store: &dyn Store, account: AccountId, now: i64) -> Vec<SessionId> {
    let sessions = store.list_sessions(account, at(now)).await.unwrap();
    sessions.into_iter().map(|session| session.id).collect()
}

/// A login's session is there and the account remembers the moment.
pub async fn a_login_opens_a_session_and_is_remembered(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let mut account = register(&*store, "ada").await;
    let session = new_session(account.id, at(9));
    let opened = store.open_session(opening(session.clone())).await.unwrap();
    account.last_login_at = Some(at(9));
    assert_eq!(opened, Opening::Opened { account: account.clone(), ended: Vec::new(), is_told: false });
    assert_eq!(store.find_account(account.id).await.unwrap(), Some(account.clone()));
    let expected = Session {
        id: session.id,
        created_at: at(9),
        last_seen_at: at(9),
        address: "192.0.2.7".to_owned(),
        user_agent: "a browser".to_owned(),
    };
    assert_eq!(store.list_sessions(account.id, at(10)).await.unwrap(), [expected]);
}

/// Who was verified against a hash that has been changed since does not get in, and nothing is written.
pub async fn a_login_needs_the_hash_it_was_verified_against(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let account = register(&*store, "ada").await;
    let other = log_in(&*store, account.id, at(1)).await;
    let session = NewSession { replaces: Some(other), ..new_session(account.id, at(2)) };
    let refused = SessionOpening { verified: hash(1), ..opening(session) };
    assert_eq!(store.open_session(refused).await.unwrap(), Opening::Refused);
    assert_eq!(live(&*store, account.id, 3).await, [other]);
    assert_eq!(store.find_account(account.id).await.unwrap().unwrap().last_login_at, Some(at(1)));
    let nobody = opening(new_session(AccountId::new(at(0)), at(2)));
    assert_eq!(store.open_session(nobody).await.unwrap(), Opening::Refused);
}

/// A ban that comes while the password is verified still counts.
pub async fn a_disabled_account_opens_no_session(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let account = register(&*store, "ada").await;
    let ban = AccountChange { active: Some(Activity::Disabled), ..AccountChange::of(account.id, at(1)) };
    store.change_account(ban).await.unwrap();
    let refused = store.open_session(opening(new_session(account.id, at(2)))).await.unwrap();
    assert_eq!(refused, Opening::Refused);
    assert_eq!(live(&*store, account.id, 3).await, []);
}

/// T03: the session whose cookie came with the login ends, whoever's it was; one that is dead already does not count.
pub async fn a_login_ends_the_session_it_replaces(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, bob) = (register(&*store, "ada").await, register(&*store, "bob").await);
    let replaced = log_in(&*store, bob.id, at(1)).await;
    let replacing = |born| opening(NewSession { replaces: Some(replaced), ..new_session(ada.id, at(born)) });
    let expected = RevokedSession { id: replaced, account_id: bob.id, access_until: at(1).plus(ACCESS_TTL) };
    assert_eq!(opened(&*store, replacing(2)).await, [expected]);
    assert_eq!(opened(&*store, replacing(3)).await, []);
    assert_eq!(live(&*store, bob.id, 4).await, []);
    assert_eq!(live(&*store, ada.id, 4).await.len(), 2);
}

/// At most a hundred live sessions: the oldest make room, the newest never.
pub async fn the_oldest_session_makes_room(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let account = register(&*store, "ada").await.id;
    let mut ids = Vec::new();
    for born in 0..100 {
        ids.push(log_in(&*store, account, at(born)).await);
    }
    let ended = opened(&*store, opening(new_session(account, at(100)))).await;
    assert_eq!(ended.iter().map(|session| session.id).collect::<Vec<_>>(), [ids[0]]);
    let few = SessionOpening { limit: 3, ..opening(new_session(account, at(101))) };
    assert_eq!(opened(&*store, few).await.len(), 98);
    assert_eq!(live(&*store, account, 102).await.len(), 3);

    // A clock that ran backwards makes the newest session the oldest one.
    let session = new_session(account, at(50));
    let id = session.id;
    let ended = opened(&*store, SessionOpening { limit: 1, ..opening(session) }).await;
    assert_eq!(ended.len(), 3);
    assert_eq!(live(&*store, account, 102).await, [id]);
}

/// Logins and a change of the password at the same time: who got in got in before the change.
pub async fn a_changed_password_ends_logins_under_way(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let account = register(&*store, "ada").await.id;
    let answers = at_once(32, |number| {
        let store = store.clone();
        async move {
            if number == 16 {
                assert!(store.update_password_hash(account, hash(0), hash(1)).await.unwrap());
                // From here on nobody gets in with the old one.
                let late = store.open_session(opening(new_session(account, at(99)))).await.unwrap();
                assert_eq!(late, Opening::Refused);
                return false;
            }
            let born = at(i64::try_from(number).unwrap());
            let answer = store.open_session(opening(new_session(account, born))).await.unwrap();
            matches!(answer, Opening::Opened { .. })
        }
    })
    .await;
    let got_in = answers.iter().filter(|&&got_in| got_in).count();
    assert_eq!(live(&*store, account, 100).await.len(), got_in);
}

/// Neither revoked ones, nor expired ones, nor somebody else's.
pub async fn live_sessions_are_listed_the_newest_first(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, bob) = (register(&*store, "ada").await.id, register(&*store, "bob").await.id);
    let first = log_in(&*store, ada, at(1)).await;
    let third = log_in(&*store, ada, at(3)).await;
    let second = log_in(&*store, ada, at(2)).await;
    let revoked = log_in(&*store, ada, at(4)).await;
    log_in(&*store, bob, at(5)).await;
    store.revoke_session(revoked, None, at(6)).await.unwrap().unwrap();
    assert_eq!(live(&*store, ada, 6).await, [third, second, first]);

    let end_of_first = at(1).plus(REFRESH_TTL);
    let just_before = store.list_sessions(ada, Timestamp::from_millis(end_of_first.as_millis() - 1)).await;
    assert_eq!(just_before.unwrap().len(), 3);
    assert_eq!(store.list_sessions(ada, end_of_first).await.unwrap().len(), 2);
    // Refreshed: seen then, and still in its place.
    rotated(&*store, rotation(first, 0, at(7))).await;
    let sessions = store.list_sessions(ada, at(8)).await.unwrap();
    assert_eq!((sessions[2].id, sessions[2].last_seen_at), (first, at(7)));
}

/// Not by somebody else, not twice, and by one of many.
pub async fn a_session_is_revoked_once_and_by_its_owner(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, bob) = (register(&*store, "ada").await.id, register(&*store, "bob").await.id);
    let id = log_in(&*store, ada, at(1)).await;
    assert_eq!(store.revoke_session(id, Some(bob), at(2)).await.unwrap(), None);
    assert_eq!(live(&*store, ada, 2).await, [id]);
    let answers = at_once(16, |_| {
        let store = store.clone();
        async move { store.revoke_session(id, Some(ada), at(3)).await.unwrap() }
    })
    .await;
    let expected = RevokedSession { id, account_id: ada, access_until: at(1).plus(ACCESS_TTL) };
    assert_eq!(answers.into_iter().flatten().collect::<Vec<_>>(), [expected]);
    assert_eq!(live(&*store, ada, 4).await, []);
    assert_eq!(store.revoke_session(SessionId::new(at(1)), None, at(4)).await.unwrap(), None);
}

/// Expired, but an access token of it lives: worth revoking; without one it is not.
pub async fn a_session_with_a_live_access_token_can_be_revoked(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    let short = |born: i64| NewSession { expires_at: at(born + 10), ..new_session(ada, at(born)) };
    let (first, second) = (short(0), short(1));
    for session in [&first, &second] {
        opened(&*store, opening(session.clone())).await;
    }
    assert!(store.revoke_session(first.id, Some(ada), at(20)).await.unwrap().is_some());
    let late = second.access_until;
    assert_eq!(store.revoke_session(second.id, Some(ada), late).await.unwrap(), None);
}

/// One stays: the caller's own.
pub async fn all_sessions_but_one_are_revoked(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, bob) = (register(&*store, "ada").await.id, register(&*store, "bob").await.id);
    let keep = log_in(&*store, ada, at(1)).await;
    let mut others = vec![log_in(&*store, ada, at(2)).await, log_in(&*store, ada, at(3)).await];
    let bobs = log_in(&*store, bob, at(4)).await;
    let revoked = store.revoke_other_sessions(ada, keep, at(5)).await.unwrap();
    let mut revoked: Vec<_> = revoked.into_iter().map(|session| session.id).collect();
    revoked.sort();
    others.sort();
    assert_eq!(revoked, others);
    assert_eq!((live(&*store, ada, 6).await, live(&*store, bob, 6).await), (vec![keep], vec![bobs]));
    assert_eq!(store.revoke_other_sessions(ada, keep, at(7)).await.unwrap(), []);
}

/// Only a live one has.
pub async fn a_live_session_has_an_owner(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    let id = log_in(&*store, ada, at(1)).await;
    assert_eq!(store.find_session_owner(id, at(2)).await.unwrap(), Some(ada));
    assert_eq!(store.find_session_owner(id, at(1).plus(REFRESH_TTL)).await.unwrap(), None);
    assert_eq!(store.find_session_owner(SessionId::new(at(1)), at(2)).await.unwrap(), None);
    store.revoke_session(id, None, at(3)).await.unwrap().unwrap();
    assert_eq!(store.find_session_owner(id, at(4)).await.unwrap(), None);
}
