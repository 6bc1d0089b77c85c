//! Raw statements on PostgreSQL.

use std::sync::Arc;

use anyhow::Context;
use tokio::sync::Mutex;
use tokio_postgres::{
    Client, Statement,
    types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

use super::{
    super::{
        database::connect,
        method::{Method, Turns},
    },
    raw::{Value, statements, texts},
};

/// How many connections the store has.
const CONNECTIONS: usize = 16;
/// How many of them write: the store keeps two for look-ups and one to hear of changes.
const WRITERS: usize = 13;

/// A connection with the method's statements prepared.
struct Prepared {
    client: Client,
    statements: Vec<Statement>,
}

/// Runs a method on a connection that it may share, one turn at a time.
pub(super) struct Worker {
    connection: Arc<Mutex<Prepared>>,
    method: Method,
    turns: Turns,
}

/// Workers on as many connections as the store has, if there are as many of them.
pub(super) async fn workers(
    url: &str,
    method: Method,
    tasks: usize,
    turns: &Turns,
) -> anyhow::Result<Vec<Worker>> {
    let mut connections = Vec::new();
    let most = if method.is_write() { WRITERS } else { CONNECTIONS };
    for _ in 0..tasks.min(most) {
        let client = connect(url).await?;
        let mut statements = Vec::new();
        for text in texts(method)? {
            statements.push(client.prepare(text).await.context(text)?);
        }
        connections.push(Arc::new(Mutex::new(Prepared { client, statements })));
    }
    let worker =
        |connection: &Arc<_>| Worker { connection: Arc::clone(connection), method, turns: turns.clone() };
    Ok(connections.iter().cycle().take(tasks).map(worker).collect())
}

impl Worker {
    pub(super) async fn once(&mut self) -> anyhow::Result<()> {
        let connection = self.connection.lock().await;
        let is_transaction =
            matches!(self.method, Method::OpenSession | Method::RevokeSession | Method::RecordAudit);
        if is_transaction {
            connection.client.batch_execute("BEGIN").await?;
        }
        for (number, parameters) in statements(self.method, self.turns.next())? {
            let statement = connection.statements.get(number).context("a statement is missing")?;
            let bound: Vec<_> = parameters.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
            connection.client.query(statement, &bound).await?;
        }
        if is_transaction {
            connection.client.batch_execute("COMMIT").await?;
        }
        Ok(())
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Integer(value) => value.to_sql(kind, out),
            Self::Text(value) => value.to_sql(kind, out),
            Self::Bytes(value) => value.as_slice().to_sql(kind, out),
            Self::Null => Ok(IsNull::Yes),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}
