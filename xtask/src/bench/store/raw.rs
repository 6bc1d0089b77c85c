//! What the store's methods come to in SQL, and who runs it without the store.

use vestibule::core::{
    ports::{Clock, SystemClock},
    values::{account::AccountId, secret::random_bytes, session::SessionId},
};

use super::{
    super::{
        database::{Database, HASH},
        load::Work,
        method::{LIMIT, Method, Turn, Turns},
    },
    postgres, sqlite,
};

const ACCOUNT: &str =
    "id, email, username, full_name, active, confirmed, permissions, created_at, last_login_at";
const CUTOFF: &str = "COALESCE((SELECT cutoff_at FROM global_cutoff WHERE id = 1), 0)";
const NOT_CUT_OFF: &str = "session.created_at > COALESCE((SELECT cutoff_at FROM global_cutoff WHERE id = 1), 0) \
     AND session.created_at > (SELECT account.cutoff_at FROM account WHERE account.id = session.account_id)";

/// A parameter.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Integer(i64),
    Text(String),
    Bytes([u8; 16]),
    Null,
}

/// The statements of a method, in order; `$1` marks a parameter.
pub(super) fn texts(method: Method) -> Vec<String> {
    match method {
        Method::FindAccount => vec![format!("SELECT {ACCOUNT} FROM account WHERE id = $1")],
        Method::FindCredentials => vec![format!(
            "SELECT {ACCOUNT}, password_hash, cutoff_at, {CUTOFF} FROM account WHERE email_canonical = $1"
        )],
        Method::InsertAccount => vec![format!(
            "INSERT INTO account (id, email, email_canonical, username, username_canonical, full_name, \
             password_hash, active, confirmed, permissions, created_at, last_login_at, cutoff_at, cutoff_until) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10, NULL, 0, 0) \
             ON CONFLICT DO NOTHING RETURNING {ACCOUNT}"
        )],
        Method::OpenSession => open_session(),
        Method::RotateSession => vec![rotate_session()],
        Method::ListSessions => vec![format!(
            "SELECT session.id, session.created_at, session.refreshed_at, session.address, session.user_agent \
             FROM session WHERE session.account_id = $1 AND session.revoked_at IS NULL \
             AND session.expires_at > $2 AND {NOT_CUT_OFF} ORDER BY session.created_at DESC, session.id DESC"
        )],
        Method::RevokeSession => vec![
            format!(
                "UPDATE session SET revoked_at = $2 WHERE id = $1 AND account_id = COALESCE($3, account_id) \
                 AND revoked_at IS NULL AND (expires_at > $2 OR access_until > $2) AND {NOT_CUT_OFF} \
                 RETURNING id, account_id, access_until"
            ),
            "UPDATE change_stamp SET version = version + 1 WHERE shard = $1".into(),
        ],
        Method::RecordAudit => vec![
            "INSERT INTO audit_event (id, at, kind, outcome, account_id, session_id, address, detail) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
                .into(),
        ],
    }
}

fn open_session() -> Vec<String> {
    vec![
        format!(
            "UPDATE account SET last_login_at = $3 WHERE id = $1 AND active = 1 AND password_hash = $2 \
             AND cutoff_at < $3 RETURNING {ACCOUNT}"
        ),
        "INSERT INTO session (id, account_id, generation, scope, created_at, authenticated_at, refreshed_at, \
         expires_at, ends_at, access_until, revoked_at, address, user_agent) \
         VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $8, $9, NULL, $10, $11)"
            .into(),
        format!(
            "UPDATE session SET revoked_at = $2 WHERE id IN (SELECT session.id FROM session WHERE \
             (SELECT COUNT(*) FROM session AS kept WHERE kept.account_id = $1 AND kept.revoked_at IS NULL) > $4 \
             AND session.account_id = $1 AND session.id <> $3 AND session.revoked_at IS NULL \
             AND session.expires_at > $2 AND {NOT_CUT_OFF} \
             ORDER BY session.created_at DESC, session.id DESC LIMIT 1000000 OFFSET $4) \
             RETURNING id, account_id, access_until"
        ),
    ]
}

fn rotate_session() -> String {
    let of_account: Vec<String> = ACCOUNT
        .split(", ")
        .skip(1)
        .map(|name| format!("(SELECT account.{name} FROM account WHERE account.id = session.account_id)"))
        .collect();
    format!(
        "UPDATE session SET generation = $3, refreshed_at = $4, \
         expires_at = CASE WHEN ends_at < $5 THEN ends_at ELSE $5 END, \
         access_until = CASE WHEN access_until > $6 THEN access_until ELSE $6 END \
         WHERE id = $1 AND generation <= $2 AND revoked_at IS NULL AND expires_at > $4 \
         AND created_at > {CUTOFF} AND EXISTS (SELECT 1 FROM account \
         WHERE account.id = session.account_id AND account.active = 1 AND account.cutoff_at < session.created_at) \
         RETURNING generation, scope, authenticated_at, expires_at, account_id, {}",
        of_account.join(", ")
    )
}

/// A turn's statements, by their number in [`texts`], with their parameters.
pub(super) fn statements(method: Method, turn: Turn) -> anyhow::Result<Vec<(usize, Vec<Value>)>> {
    let now = integer(SystemClock.now().as_millis());
    Ok(match method {
        Method::FindAccount => vec![(0, vec![account(turn.account())])],
        Method::FindCredentials => vec![(0, vec![Value::Text(turn.address())])],
        Method::InsertAccount => vec![(0, insertion(turn)?)],
        Method::OpenSession => opening(turn),
        Method::RotateSession => vec![(0, rotation(turn))],
        Method::ListSessions => vec![(0, vec![account(turn.account()), now])],
        Method::RevokeSession => {
            let [random] = random_bytes::<1>();
            let stamp = vec![integer(i64::from(random % 16))];
            vec![(0, vec![session(turn.session()), now, Value::Null]), (1, stamp)]
        }
        Method::RecordAudit => audit(turn),
    })
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
    ])
}

fn opening(turn: Turn) -> Vec<(usize, Vec<Value>)> {
    let new = turn.opening().session;
    let (owner, id, born) = (account(new.account_id), session(new.id), integer(new.created_at.as_millis()));
    let made = vec![
        id.clone(),
        owner.clone(),
        text(""),
        born.clone(),
        born.clone(),
        born.clone(),
        integer(new.expires_at.as_millis()),
        integer(new.ends_at.as_millis()),
        integer(new.access_until.as_millis()),
        Value::Text(new.client.address.to_string()),
        Value::Text(new.client.user_agent),
    ];
    let room = vec![owner.clone(), born.clone(), id, integer(i64::from(LIMIT - 1))];
    vec![(0, vec![owner, text(HASH), born]), (1, made), (2, room)]
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
            event.session_id.map_or(Value::Null, session),
            Value::Text(event.address),
            text(event.detail),
        ];
        (0, parameters)
    };
    turn.events().into_iter().map(row).collect()
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
            Self::Writer(writer) => writer.once(),
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
