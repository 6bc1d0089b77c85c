//! What the store's methods come to in SQL, and who runs it without the store.

use anyhow::{Context, bail};
use vestibule::core::{
    ports::{Clock, SystemClock},
    values::{account::AccountId, secret::random_bytes, session::SessionId, username::LoginName},
};

use super::{
    super::{
        database::{Database, HASH},
        load::Work,
        method::{LIMIT, Method, Turn, Turns},
    },
    postgres, sqlite,
};

/// A parameter.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Integer(i64),
    Text(String),
    Bytes([u8; 16]),
    Null,
}

/// The statements of a method, in order, as the store has them; `$1` marks a parameter.
pub(super) fn texts(method: Method) -> anyhow::Result<Vec<&'static str>> {
    let names: &[&str] = match method {
        Method::FindAccount => &["FIND_ACCOUNT"],
        Method::FindCredentials => &["FIND_CREDENTIALS_BY_EMAIL"],
        Method::InsertAccount => &["INSERT_ACCOUNT"],
        Method::OpenSession => &["RECORD_LOGIN", "OPEN_SESSION"],
        Method::RotateSession => &["ROTATE_SESSION"],
        Method::ListSessions => &["LIST_SESSIONS"],
        Method::RevokeSession => &["REVOKE_SESSION", "RAISE_STAMP"],
        Method::RecordAudit => &["INSERT_AUDIT"],
    };
    let known = vestibule_sql::statement_texts();
    let text = |wanted: &&str| {
        let found = known.iter().find(|(name, _)| name == wanted).map(|(_, text)| *text);
        found.with_context(|| format!("the store has no statement {wanted}"))
    };
    names.iter().map(text).collect()
}

/// A turn's statements, by their number in [`texts`], with their parameters.
pub(super) fn statements(method: Method, turn: Turn) -> anyhow::Result<Vec<(usize, Vec<Value>)>> {
    let now = integer(SystemClock.now().as_millis());
    Ok(match method {
        Method::FindAccount => vec![(0, vec![account(turn.account())])],
        Method::FindCredentials => vec![(0, vec![login_name(turn)?])],
        Method::InsertAccount => vec![(0, insertion(turn)?)],
        Method::OpenSession => opening(turn),
        Method::RotateSession => vec![(0, rotation(turn))],
        Method::ListSessions => vec![(0, vec![account(turn.account()), now])],
        Method::RevokeSession => {
            let stamp = stamp();
            let revocation = vec![session(turn.session()), now, Value::Null, stamp.clone()];
            vec![(0, revocation), (1, vec![stamp])]
        }
        Method::RecordAudit => audit(turn),
    })
}

fn login_name(turn: Turn) -> anyhow::Result<Value> {
    match turn.login_name() {
        LoginName::Email(email) => Ok(text(email.as_str())),
        other => bail!("{other:?} is no address"),
    }
}

fn insertion(turn: Turn) -> anyhow::Result<Vec<Value>> {
    let new = turn.new_account()?;
    Ok(vec![
        account(new.id),
        text(new.email.as_typed()),
        text(new.email.canonical()),
        Value::Null,
        Value::Null,
        Value::Null,
        text(HASH),
        integer(1),
        text("[]"),
        integer(new.created_at.as_millis()),
        Value::Null,
        integer(0),
        Value::Null,
    ])
}

fn opening(turn: Turn) -> Vec<(usize, Vec<Value>)> {
    let new = turn.opening().session;
    let (owner, born) = (account(new.account_id), integer(new.created_at.as_millis()));
    let made = vec![
        session(new.id),
        owner.clone(),
        text(""),
        born.clone(),
        integer(new.expires_at.as_millis()),
        integer(new.ends_at.as_millis()),
        integer(new.access_until.as_millis()),
        Value::Text(new.client.address.to_string()),
        Value::Text(new.client.user_agent),
        Value::Null,
        integer(i64::from(LIMIT - 1)),
        stamp(),
        new.device.map_or(Value::Null, |device| Value::Bytes(*device.as_bytes())),
    ];
    vec![(0, vec![owner, text(HASH), born, Value::Null]), (1, made)]
}

fn rotation(turn: Turn) -> Vec<Value> {
    let request = turn.rotation();
    let generation = i64::try_from(request.generation).unwrap_or(i64::MAX - 1);
    vec![
        session(request.id),
        integer(generation),
        integer(generation + 1),
        integer(request.now.as_millis()),
        integer(request.now.plus(request.refresh_ttl).as_millis()),
        integer(request.access_until.as_millis()),
    ]
}

fn audit(turn: Turn) -> Vec<(usize, Vec<Value>)> {
    let row = |event: vestibule::core::ports::audit::AuditEvent| {
        let parameters = vec![
            Value::Bytes(random_bytes()),
            integer(event.at.as_millis()),
            text(event.kind.as_str()),
            text(event.outcome.as_str()),
            event.account_id.map_or(Value::Null, account),
            event.actor_id.map_or(Value::Null, account),
            event.session_id.map_or(Value::Null, session),
            Value::Text(event.address),
            text(event.detail),
        ];
        (0, parameters)
    };
    turn.events().into_iter().map(row).collect()
}

/// The stamp that a change raises.
fn stamp() -> Value {
    let [random] = random_bytes::<1>();
    integer(i64::from(random % 16))
}

const fn integer(value: i64) -> Value {
    Value::Integer(value)
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn account(id: AccountId) -> Value {
    Value::Bytes(*id.as_uuid().as_bytes())
}

fn session(id: SessionId) -> Value {
    Value::Bytes(*id.as_uuid().as_bytes())
}

/// Those who run it.
pub(super) struct Raw {
    pub(super) workers: Vec<Worker>,
    /// How many of the method's calls a turn of a worker is worth.
    pub(super) calls: f64,
}

/// One of them.
pub(super) enum Worker {
    Reader(sqlite::Reader),
    Writer(sqlite::Writer),
    Postgres(postgres::Worker),
}

impl Work for Worker {
    async fn once(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Reader(reader) => reader.once().await,
            Self::Writer(writer) => writer.once().await,
            Self::Postgres(worker) => worker.once().await,
        }
    }
}

/// As many as the store's callers, or one who does the work of all where only one can write.
pub(super) async fn workers(
    database: &Database,
    method: Method,
    tasks: usize,
    turns: &Turns,
) -> anyhow::Result<Raw> {
    let (workers, calls) = match database {
        Database::Sqlite { path, .. } if method.is_write() => {
            let writer = sqlite::Writer::open(path, method, u32::try_from(tasks)?, turns)?;
            (vec![Worker::Writer(writer)], f64::from(u32::try_from(tasks)?))
        }
        Database::Sqlite { path, .. } => {
            let readers = sqlite::readers(path, method, tasks, turns)?;
            (readers.into_iter().map(Worker::Reader).collect(), 1.0)
        }
        Database::Postgres(database) => {
            let workers = postgres::workers(&database.url(), method, tasks, turns).await?;
            (workers.into_iter().map(Worker::Postgres).collect(), 1.0)
        }
    };
    Ok(Raw { workers, calls })
}
