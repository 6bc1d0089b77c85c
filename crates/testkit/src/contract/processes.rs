//! Several handles on one database, as several processes have them.

use std::{mem, sync::Arc};

use vestibule_core::{
    ports::store::{Insertion, Rotation, SessionOpening, Store},
    values::{session::NewSession, username::LoginName},
};

use super::{
    StoreFixture, at_once,
    samples::{
        at, log_in, new_account, new_session, opened, opening, register, rotated, rotation, signing_key,
    },
};

/// Eight that start at once on nothing: each works, and the database was made once.
pub async fn handles_that_open_at_once_migrate_once(fixture: &impl StoreFixture) {
    let opening = (0..8).map(|_| fixture.open());
    let handles: Vec<Arc<dyn Store>> = join_all(opening).await;
    for (number, store) in handles.iter().enumerate() {
        register(&**store, &format!("ada{number}")).await;
    }
    for store in &handles {
        store.ping().await.unwrap();
        let last = store.find_credentials(&LoginName::Username("ada7".to_owned())).await.unwrap();
        assert!(last.is_some());
    }
}

/// What is answered is there for everybody.
pub async fn a_second_handle_sees_what_the_first_wrote(fixture: &impl StoreFixture) {
    let (first, second) = (fixture.open().await, fixture.open().await);
    for number in 0..20 {
        let account = register(&*first, &format!("ada{number}")).await;
        assert_eq!(second.find_account(account.id).await.unwrap(), Some(account.clone()));
        let id = log_in(&*second, account.id, at(1)).await;
        assert_eq!(rotated(&*first, rotation(id, 0, at(2))).await.generation, 1);
    }
}

/// What the poll for changes of other processes rests on: everything that nodes keep in memory is noticed once, however
/// it came about.
pub async fn what_others_revoke_is_noticed(fixture: &impl StoreFixture) {
    let (first, second) = (fixture.open().await, fixture.open().await);
    let ada = register(&*second, "ada").await.id;
    let sessions = [log_in(&*second, ada, at(1)).await, log_in(&*second, ada, at(2)).await];
    let (replacing, crowding) = (new_session(ada, at(3)), new_session(ada, at(4)));
    let reused = replacing.id;
    // Whatever opening the second one changed.
    first.is_changed_elsewhere().await.unwrap();
    assert!(!first.is_changed_elsewhere().await.unwrap());

    let noticed = async |what: &str| {
        assert!(first.is_changed_elsewhere().await.unwrap(), "{what}");
        assert!(!first.is_changed_elsewhere().await.unwrap(), "{what} is noticed once");
    };
    let key = signing_key("first", at(1));
    assert!(second.insert_first_signing_key(key).await.unwrap());
    noticed("a first key").await;
    second.rotate_signing_key(signing_key("second", at(2)), at(3)).await.unwrap();
    noticed("a rotated key").await;
    second.revoke_session(sessions[0], None, at(2)).await.unwrap().unwrap();
    noticed("a logout").await;
    let replacing = NewSession { replaces: Some(sessions[1]), ..replacing };
    assert_eq!(opened(&*second, opening(replacing)).await.len(), 1);
    noticed("a replaced session").await;
    rotated(&*second, rotation(reused, 0, at(4))).await;
    rotated(&*second, rotation(reused, 1, at(5))).await;
    first.is_changed_elsewhere().await.unwrap();
    let reuse = second.rotate_session(rotation(reused, 0, at(6))).await.unwrap();
    assert!(matches!(reuse, Rotation::ReuseDetected(_)), "{reuse:?}");
    noticed("a stolen token").await;
    log_in(&*second, ada, at(3)).await;
    first.is_changed_elsewhere().await.unwrap();
    let crowding = SessionOpening { limit: 1, ..opening(crowding) };
    assert_eq!(opened(&*second, crowding).await.len(), 1);
    noticed("a session that made room").await;
    let last = log_in(&*second, ada, at(5)).await;
    first.is_changed_elsewhere().await.unwrap();
    assert_eq!(second.revoke_other_sessions(ada, last, at(6)).await.unwrap().len(), 1);
    noticed("the other sessions").await;
    second.cut_off_account(ada, at(6)).await.unwrap().unwrap();
    noticed("a cut-off").await;
    second.cut_off_everyone(at(6)).await.unwrap();
    noticed("everybody's cut-off").await;
}

/// Nothing that was answered waits in a buffer of ours.
pub async fn acknowledged_writes_survive_a_handle_that_never_closed(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let made = at_once(64, |number| {
        let store = store.clone();
        async move { register(&*store, &format!("ada{number}")).await }
    })
    .await;
    mem::forget(store);
    let again = fixture.open().await;
    for account in made {
        assert_eq!(again.find_account(account.id).await.unwrap(), Some(account));
    }
}

/// Two processes that write at once wait for each other.
pub async fn writers_of_two_handles_do_not_lose_each_other(fixture: &impl StoreFixture) {
    let handles = [fixture.open().await, fixture.open().await];
    let answers = at_once(64, |number| {
        let store = handles[number % 2].clone();
        async move { store.insert_account(new_account(&format!("ada{}", number / 2)), None).await.unwrap() }
    })
    .await;
    let made = answers.iter().filter(|answer| matches!(answer, Insertion::Inserted { .. })).count();
    assert_eq!(made, 32);
}

/// Polls all of them, so that they are under way together.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, answer) in &mut waiting {
            if answer.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *answer = Some(ready);
            }
        }
        let is_done = waiting.iter().all(|(_, answer)| answer.is_some());
        if is_done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(|(_, answer)| answer).collect()
}
