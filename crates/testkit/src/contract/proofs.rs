//! Mailed links: good once, for a while, for one account and one address.

use std::{sync::Arc, time::Duration};

use vestibule_core::{
    ports::store::{
        AccountChange, Activity, AddressConfirmation, Confirmed, Insertion, Opening, PasswordChange,
        PasswordReplacement, PasswordReset, Rotation, Store,
    },
    values::{
        account::{Account, AccountId, NewAccount},
        email::Email,
        language::Language,
        link::{LinkPurpose, LinkSecrets, NewLink},
        secret::{MasterKeys, SecretKey},
        session::SessionId,
        username::LoginName,
    },
};

use super::{
    StoreFixture, at_once,
    errands::errand,
    samples::{at, hash, new_account, new_session, opening, rotation},
};

const TTL: Duration = Duration::from_hours(1);

fn link_to(account: &Account, purpose: LinkPurpose, email: &str) -> NewLink {
    NewLink { purpose, email: Email::parse(email).unwrap(), ..link(account.id) }
}

/// A link of an account that there need not be.
pub(super) fn link(account_id: AccountId) -> NewLink {
    let secrets = LinkSecrets::generate(&MasterKeys::derive(&SecretKey::generate(), &[]).unwrap());
    NewLink {
        purpose: LinkPurpose::Reset,
        account_id,
        email: Email::parse("ada@example.com").unwrap(),
        digest: secrets.digest,
        code_mac: secrets.code_mac,
        created_at: at(0),
        expires_at: at(0).plus(TTL),
        verified: None,
    }
}

/// A change of the first password.
pub(super) fn password_change(account_id: AccountId, keep: SessionId) -> PasswordChange {
    PasswordChange { account_id, from: Some(hash(0)), to: hash(1), keep, now: at(1), errands: Vec::new() }
}

/// An operator's new password, `hash(9)`.
pub(super) fn replacement(account_id: AccountId) -> PasswordReplacement {
    PasswordReplacement { account_id, to: hash(9), now: at(5), errands: vec![errand(8, 0)] }
}

async fn insert(store: &dyn Store, name: &str) -> Account {
    let new = NewAccount { language: Some(Language::French), ..new_account(name) };
    match store.insert_account(new, None).await.unwrap() {
        Insertion::Inserted { account, .. } => account,
        Insertion::Taken { .. } => panic!("{name} is taken"),
    }
}

async fn issue(store: &dyn Store, account: &Account, purpose: LinkPurpose, email: &str) -> NewLink {
    let link = link_to(account, purpose, email);
    assert!(store.issue_link(link.clone(), Some(errand(rand_id(&link), 0))).await.unwrap());
    link
}

fn rand_id(link: &NewLink) -> u128 {
    u128::from_be_bytes(link.digest.as_bytes()[..16].try_into().unwrap()) >> 1
}

pub(super) fn confirmation(link: &NewLink, from: &str) -> AddressConfirmation {
    AddressConfirmation { digest: link.digest, from: from.to_owned(), now: at(1), errands: Vec::new() }
}

pub(super) fn reset(link: &NewLink, number: usize) -> PasswordReset {
    PasswordReset { digest: link.digest, to: hash(number), now: at(1), errands: vec![errand(7, 0)] }
}

async fn open(store: &dyn Store, account: &Account, verified: usize, born: i64) -> Option<SessionId> {
    let session = new_session(account.id, at(born));
    let mut opening = opening(session.clone());
    opening.verified = hash(verified);
    match store.open_session(opening).await.unwrap() {
        Opening::Opened { .. } => Some(session.id),
        Opening::Refused => None,
    }
}

async fn is_alive(store: &dyn Store, session: SessionId) -> bool {
    matches!(
        store.rotate_session(rotation(session, 0, at(2))).await.unwrap(),
        Rotation::Rotated(_) | Rotation::Repeated(_)
    )
}

