//! T58: an outage is never a success and never a "not found", whichever method it meets.

use std::{fmt::Debug, sync::Arc};

use uuid::Uuid;
use vestibule_core::{
    ports::{
        audit::AuditBatch,
        store::{AccountChange, Announcer, AuditPage, AuditSearch, Progress, Store, StoreError, prelude::*},
    },
    values::{account::AccountId, link::LinkPurpose, session::SessionId, username::LoginName},
};

use super::{
    StoreFixture,
    administration::deletion,
    avatars::avatar,
    deletions::deletion_request,
    errands::errand,
    proofs::{confirmation, link, password_change, replacement, reset},
    registrations::registration,
    samples::{at, event, hash, new_account, new_session, opening, register, rotation, signing_key},
    search::search,
};
use crate::faults::{Fault, FaultyStore};

/// The names of the methods that write.
pub const WRITES: &[&str] = &[
    "insert_account",
    "update_password_hash",
    "insert_permission",
    "open_session",
    "rotate_session",
    "revoke_session",
    "revoke_other_sessions",
    "cut_off_account",
    "cut_off_everyone",
    "insert_first_signing_key",
    "rotate_signing_key",
    "update_wrapped_key",
    "record_audit",
    "delete_expired",
    "queue_errand",
    "claim_errand",
    "finish_errand",
    "postpone_errand",
    "issue_link",
    "count_code_attempt",
    "confirm_address",
    "keep_registration",
    "complete_registration",
    "reset_password",
    "replace_password",
    "change_password",
    "change_account",
    "delete_account",
    "put_avatar",
    "delete_avatar",
    "request_deletion",
    "restore_account",
    "delete_due_accounts",
    "black_out",
    "delete_blackout_notice",
    "unlock_account",
    "issue_setup_link",
    "insert_first_admin",
];

