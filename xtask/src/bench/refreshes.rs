//! Durable refreshes per second against the store's rotation alone, called from as many tasks on the same disk, and
//! against everything that a refresh is made of.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, anyhow, bail};
use serde::Deserialize;
use tempfile::TempDir;
use vestibule::{
    core::{
        ports::{
            Clock, Store, SystemClock,
            store::{Insertion, Rotation, RotationRequest},
        },
        values::{
            account::{AccountId, NewAccount},
            client::{Client, ClientNetwork},
            email::Email,
            scope::Scopes,
            session::{NewSession, SessionId},
        },
    },
    sql::{SqliteOptions, SqliteStore},
};

use super::{
    CONNECTIONS,
    client::Connection,
    load::{Work, expect_ok, rate},
    parts::Parts,
    process::{Listening, folder_beside_the_build},
    rounds::{Comparison, Rounds},
    server::{self, refresh_request},
    table::{Row, Target},
};

/// The least share of the store's own rate.
const LEAST_RATIO: f64 = 0.4;
/// The least share of what its parts allow.
const LEAST_OF_PARTS: f64 = 0.75;
/// The least number of refreshes a second.
const LEAST_RATE: f64 = 5000.0;
/// Long enough for the bench.
const SESSION_TTL: Duration = Duration::from_hours(24);

/// A client that refreshes its session with the token it was given last.
struct Refresher {
    connection: Connection,
    token: String,
}

/// What is read of an answer, where it lies: the generator shares the processors with the server.
#[derive(Deserialize)]
struct RefreshAnswer<'a> {
    refresh_token: &'a str,
}

impl Work for Refresher {
    async fn once(&mut self) -> anyhow::Result<()> {
        let answer = self.connection.exchange(&refresh_request(&self.token)).await?;
        expect_ok(answer.status, answer.body)?;
        let answer: RefreshAnswer<'_> =
            serde_json::from_slice(answer.body).context("the refresh answered no new token")?;
        self.token.clear();
        self.token.push_str(answer.refresh_token);
        Ok(())
    }
}

/// A session that is rotated straight in the store.
struct Rotator {
    store: Arc<dyn Store>,
    session: SessionId,
    generation: u64,
}

impl Work for Rotator {
    async fn once(&mut self) -> anyhow::Result<()> {
        let now = SystemClock.now();
        let request = RotationRequest {
            id: self.session,
            generation: self.generation,
            now,
            refresh_ttl: SESSION_TTL,
            access_until: now.plus(SESSION_TTL),
            grace: Duration::from_secs(10),
            stall: None,
        };
        match self.store.rotate_session(request).await? {
            Rotation::Rotated(rotated) => self.generation = rotated.generation,
            other => bail!("the store answered {other:?}"),
        }
        Ok(())
    }
}

/// Measures both sides.
pub(super) async fn measure(rounds: &Rounds) -> anyhow::Result<[Row; 3]> {
    println!("refreshes: POST /api/users/token/refresh against the store's rotation alone");
    let server = server::start().await?;
    server::register_accounts(&server).await?;
    let mut refreshers = refreshers(&server).await?;
    let (store, _folder) = open_store()?;
    let mut rotators = rotators(&store).await?;
    let mut parts = Parts::of(&server).await?;
    let (mut rotation, mut whole) = (Comparison::default(), Comparison::default());
    for _ in 0..rounds.count {
        let (ours, limit);
        (ours, refreshers) = rate(refreshers, rounds.span).await?;
        (limit, rotators) = rate(rotators, rounds.span).await?;
        rotation.add("refreshes/s", ours, limit);
        whole.add("refreshes/s of parts", ours, parts.rate(rounds, limit).await?);
    }
    store.close().await;
    parts.stop().await?;
    server.stop().await?;
    Ok(rows(&rotation, &whole))
}

async fn refreshers(server: &Listening) -> anyhow::Result<Vec<Refresher>> {
    let mut refreshers = Vec::with_capacity(CONNECTIONS);
    for number in 0..CONNECTIONS {
        let token = server::log_in(server, number).await?.refresh;
        refreshers.push(Refresher { connection: Connection::open(server.address()).await?, token });
    }
    Ok(refreshers)
}

/// A store of the same kind as the server's; the folder goes with the second value.
fn open_store() -> anyhow::Result<(Arc<dyn Store>, TempDir)> {
    let folder = folder_beside_the_build()?;
    let store = SqliteStore::open(SqliteOptions::serve(folder.path().join("vestibule.db")))?;
    Ok((store, folder))
}

async fn rotators(store: &Arc<dyn Store>) -> anyhow::Result<Vec<Rotator>> {
    let mut rotators = Vec::with_capacity(CONNECTIONS);
    for number in 0..CONNECTIONS {
        let session = insert_session(store.as_ref(), number).await?;
        rotators.push(Rotator { store: Arc::clone(store), session, generation: 0 });
    }
    Ok(rotators)
}

async fn insert_session(store: &dyn Store, number: usize) -> anyhow::Result<SessionId> {
    let now = SystemClock.now();
    let account = NewAccount {
        id: AccountId::new(now),
        email: Email::parse(&format!("bench{number}@example.org")).map_err(|rule| anyhow!("{rule:?}"))?,
        username: None,
        full_name: None,
        password_hash: None,
        confirmed: true,
        permissions: Scopes::none(),
        language: None,
        invitation: None,
        devices: Vec::new(),
        announcer: vestibule::core::ports::store::Announcer::default(),
        profile: None,
        created_at: now,
    };
    let session = NewSession {
        id: SessionId::new(now),
        account_id: account.id,
        scope: Scopes::none(),
        created_at: now,
        expires_at: now.plus(SESSION_TTL),
        ends_at: now.plus(SESSION_TTL),
        access_until: now.plus(SESSION_TTL),
        client: Client::new(ClientNetwork::LOCAL.address(), "bench"),
        replaces: None,
        device: None,
    };
    let id = session.id;
    match store.insert_account(account, Some(session)).await? {
        Insertion::Inserted { .. } => Ok(id),
        Insertion::Taken { .. } => bail!("the address is taken in an empty store"),
    }
}

fn rows(rotation: &Comparison, whole: &Comparison) -> [Row; 3] {
    let against = |what: &str, comparison: &Comparison, least: f64| Row {
        what: what.into(),
        ours: format!("{:.0}/s", comparison.ours()),
        limit: format!("{:.0}/s", comparison.limit()),
        value: comparison.ratio(),
        ratio: format!("{:.2}", comparison.ratio()),
        target: Target::AtLeast(least),
        wanted: format!("≥ {least}"),
    };
    let ours = rotation.ours();
    let absolute = Row {
        what: "durable refreshes/s".into(),
        ours: format!("{ours:.0}/s"),
        limit: String::new(),
        value: ours,
        ratio: String::new(),
        target: Target::AtLeast(LEAST_RATE),
        wanted: format!("≥ {LEAST_RATE:.0}/s"),
    };
    [
        against("durable refreshes/s against the rotation called directly", rotation, LEAST_RATIO),
        against("the same against bare exchange, signature and rotation in turn", whole, LEAST_OF_PARTS),
        absolute,
    ]
}