/// A link is found as long as it is good, with its account's language and the address it was mailed to; a newer one of
/// the same purpose takes its place, one of the other purpose does not.
pub async fn a_link_is_good_until_it_expires_or_a_newer_one_comes(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = insert(&*store, "ada").await;
    let old = issue(&*store, &ada, LinkPurpose::Confirm, "ada@example.com").await;
    let reset = issue(&*store, &ada, LinkPurpose::Reset, "ada@example.com").await;
    let found = store.find_link(old.digest, LinkPurpose::Confirm, at(1)).await.unwrap().unwrap();
    assert_eq!((found.account, found.language), (ada.clone(), Some(Language::French)));
    assert_eq!(found.email, "ada@example.com");
    assert_eq!(store.find_link(old.digest, LinkPurpose::Reset, at(1)).await.unwrap(), None);
    assert_eq!(store.find_link(old.digest, LinkPurpose::Confirm, at(0).plus(TTL)).await.unwrap(), None);
    let new = issue(&*store, &ada, LinkPurpose::Confirm, "ada@example.com").await;
    assert_eq!(store.find_link(old.digest, LinkPurpose::Confirm, at(1)).await.unwrap(), None);
    assert!(store.find_link(new.digest, LinkPurpose::Confirm, at(1)).await.unwrap().is_some());
    assert!(store.find_link(reset.digest, LinkPurpose::Reset, at(1)).await.unwrap().is_some());
    assert_eq!(store.count_errands().await.unwrap().waiting, 3);
    let ban = AccountChange { active: Some(Activity::Disabled), ..AccountChange::of(ada.id, at(1)) };
    store.change_account(ban).await.unwrap();
    assert_eq!(store.find_link(new.digest, LinkPurpose::Confirm, at(1)).await.unwrap(), None);
    let refused = link_to(&ada, LinkPurpose::Reset, "ada@example.com");
    assert!(!store.issue_link(refused, Some(errand(99, 0))).await.unwrap());
    assert_eq!(store.count_errands().await.unwrap().waiting, 3, "nobody is told of a link that there is not");
}

/// T15: whoever changes the password has ended what its old one was good for, also what is just being asked for.
pub async fn a_link_of_a_password_that_was_changed_is_not_kept(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = insert(&*store, "ada").await;
    let link = |verified| {
        let link = link_to(&ada, LinkPurpose::Confirm, "mallory@example.com");
        NewLink { verified: Some(hash(verified)), ..link }
    };
    assert!(store.issue_link(link(0), Some(errand(1, 0))).await.unwrap());
    store.replace_password(replacement(ada.id)).await.unwrap().unwrap();
    let waiting = store.count_errands().await.unwrap().waiting;
    let late = link(0);
    assert!(!store.issue_link(late.clone(), Some(errand(2, 0))).await.unwrap());
    assert_eq!(store.find_link(late.digest, LinkPurpose::Confirm, at(5)).await.unwrap(), None);
    assert_eq!(store.count_errands().await.unwrap().waiting, waiting, "nobody is told of it");
    assert!(store.issue_link(link(9), Some(errand(3, 0))).await.unwrap());
}

/// T15, T32: a link proves the address it was mailed to, once, in time, and as long as the account still has the address
/// under which it was looked at.
pub async fn an_address_is_confirmed_once_in_time_and_exactly(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = insert(&*store, "ada").await;
    let link = issue(&*store, &ada, LinkPurpose::Confirm, "Ada@new.example.com").await;
    let late = AddressConfirmation { now: at(0).plus(TTL), ..confirmation(&link, "ada@example.com") };
    assert_eq!(store.confirm_address(late).await.unwrap(), Confirmed::Refused);
    let told = AddressConfirmation { errands: vec![errand(5, 0)], ..confirmation(&link, "ada@example.com") };
    let expected = Account { email: "Ada@new.example.com".into(), confirmed: true, ..ada.clone() };
    assert_eq!(store.confirm_address(told.clone()).await.unwrap(), Confirmed::Confirmed(expected.clone()));
    assert_eq!(store.confirm_address(told).await.unwrap(), Confirmed::Refused);
    assert_eq!(store.count_errands().await.unwrap().waiting, 2);
    let by_name = LoginName::read("ada@NEW.example.com");
    assert_eq!(store.find_credentials(&by_name).await.unwrap().unwrap().account, expected);
    // Looked at when the account had another address.
    let link = issue(&*store, &ada, LinkPurpose::Confirm, "ada@example.com").await;
    let stale = confirmation(&link, "ada@example.com");
    assert_eq!(store.confirm_address(stale).await.unwrap(), Confirmed::Refused);
    assert_eq!(store.find_account(ada.id).await.unwrap().unwrap(), expected);
}

