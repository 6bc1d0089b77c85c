//! The audit log.

use vestibule_core::{
    ports::{
        audit::{AuditBatch, AuditEvent, AuditKind, AuditOutcome, AuditRecord},
        store::AuditPage,
    },
    values::{account::AccountId, session::SessionId},
};

use super::{
    StoreFixture,
    samples::{at, event, register},
};

/// As they were recorded, and no more than asked for.
pub async fn events_come_back_the_newest_first(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let account = register(&*store, "ada").await.id;
    let (session, admin) = (SessionId::new(at(2)), AccountId::new(at(1)));
    let login = AuditEvent {
        kind: AuditKind::Login,
        outcome: AuditOutcome::Success,
        actor_id: Some(admin),
        session_id: Some(session),
        detail: "",
        ..event(at(2), Some(account))
    };
    store.record_audit(AuditBatch::new(vec![event(at(1), None), login])).await.unwrap();
    store.record_audit(AuditBatch::new(vec![event(at(3), Some(account))])).await.unwrap();
    store.record_audit(AuditBatch::new(Vec::new())).await.unwrap();

    let records = store.list_audit(None, 10).await.unwrap();
    assert_eq!(records.iter().map(|record| record.at).collect::<Vec<_>>(), [at(3), at(2), at(1)]);
    let expected = AuditRecord {
        id: records[1].id,
        at: at(2),
        kind: "login".to_owned(),
        outcome: "success".to_owned(),
        account_id: Some(account),
        actor_id: Some(admin),
        session_id: Some(session),
        address: "192.0.2.7".to_owned(),
        detail: String::new(),
    };
    assert_eq!(records[1], expected);
    assert_eq!((records[2].account_id, records[2].session_id), (None, None));
    assert_eq!(store.list_audit(None, 2).await.unwrap(), records[..2]);
    assert_eq!(store.list_audit(None, 0).await.unwrap(), []);
}

/// And nobody else's.
pub async fn events_of_one_account_are_found(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, bob) = (register(&*store, "ada").await.id, register(&*store, "bob").await.id);
    let owners = [Some(ada), Some(bob), None].into_iter().cycle();
    let events = (0..20).zip(owners).map(|(millis, owner)| event(at(millis), owner));
    store.record_audit(AuditBatch::new(events.collect())).await.unwrap();
    let records = store.list_audit(Some(bob), 5).await.unwrap();
    assert!(records.iter().all(|record| record.account_id == Some(bob)));
    assert_eq!(
        records.iter().map(|record| record.at).collect::<Vec<_>>(),
        [at(19), at(16), at(13), at(10), at(7)]
    );
}

/// However many there are at once, each is written once.
pub async fn a_batch_of_any_size_is_written_whole(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let mut moments = 0..;
    for size in [1, 3, 4, 5, 15, 16, 17, 23, 256] {
        let batch: Vec<_> = moments.by_ref().take(size).map(|millis| event(at(millis), None)).collect();
        let expected: Vec<_> = batch.iter().rev().map(|event| event.at).collect();
        store.record_audit(AuditBatch::new(batch)).await.unwrap();
        let records = store.list_audit(None, u32::try_from(size).unwrap()).await.unwrap();
        assert_eq!(records.iter().map(|record| record.at).collect::<Vec<_>>(), expected, "{size}");
    }
    assert_eq!(store.list_audit(None, 1000).await.unwrap().len(), 340);
}

/// The answer to a COMMIT may get lost: whoever offers the same events again finds each written once.
pub async fn a_batch_that_is_offered_again_is_written_once(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    for size in [1, 4, 16, 23] {
        let before = store.list_audit(None, 1000).await.unwrap().len();
        // The same to the last word, and yet different events.
        let batch = AuditBatch::new(vec![event(at(1), None); size]);
        for _ in 0..3 {
            store.record_audit(batch.clone()).await.unwrap();
        }
        assert_eq!(store.list_audit(None, 1000).await.unwrap().len(), before + size);
    }
}

/// Each once, whether their moments differ or not, and nobody else's; what happens meanwhile moves none of them.
pub async fn the_events_of_an_account_come_page_by_page(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let (ada, bob) = (register(&*store, "ada").await.id, register(&*store, "bob").await.id);
    let events = (0..30).map(|number| event(at(number / 8), Some(if number % 5 == 0 { bob } else { ada })));
    store.record_audit(AuditBatch::new(events.collect())).await.unwrap();
    let all = store.list_audit(Some(ada), 100).await.unwrap();
    assert_eq!(all.len(), 24);
    let (mut read, mut before) = (Vec::new(), None);
    loop {
        let page = store.page_audit(AuditPage { account_id: ada, before, limit: 5 }).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 5);
        before = Some((last.at, last.id));
        read.extend(page);
        store.record_audit(AuditBatch::new(vec![event(at(90), Some(ada))])).await.unwrap();
    }
    assert_eq!(read, all);
}
