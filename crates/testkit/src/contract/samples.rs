//! Values for the cases, with every moment counted from one.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use vestibule_core::{
    ports::{
        audit::{AuditEvent, AuditKind, AuditOutcome},
        clock::Timestamp,
        store::{
            Insertion, Opening, Progress, Revoked, Rotated, Rotation, RotationRequest, SessionOpening, Store,
            StoredSigningKey,
        },
    },
    values::{
        account::{Account, AccountId, FullName, NewAccount},
        client::Client,
        email::Email,
        password::PasswordHash,
        scope::Scopes,
        session::{NewSession, RevokedSession, SessionId},
        username::UsernamePolicy,
    },
};

/// How long an access token lives in the cases.
pub const ACCESS_TTL: Duration = Duration::from_mins(15);
/// How long an unrefreshed session lives in the cases.
pub const REFRESH_TTL: Duration = Duration::from_hours(30 * 24);
/// How long a session lives in the cases.
pub const REFRESH_MAX: Duration = Duration::from_hours(90 * 24);
/// How long the same child is answered again in the cases.
pub const GRACE: Duration = Duration::from_secs(10);

/// The moment `millis` after the one that the cases begin at.
#[must_use]
pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + millis)
}

/// A password's hash; one for each number.
#[must_use]
pub fn hash(number: usize) -> PasswordHash {
    PasswordHash::new(format!("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ${number:043}"))
}

/// An account named `name`, with the password of `hash(0)`.
#[must_use]
pub fn new_account(name: &str) -> NewAccount {
    NewAccount {
        id: AccountId::new(at(0)),
        email: Email::parse(&format!("{name}@example.com")).unwrap(),
        username: Some(UsernamePolicy::default().parse_exempt(name).unwrap()),
        full_name: FullName::parse("Ada Lovelace").unwrap(),
        password_hash: Some(hash(0)),
        confirmed: false,
        permissions: Scopes::none(),
        language: None,
        invitation: None,
        devices: Vec::new(),
        announcer: vestibule_core::ports::store::Announcer::default(),
        profile: None,
        created_at: at(0),
    }
}

/// A session born at `born`.
#[must_use]
pub fn new_session(account_id: AccountId, born: Timestamp) -> NewSession {
    NewSession {
        id: SessionId::new(born),
        account_id,
        scope: Scopes::read("read write"),
        created_at: born,
        expires_at: born.plus(REFRESH_TTL),
        ends_at: born.plus(REFRESH_MAX),
        access_until: born.plus(ACCESS_TTL),
        client: Client::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), "a browser"),
        device: None,
        replaces: None,
    }
}

/// What a login with the first password asks for.
#[must_use]
pub fn opening(session: NewSession) -> SessionOpening {
    SessionOpening { session, verified: hash(0), arrival: None, limit: 100 }
}

/// What a refresh at `now` asks for.
#[must_use]
pub fn rotation(id: SessionId, generation: u64, now: Timestamp) -> RotationRequest {
    RotationRequest {
        id,
        generation,
        now,
        refresh_ttl: REFRESH_TTL,
        access_until: now.plus(ACCESS_TTL).plus(GRACE),
        grace: GRACE,
        stall: None,
    }
}

/// A key that signs, made at `created_at`.
#[must_use]
pub fn signing_key(kid: &str, created_at: Timestamp) -> StoredSigningKey {
    StoredSigningKey {
        kid: kid.to_owned(),
        algorithm: "EdDSA".to_owned(),
        wrapped: kid.as_bytes().to_vec(),
        created_at,
        verifies_until: None,
    }
}

/// A failed login at `moment`.
#[must_use]
pub fn event(moment: Timestamp, account_id: Option<AccountId>) -> AuditEvent {
    AuditEvent {
        at: moment,
        kind: AuditKind::Login,
        outcome: AuditOutcome::Failure,
        account_id,
        actor_id: None,
        session_id: None,
        address: "192.0.2.7".to_owned(),
        detail: "invalid_credentials",
    }
}

/// Makes an account named `name`.
pub async fn register(store: &dyn Store, name: &str) -> Account {
    match store.insert_account(new_account(name), None).await.unwrap() {
        Insertion::Inserted { account, .. } => account,
        taken @ Insertion::Taken { .. } => panic!("{name}: {taken:?}"),
    }
}

/// Opens a session born at `born`; says which sessions made room for it.
pub async fn log_in(store: &dyn Store, account: AccountId, born: Timestamp) -> SessionId {
    let session = new_session(account, born);
    let id = session.id;
    opened(store, opening(session)).await;
    id
}

/// Opens a session and says which others ended.
pub async fn opened(store: &dyn Store, opening: SessionOpening) -> Vec<RevokedSession> {
    match store.open_session(opening).await.unwrap() {
        Opening::Opened { ended, .. } => ended,
        Opening::Refused => panic!("a good login is refused"),
    }
}

/// Moves a session one generation further.
pub async fn rotated(store: &dyn Store, request: RotationRequest) -> Rotated {
    match store.rotate_session(request).await.unwrap() {
        Rotation::Rotated(rotated) => rotated,
        other => panic!("{other:?}"),
    }
}

/// Everything that is revoked, however many pages it takes.
pub async fn all_revoked(store: &dyn Store, now: Timestamp) -> Revoked {
    revoked_since(store, &Progress::default(), now).await
}

/// What was revoked after a place, however many pages it takes.
pub async fn revoked_since(store: &dyn Store, after: &Progress, now: Timestamp) -> Revoked {
    let mut all = Revoked { progress: after.clone(), ..Revoked::default() };
    while !all.is_all {
        let page = store.list_revocations(&all.progress, now).await.unwrap();
        all.sessions.extend(page.sessions);
        all.accounts.extend(page.accounts);
        (all.everyone, all.progress, all.is_all) = (page.everyone, page.progress, page.is_all);
    }
    all
}