/// Two accounts may ask for one address; the first proof wins, also where both come at once.
pub async fn one_of_many_proofs_of_an_address_wins(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let mut links = Vec::new();
    for number in 0..8 {
        let account = insert(&*store, &format!("ada{number}")).await;
        links.push(issue(&*store, &account, LinkPurpose::Confirm, "shared@example.com").await);
    }
    let links = Arc::new(links);
    let outcomes = at_once(8, |number| {
        let (store, links) = (Arc::clone(&store), Arc::clone(&links));
        async move {
            let from = format!("ada{number}@example.com");
            store.confirm_address(confirmation(&links[number], &from)).await.unwrap()
        }
    })
    .await;
    let won = outcomes.iter().filter(|outcome| matches!(outcome, Confirmed::Confirmed(_))).count();
    let lost = outcomes.iter().filter(|outcome| matches!(outcome, Confirmed::Taken)).count();
    assert_eq!((won, lost), (1, 7), "{outcomes:?}");
}

/// T18, T20: of 64 parallel redemptions one sets the password; every session ends, the mailbox counts as proved, and the
/// old password opens nothing.
pub async fn a_reset_is_redeemed_once_and_ends_every_session(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = insert(&*store, "ada").await;
    let session = open(&*store, &ada, 0, 0).await.unwrap();
    let link = Arc::new(issue(&*store, &ada, LinkPurpose::Reset, "ada@example.com").await);
    let outcomes =
        at_once(64, |number| {
            let (store, link) = (Arc::clone(&store), Arc::clone(&link));
            async move {
                store.reset_password(reset(&link, number + 1)).await.unwrap().map(|cutoff| (number, cutoff))
            }
        })
        .await;
    let won: Vec<_> = outcomes.into_iter().flatten().collect();
    let [(number, cutoff)] = won.as_slice() else { panic!("{} resets", won.len()) };
    assert_eq!(cutoff.account_id, ada.id);
    assert!(!is_alive(&*store, session).await);
    assert_eq!(open(&*store, &ada, 0, 10).await, None, "the old password");
    assert!(open(&*store, &ada, number + 1, 10).await.is_some());
    assert!(store.find_account(ada.id).await.unwrap().unwrap().confirmed);
    assert_eq!(store.count_errands().await.unwrap().waiting, 2);
}

/// Whoever reads a mailbox that was the account's once can reset nothing, and a new address ends what was mailed to the
/// old one.
pub async fn a_reset_needs_the_address_of_now(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = insert(&*store, "ada").await;
    let link = issue(&*store, &ada, LinkPurpose::Reset, "former@example.com").await;
    assert_eq!(store.find_link(link.digest, LinkPurpose::Reset, at(1)).await.unwrap(), None);
    assert_eq!(store.reset_password(reset(&link, 1)).await.unwrap(), None);
    let mailed = issue(&*store, &ada, LinkPurpose::Reset, "ada@example.com").await;
    let change = issue(&*store, &ada, LinkPurpose::Confirm, "new@example.com").await;
    let confirmed = store.confirm_address(confirmation(&change, "ada@example.com")).await.unwrap();
    assert!(matches!(confirmed, Confirmed::Confirmed(_)));
    assert_eq!(store.reset_password(reset(&mailed, 1)).await.unwrap(), None);
    assert!(open(&*store, &ada, 0, 10).await.is_some(), "the password is what it was");
}

/// Whoever had the account for a while and asked for its address to be changed has lost that, too, with the password; the
/// link that proves the present address is still good.
pub async fn a_new_password_ends_other_mailed_ways_in(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = insert(&*store, "ada").await;
    let kept = open(&*store, &ada, 0, 0).await.unwrap();
    let theirs = issue(&*store, &ada, LinkPurpose::Confirm, "thief@example.com").await;
    assert!(store.change_password(password_change(ada.id, kept)).await.unwrap().is_some());
    let stolen = confirmation(&theirs, "ada@example.com");
    assert_eq!(store.confirm_address(stolen).await.unwrap(), Confirmed::Refused);
    let theirs = issue(&*store, &ada, LinkPurpose::Confirm, "thief@example.com").await;
    let mine = issue(&*store, &ada, LinkPurpose::Reset, "ada@example.com").await;
    assert!(store.reset_password(reset(&mine, 2)).await.unwrap().is_some());
    let stolen = confirmation(&theirs, "ada@example.com");
    assert_eq!(store.confirm_address(stolen).await.unwrap(), Confirmed::Refused);

    let eve = insert(&*store, "eve").await;
    let kept = open(&*store, &eve, 0, 0).await.unwrap();
    let own = issue(&*store, &eve, LinkPurpose::Confirm, "eve@example.com").await;
    assert!(store.change_password(password_change(eve.id, kept)).await.unwrap().is_some());
    let confirmed = store.confirm_address(confirmation(&own, "eve@example.com")).await.unwrap();
    assert!(matches!(confirmed, Confirmed::Confirmed(_)));
}

