//! Several handles on one database, as several processes have them.

use std::{mem, sync::Arc};

use vestibule_core::{
    ports::store::{Insertion, Store},
    values::username::LoginName,
};

use super::{
    StoreFixture, at_once,
    samples::{at, log_in, new_account, register, rotated, rotation},
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

/// What the poll for changes of other processes rests on.
pub async fn changes_of_others_are_noticed_and_own_ones_are_not(fixture: &impl StoreFixture) {
    let (first, second) = (fixture.open().await, fixture.open().await);
    // Whatever opening the second one changed.
    first.is_changed_elsewhere().await.unwrap();
    assert!(!first.is_changed_elsewhere().await.unwrap());
    register(&*first, "ada").await;
    assert!(!first.is_changed_elsewhere().await.unwrap());
    for name in ["bob", "eve"] {
        register(&*second, name).await;
        assert!(first.is_changed_elsewhere().await.unwrap());
        assert!(!first.is_changed_elsewhere().await.unwrap());
    }
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
