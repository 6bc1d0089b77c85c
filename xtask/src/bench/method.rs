//! The store's methods, each with what it is given at its n-th turn.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{anyhow, ensure};
use vestibule::core::{
    ports::{
        Clock, Store, SystemClock,
        audit::{AuditBatch, AuditEvent, AuditKind, AuditOutcome},
        store::{Insertion, Opening, Rotation, RotationRequest, SessionOpening},
    },
    values::{
        account::{AccountId, NewAccount},
        client::{Client, ClientNetwork},
        email::Email,
        password::PasswordHash,
        scope::Scopes,
        session::{NewSession, SessionId},
        username::LoginName,
    },
};

use super::{
    database::{ACCOUNT, HASH, Population, SESSION, id},
    load::Work,
};

/// Long enough for the bench.
const TTL: Duration = Duration::from_hours(24);
/// How many sessions an account may have: more than the bench opens.
pub(super) const LIMIT: u32 = 1000;
/// How many audit events are recorded at once.
const EVENTS: u64 = 8;
/// Prime, so that the turns visit everybody, and no neighbours one after the other.
const STRIDE: u64 = 7919;

/// A method of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    FindAccount,
    FindCredentials,
    InsertAccount,
    OpenSession,
    RotateSession,
    ListSessions,
    RevokeSession,
    RecordAudit,
}

impl Method {
    /// All that are measured.
    pub(super) const ALL: [Self; 8] = [
        Self::FindAccount,
        Self::FindCredentials,
        Self::InsertAccount,
        Self::OpenSession,
        Self::RotateSession,
        Self::ListSessions,
        Self::RevokeSession,
        Self::RecordAudit,
    ];

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::FindAccount => "find_account",
            Self::FindCredentials => "find_credentials",
            Self::InsertAccount => "insert_account",
            Self::OpenSession => "open_session",
            Self::RotateSession => "rotate_session",
            Self::ListSessions => "list_sessions",
            Self::RevokeSession => "revoke_session",
            Self::RecordAudit => "record_audit, 8 events",
        }
    }

    /// Whether it changes anything.
    pub(super) const fn is_write(self) -> bool {
        !matches!(self, Self::FindAccount | Self::FindCredentials | Self::ListSessions)
    }

    /// Calls it, and fails where its answer is not the good one.
    async fn call(self, store: &dyn Store, turn: Turn) -> anyhow::Result<()> {
        let is_good = match self {
            Self::FindAccount => store.find_account(turn.account()).await?.is_some(),
            Self::FindCredentials => store.find_credentials(&turn.login_name()).await?.is_some(),
            Self::InsertAccount => {
                matches!(store.insert_account(turn.new_account()?, None).await?, Insertion::Inserted { .. })
            }
            Self::OpenSession => {
                matches!(store.open_session(turn.opening()).await?, Opening::Opened { .. })
            }
            Self::RotateSession => {
                matches!(store.rotate_session(turn.rotation()).await?, Rotation::Rotated(_))
            }
            Self::ListSessions => !store.list_sessions(turn.account(), SystemClock.now()).await?.is_empty(),
            Self::RevokeSession => {
                store.revoke_session(turn.session(), None, SystemClock.now()).await?.is_some()
            }
            Self::RecordAudit => {
                store.record_audit(AuditBatch::new(turn.events())).await?;
                true
            }
        };
        ensure!(is_good, "{} gave another answer than the good one", self.name());
        Ok(())
    }
}

/// A turn at a method: whom it is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// Counted from 0 by everybody who takes turns at the method, also through further rounds.
    pub(super) number: u64,
    population: Population,
}

impl Turn {
    pub(super) fn account(self) -> AccountId {
        let number = self.number.wrapping_mul(STRIDE) % self.population.accounts;
        AccountId::from_uuid(id(ACCOUNT, number))
    }

    pub(super) fn session(self) -> SessionId {
        let number = self.number.wrapping_mul(STRIDE) % self.population.sessions;
        SessionId::from_uuid(id(SESSION, number))
    }

    fn address(self) -> String {
        format!("user{}@example.org", self.number.wrapping_mul(STRIDE) % self.population.accounts)
    }

    pub(super) fn login_name(self) -> LoginName {
        LoginName::read(&self.address())
    }

    pub(super) fn new_account(self) -> anyhow::Result<NewAccount> {
        let now = SystemClock.now();
        let address = format!("new{}@example.org", self.number);
        Ok(NewAccount {
            id: AccountId::new(now),
            email: Email::parse(&address).map_err(|rule| anyhow!("{rule:?}"))?,
            username: None,
            full_name: None,
            password_hash: Some(PasswordHash::new(HASH.into())),
            confirmed: true,
            permissions: Scopes::none(),
            language: None,
            invitation: None,
            devices: Vec::new(),
            announcer: vestibule::core::ports::store::Announcer::default(),
            profile: None,
            created_at: now,
        })
    }

    pub(super) fn opening(self) -> SessionOpening {
        let now = SystemClock.now();
        let session = NewSession {
            id: SessionId::new(now),
            account_id: self.account(),
            scope: Scopes::none(),
            created_at: now,
            expires_at: now.plus(TTL),
            ends_at: now.plus(TTL),
            access_until: now.plus(TTL),
            client: Client::new(ClientNetwork::LOCAL.address(), "bench"),
            device: None,
            replaces: None,
        };
        SessionOpening { session, verified: PasswordHash::new(HASH.into()), arrival: None, limit: LIMIT }
    }

    /// Of a generation that only this turn presents, and no earlier one has passed.
    pub(super) fn rotation(self) -> RotationRequest {
        let now = SystemClock.now();
        RotationRequest {
            id: self.session(),
            generation: self.number,
            now,
            refresh_ttl: TTL,
            access_until: now.plus(TTL),
            grace: Duration::from_secs(10),
            stall: None,
        }
    }

    pub(super) fn events(self) -> Vec<AuditEvent> {
        let event = |_| AuditEvent {
            at: SystemClock.now(),
            kind: AuditKind::Login,
            outcome: AuditOutcome::Success,
            account_id: Some(self.account()),
            actor_id: None,
            session_id: Some(self.session()),
            address: "127.0.0.1".into(),
            detail: "bench",
        };
        (0..EVENTS).map(event).collect()
    }
}

/// Deals turns to everybody on one side of a comparison.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    next: Arc<AtomicU64>,
    population: Population,
}

impl Turns {
    pub(super) fn new(population: Population) -> Self {
        Self { next: Arc::default(), population }
    }

    pub(super) fn next(&self) -> Turn {
        Turn { number: self.next.fetch_add(1, Ordering::Relaxed), population: self.population }
    }
}

/// Somebody who calls a method of the store.
pub(super) struct Caller {
    pub(super) store: Arc<dyn Store>,
    pub(super) method: Method,
    pub(super) turns: Turns,
}

impl Work for Caller {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.method.call(self.store.as_ref(), self.turns.next()).await
    }
}