/// An operator needs no old password: every session ends and every mailed way in, and nothing counts as proved by it.
pub async fn a_replaced_password_ends_every_session_and_proves_nothing(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = insert(&*store, "ada").await;
    let session = open(&*store, &ada, 0, 0).await.unwrap();
    let mine = issue(&*store, &ada, LinkPurpose::Reset, "ada@example.com").await;
    let cutoff = store.replace_password(replacement(ada.id)).await.unwrap().unwrap();
    assert_eq!(cutoff.account_id, ada.id);
    assert!(!is_alive(&*store, session).await);
    assert_eq!(store.reset_password(reset(&mine, 1)).await.unwrap(), None);
    assert_eq!(open(&*store, &ada, 0, 10).await, None, "the old password");
    assert!(open(&*store, &ada, 9, 10).await.is_some());
    assert!(!store.find_account(ada.id).await.unwrap().unwrap().confirmed);
    assert_eq!(store.count_errands().await.unwrap().waiting, 2, "the owner is told");
    assert_eq!(store.replace_password(replacement(AccountId::new(at(1)))).await.unwrap(), None);
    assert_eq!(store.count_errands().await.unwrap().waiting, 2, "and nobody else");
}

/// T51: codes are counted before anybody looks at them, and the last attempt is the last.
pub async fn attempts_at_codes_are_capped(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = insert(&*store, "ada").await;
    let link = issue(&*store, &ada, LinkPurpose::Reset, "ada@example.com").await;
    let outcomes = at_once(32, |_| {
        let store = Arc::clone(&store);
        async move {
            store.count_code_attempt("ada@example.com", LinkPurpose::Reset, 5, at(1)).await.unwrap()
        }
    })
    .await;
    let counted: Vec<_> = outcomes.into_iter().flatten().collect();
    assert_eq!(counted.len(), 5);
    assert!(counted.iter().all(|code| code.digest == link.digest && code.code_mac == link.code_mac));
    assert!(
        store.find_link(link.digest, LinkPurpose::Reset, at(1)).await.unwrap().is_some(),
        "the link is good"
    );
    issue(&*store, &ada, LinkPurpose::Reset, "ada@example.com").await;
    for (email, purpose, now) in [
        ("ada@example.com", LinkPurpose::Confirm, at(1)),
        ("eve@example.com", LinkPurpose::Reset, at(1)),
        ("ada@example.com", LinkPurpose::Reset, at(0).plus(TTL)),
    ] {
        assert!(store.count_code_attempt(email, purpose, 5, now).await.unwrap().is_empty());
    }
    let again = store.count_code_attempt("ada@example.com", LinkPurpose::Reset, 5, at(1)).await.unwrap();
    assert_eq!(again.len(), 1, "a newer link has its own attempts");
}

