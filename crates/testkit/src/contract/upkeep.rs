//! Removing what no longer matters.

use vestibule_core::{
    ports::{audit::AuditBatch, store::Store},
    values::session::NewSession,
};

use super::{
    StoreFixture,
    samples::{
        all_revoked, at, event, log_in, new_session, opened, opening, register, rotated, rotation,
        signing_key,
    },
};

/// Calls until nothing is left, and says what each call removed.
async fn removals(store: &dyn Store, now: i64, audit_before: i64, batch: u32) -> Vec<u64> {
    let mut removals = Vec::new();
    loop {
        let removed = store.delete_expired(at(now), at(audit_before), batch).await.unwrap();
        if removed == 0 {
            return removals;
        }
        removals.push(removed);
    }
}

/// No call holds the writer longer than its batch.
pub async fn what_no_longer_matters_goes_batch_by_batch(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    for born in 0..5 {
        let short = NewSession {
            expires_at: at(born + 10),
            access_until: at(born + 5),
            ..new_session(ada, at(born))
        };
        opened(&*store, opening(short)).await;
    }
    let revoked = NewSession { access_until: at(20), ..new_session(ada, at(6)) };
    let revoked_id = revoked.id;
    opened(&*store, opening(revoked)).await;
    store.revoke_session(revoked_id, None, at(7)).await.unwrap().unwrap();
    assert_eq!(removals(&*store, 100, 0, 2).await, [2, 2, 2]);

    store
        .record_audit(AuditBatch::new((0..7).map(|millis| event(at(millis), None)).collect()))
        .await
        .unwrap();
    assert_eq!(removals(&*store, 100, 5, 2).await, [2, 2, 1]);
    assert_eq!(store.list_audit(None, 10).await.unwrap().len(), 2);
}

/// Live sessions, revoked or expired ones somebody holds an access token of, the key that signs, young events.
pub async fn what_still_matters_stays(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = register(&*store, "ada").await.id;
    let live = log_in(&*store, ada, at(0)).await;
    let revoked = log_in(&*store, ada, at(1)).await;
    store.revoke_session(revoked, None, at(2)).await.unwrap().unwrap();
    let expired = NewSession { expires_at: at(3), ..new_session(ada, at(2)) };
    let expired_id = expired.id;
    opened(&*store, opening(expired)).await;
    assert!(store.insert_first_signing_key(signing_key("a", at(0))).await.unwrap());
    store.record_audit(AuditBatch::new(vec![event(at(5), None)])).await.unwrap();

    assert_eq!(store.delete_expired(at(10), at(5), 100).await.unwrap(), 0);
    assert_eq!(all_revoked(&*store, at(10)).await.sessions.len(), 1);
    assert!(store.revoke_session(expired_id, None, at(11)).await.unwrap().is_some());
    assert_eq!(rotated(&*store, rotation(live, 0, at(12))).await.generation, 1);
    assert_eq!(store.list_signing_keys().await.unwrap().len(), 1);
    assert_eq!(store.list_audit(None, 10).await.unwrap().len(), 1);
}
