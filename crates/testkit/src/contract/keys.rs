//! Signing keys: one signs, the others verify for a while.

use vestibule_core::ports::{
    clock::Timestamp,
    store::{Store, StoredSigningKey},
};

use super::{
    StoreFixture, at_once,
    samples::{at, signing_key},
};

async fn ends(store: &dyn Store) -> Vec<(String, Option<Timestamp>)> {
    let keys = store.list_signing_keys().await.unwrap();
    keys.into_iter().map(|key| (key.kid, key.verifies_until)).collect()
}

/// However many processes start at once, one key is the first, for all of them.
pub async fn one_of_many_first_keys_is_kept(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    assert_eq!(store.list_signing_keys().await.unwrap(), []);
    let answers = at_once(16, |number| {
        let store = store.clone();
        async move { store.insert_first_signing_key(signing_key(&format!("k{number}"), at(0))).await.unwrap() }
    })
    .await;
    let winner = answers.iter().position(|&is_kept| is_kept).unwrap();
    assert_eq!(answers.iter().filter(|&&is_kept| is_kept).count(), 1);
    let expected = signing_key(&format!("k{winner}"), at(0));
    assert_eq!(store.list_signing_keys().await.unwrap(), [expected]);
}

/// The old key verifies what it signed; keys that were retired earlier keep their own end.
pub async fn a_new_key_signs_and_the_old_one_verifies_for_a_while(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    assert!(store.insert_first_signing_key(signing_key("a", at(0))).await.unwrap());
    store.rotate_signing_key(signing_key("b", at(10)), at(100)).await.unwrap();
    assert_eq!(ends(&*store).await, [("b".to_owned(), None), ("a".to_owned(), Some(at(100)))]);
    // A lifetime that has been shortened since does not cut off what "a" signed.
    store.rotate_signing_key(signing_key("c", at(20)), at(50)).await.unwrap();
    let expected = [("c".to_owned(), None), ("b".to_owned(), Some(at(50))), ("a".to_owned(), Some(at(100)))];
    assert_eq!(ends(&*store).await, expected);
    assert!(!store.insert_first_signing_key(signing_key("d", at(30))).await.unwrap());
    store.delete_expired(at(60), at(0), 10).await.unwrap();
    assert_eq!(ends(&*store).await, [("c".to_owned(), None), ("a".to_owned(), Some(at(100)))]);
}

/// An end in the past ends every other key, the retired ones too.
pub async fn compromised_keys_end_at_once(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    assert!(store.insert_first_signing_key(signing_key("a", at(0))).await.unwrap());
    store.rotate_signing_key(signing_key("b", at(10)), at(100)).await.unwrap();
    store.rotate_signing_key(signing_key("c", at(20)), at(0)).await.unwrap();
    let expected = [("c".to_owned(), None), ("b".to_owned(), Some(at(0))), ("a".to_owned(), Some(at(0)))];
    assert_eq!(ends(&*store).await, expected);
}

/// Each of them succeeds, one after the other, and the last one's key signs.
pub async fn rotations_at_once_leave_one_key_that_signs(fixture: &impl StoreFixture) {
    let handles = [fixture.open().await, fixture.open().await];
    assert!(handles[0].insert_first_signing_key(signing_key("a", at(0))).await.unwrap());
    at_once(6, |number| {
        let store = handles[number % 2].clone();
        let key = signing_key(&format!("k{number}"), at(1));
        async move { store.rotate_signing_key(key, at(100)).await.unwrap() }
    })
    .await;
    let ends = ends(&*handles[0]).await;
    assert_eq!(ends.len(), 7);
    assert_eq!(ends.iter().filter(|(_, end)| end.is_none()).count(), 1, "{ends:?}");
}

/// Only from what it was read as.
pub async fn a_key_is_rewrapped_once(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    assert!(store.insert_first_signing_key(signing_key("a", at(0))).await.unwrap());
    store.update_wrapped_key("a", b"a".to_vec(), vec![0, 255, 1]).await.unwrap();
    store.update_wrapped_key("a", b"a".to_vec(), b"late".to_vec()).await.unwrap();
    store.update_wrapped_key("b", b"b".to_vec(), b"nobody".to_vec()).await.unwrap();
    let expected = StoredSigningKey { wrapped: vec![0, 255, 1], ..signing_key("a", at(0)) };
    assert_eq!(store.list_signing_keys().await.unwrap(), [expected]);
}