/// Calls every method once and says for each how it went: `Ok` or the outage.
pub async fn call_every_method(store: &dyn Store) -> Vec<(&'static str, Result<(), StoreError>)> {
    fn went<R: Debug>(outcome: Result<R, StoreError>) -> Result<(), StoreError> {
        outcome.map(drop)
    }
    let account = AccountId::new(at(0));
    let session = SessionId::new(at(0));
    let new = new_account(&format!("n{:x}", account.as_uuid().as_u128() & 0xffff_ffff));
    let key = signing_key(&account.to_string(), at(0));
    vec![
        ("insert_account", went(store.insert_account(new, None).await)),
        ("find_account", went(store.find_account(account).await)),
        ("find_credentials", went(store.find_credentials(&LoginName::Neither).await)),
        ("update_password_hash", went(store.update_password_hash(account, hash(0), hash(1)).await)),
        ("insert_permission", went(store.insert_permission(account, "admin").await)),
        ("open_session", went(store.open_session(opening(new_session(account, at(0)))).await)),
        ("rotate_session", went(store.rotate_session(rotation(session, 0, at(0))).await)),
        ("list_sessions", went(store.list_sessions(account, at(0)).await)),
        ("find_session_owner", went(store.find_session_owner(session, at(0)).await)),
        ("revoke_session", went(store.revoke_session(session, None, at(0)).await)),
        ("revoke_other_sessions", went(store.revoke_other_sessions(account, session, at(0)).await)),
        ("cut_off_account", went(store.cut_off_account(account, at(0)).await)),
        ("cut_off_everyone", went(store.cut_off_everyone(at(0)).await)),
        ("list_revocations", went(store.list_revocations(&Progress::default(), at(0)).await)),
        ("list_signing_keys", went(store.list_signing_keys().await)),
        ("insert_first_signing_key", went(store.insert_first_signing_key(key.clone()).await)),
        ("rotate_signing_key", went(store.rotate_signing_key(signing_key("new", at(1)), at(2)).await)),
        ("update_wrapped_key", went(store.update_wrapped_key(&key.kid, vec![0], vec![1]).await)),
        ("record_audit", went(store.record_audit(AuditBatch::new(vec![event(at(0), None)])).await)),
        ("list_audit", went(store.list_audit(None, 1).await)),
        (
            "page_audit",
            went(store.page_audit(AuditPage { account_id: account, before: None, limit: 1 }).await),
        ),
        ("delete_expired", went(store.delete_expired(at(0), at(0), 1).await)),
        ("is_changed_elsewhere", went(store.is_changed_elsewhere().await)),
        ("ping", went(store.ping().await)),
        ("queue_errand", went(store.queue_errand(errand(account.as_uuid().as_u128() >> 1, 0)).await)),
        ("claim_errand", went(store.claim_errand(at(0), at(1), at(2)).await)),
        ("finish_errand", went(store.finish_errand(Uuid::nil(), 1).await)),
        ("postpone_errand", went(store.postpone_errand(Uuid::nil(), 1, at(1)).await)),
        ("count_errands", went(store.count_errands().await)),
        ("issue_link", went(store.issue_link(link(account), Some(errand(0, 0))).await)),
        ("find_link", went(store.find_link(link(account).digest, LinkPurpose::Reset, at(0)).await)),
        ("count_code_attempt", went(store.count_code_attempt("", LinkPurpose::Reset, 5, at(0)).await)),
        ("confirm_address", went(store.confirm_address(confirmation(&link(account), "")).await)),
        ("keep_registration", went(store.keep_registration(registration(account, 0), None).await)),
        ("find_registration", went(store.find_registration(link(account).digest, at(0)).await)),
        (
            "complete_registration",
            went(store.complete_registration(link(account).digest, new_account("nobody"), at(0)).await),
        ),
        ("reset_password", went(store.reset_password(reset(&link(account), 0)).await)),
        ("change_password", went(store.change_password(password_change(account, session)).await)),
        ("change_account", went(store.change_account(AccountChange::of(account, at(0))).await)),
        ("delete_account", went(store.delete_account(deletion(account, at(0))).await)),
        ("put_avatar", went(store.put_avatar(account, avatar(1)).await)),
        ("find_avatar", went(store.find_avatar(account).await)),
        ("delete_avatar", went(store.delete_avatar(account).await)),
        ("list_known_devices", went(store.list_known_devices(account, at(9)).await)),
        ("request_deletion", went(store.request_deletion(deletion_request(account, at(0), at(1))).await)),
        ("restore_account", went(store.restore_account(account, at(0), Announcer::default()).await)),
        ("delete_due_accounts", went(store.delete_due_accounts(at(0), 1, Announcer::default()).await)),
        ("black_out", went(store.black_out(at(0)).await)),
        ("find_blackout_notice", went(store.find_blackout_notice().await)),
        ("delete_blackout_notice", went(store.delete_blackout_notice().await)),
        ("unlock_account", went(store.unlock_account(account).await)),
        ("list_accounts", went(store.list_accounts(0, 1).await)),
        ("search_accounts", went(store.search_accounts(search("ada")).await)),
        ("list_disabled_accounts", went(store.list_disabled_accounts(1).await)),
        ("replace_password", went(store.replace_password(replacement(account)).await)),
        ("issue_setup_link", went(store.issue_setup_link(link(account).digest, at(1)).await)),
        ("is_setup_link_good", went(store.is_setup_link_good(link(account).digest, at(0)).await)),
        (
            "insert_first_admin",
            went(store.insert_first_admin(link(account).digest, new_account("boss")).await),
        ),
        ("search_audit", went(store.search_audit(AuditSearch { limit: 1, ..AuditSearch::default() }).await)),
    ]
}

/// The calls themselves are good ones: what fails in the other cases fails for the outage.
pub async fn an_open_store_answers_every_method(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    for (method, outcome) in call_every_method(&*store).await {
        assert!(outcome.is_ok(), "{method}: {outcome:?}");
    }
}

/// Closing answers what was under way; what comes later is an outage, and closing twice does no harm.
pub async fn t58_a_closed_store_answers_no_method(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let account = register(&*store, "ada").await;
    store.close().await;
    for (method, outcome) in call_every_method(&*store).await {
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{method}: {outcome:?}");
    }
    store.close().await;
    let again = fixture.open().await;
    assert_eq!(again.find_account(account.id).await.unwrap(), Some(account));
}

/// The seam through which flows are tested: each method alone, before its effect and after it.
pub async fn t58_an_injected_fault_is_never_an_answer(fixture: &impl StoreFixture) {
    let store = Arc::new(FaultyStore::new(fixture.open().await));
    for fault in [Fault::Before, Fault::After] {
        store.fail_all(fault);
        for (method, outcome) in call_every_method(&*store).await {
            assert!(outcome.is_err(), "{method} {fault:?}");
        }
    }
    store.heal();
    store.fail("find_account", Fault::Before);
    for (method, outcome) in call_every_method(&*store).await {
        let is_second_key = method == "rotate_signing_key";
        assert!(outcome.is_err() == (method == "find_account") || is_second_key, "{method}: {outcome:?}");
    }
    store.fail("insert_account", Fault::After);
    let new = new_account("ada");
    let id = new.id;
    assert!(store.insert_account(new, None).await.is_err());
    store.heal();
    assert!(
        store.find_account(id).await.unwrap().is_some(),
        "the effect was there, only its answer was lost"
    );
}