/// T52: what stands for the reset of nobody counts attempts like a reset, needs no account and opens nothing; an address has
/// one of them, and a link that is told of to nobody is kept like any other.
pub async fn a_decoy_counts_attempts_and_leads_nowhere(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let nobody = AccountId::new(at(0));
    let decoy = NewLink { purpose: LinkPurpose::Decoy, ..link(nobody) };
    let count = async |purpose| store.count_code_attempt("ada@example.com", purpose, 5, at(1)).await.unwrap();
    assert!(store.issue_link(decoy.clone(), None).await.unwrap());
    for _ in 0..5 {
        let counted = count(LinkPurpose::Reset).await;
        assert_eq!(counted.iter().map(|code| code.digest).collect::<Vec<_>>(), [decoy.digest]);
    }
    assert!(count(LinkPurpose::Reset).await.is_empty());
    let newer = NewLink { purpose: LinkPurpose::Decoy, ..link(nobody) };
    assert!(store.issue_link(newer.clone(), None).await.unwrap());
    assert!(count(LinkPurpose::Confirm).await.is_empty());
    let counted = count(LinkPurpose::Reset).await;
    assert_eq!(counted.iter().map(|code| code.digest).collect::<Vec<_>>(), [newer.digest], "and no other");
    // Not even for an account that has its address by now.
    let ada = insert(&*store, "ada").await;
    for purpose in [LinkPurpose::Reset, LinkPurpose::Confirm] {
        assert_eq!(store.find_link(newer.digest, purpose, at(1)).await.unwrap(), None);
    }
    assert_eq!(store.reset_password(reset(&newer, 3)).await.unwrap(), None);
    assert!(open(&*store, &ada, 0, 0).await.is_some(), "the password is what it was");
    let own = link_to(&ada, LinkPurpose::Reset, "ada@example.com");
    assert!(store.issue_link(own.clone(), None).await.unwrap());
    assert_eq!(store.count_errands().await.unwrap().waiting, 0, "nobody is told");
    assert_eq!(count(LinkPurpose::Reset).await.len(), 2);
    assert!(store.reset_password(reset(&own, 3)).await.unwrap().is_some());
}

/// A password is changed from the one that was verified, or from none; other sessions end, and so do mailed ways to
/// change it.
pub async fn a_password_is_changed_from_what_it_was(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let ada = insert(&*store, "ada").await;
    let (kept, other) = (open(&*store, &ada, 0, 0).await.unwrap(), open(&*store, &ada, 0, 0).await.unwrap());
    let link = issue(&*store, &ada, LinkPurpose::Reset, "ada@example.com").await;
    let change = |from, to| {
        let errand = Some(errand(7, 0));
        PasswordChange {
            from,
            to: hash(to),
            errands: errand.into_iter().collect(),
            ..password_change(ada.id, kept)
        }
    };
    assert_eq!(store.change_password(change(Some(hash(3)), 1)).await.unwrap(), None);
    assert_eq!(store.change_password(change(None, 1)).await.unwrap(), None);
    assert!(is_alive(&*store, other).await);
    let ended = store.change_password(change(Some(hash(0)), 1)).await.unwrap().unwrap();
    assert_eq!(ended.iter().map(|session| session.id).collect::<Vec<_>>(), [other]);
    assert!(is_alive(&*store, kept).await);
    let devices_since = async |name| {
        let found = store.find_credentials(&LoginName::read(name)).await.unwrap();
        found.unwrap().devices_since
    };
    assert_eq!(devices_since("ada").await, at(1), "no device is known any more");
    assert!(open(&*store, &ada, 1, 10).await.is_some());
    assert_eq!(store.reset_password(reset(&link, 2)).await.unwrap(), None);
    assert_eq!(store.count_errands().await.unwrap().waiting, 2);
    let without = NewAccount { password_hash: None, ..new_account("eve") };
    let first = |to| PasswordChange {
        from: None,
        to: hash(to),
        ..password_change(without.id, SessionId::new(at(0)))
    };
    assert!(matches!(store.insert_account(without.clone(), None).await.unwrap(), Insertion::Inserted { .. }));
    assert_eq!(store.change_password(first(2)).await.unwrap(), Some(Vec::new()));
    assert_eq!(store.change_password(first(3)).await.unwrap(), None, "it has one by now");
    assert_eq!(devices_since("eve").await, at(1));
    let eve = Account { id: without.id, ..ada };
    assert!(open(&*store, &eve, 2, 10).await.is_some());
}

/// An account comes with the link and the errand that its owner is asked by, or without them where it does not come.
pub async fn an_account_comes_with_its_invitation(fixture: &impl StoreFixture) {
    let store = fixture.open().await;
    let mut new = new_account("ada");
    let account = insert(&*store, "eve").await;
    let link = NewLink { account_id: new.id, ..link_to(&account, LinkPurpose::Confirm, "ada@example.com") };
    new.invitation = Some((link.clone(), errand(1, 0)));
    assert!(matches!(store.insert_account(new.clone(), None).await.unwrap(), Insertion::Inserted { .. }));
    assert!(store.find_link(link.digest, LinkPurpose::Confirm, at(1)).await.unwrap().is_some());
    assert!(matches!(store.insert_account(new, None).await.unwrap(), Insertion::Taken { .. }));
    assert_eq!(store.count_errands().await.unwrap().waiting, 1);
}
