//! What PostgreSQL's errors mean for the store, and whether another attempt may help.

use std::{future::Future, time::Duration};

use tokio_postgres::{Client, Error, SimpleQueryMessage, error::SqlState};
use vestibule_core::ports::store::StoreError;

use crate::failure::{broken, unavailable};

/// What the database said to one of our statements: all of it, so that it names no source that would say it again.
#[derive(Debug, thiserror::Error)]
#[error("{statement}: {}", told(said))]
struct Refusal {
    statement: &'static str,
    said: Error,
}

/// The database said nothing in time.
#[derive(Debug, thiserror::Error)]
#[error("the database did not answer within {0:?}")]
struct Silence(Duration);

/// The database takes no writes: a standby, or a primary that became one.
#[derive(Debug, thiserror::Error)]
#[error("the database is read-only")]
struct ReadOnly;

/// What can be done about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing was done, and the same connection may do it now.
    Again,
    /// Nothing was done, and this connection will not do it: it leads to a server that takes no writes.
    Elsewhere,
    /// Nothing was done, and this connection will not do it: what is prepared on it no longer fits the tables, or is gone.
    Stale,
    /// The connection is lost or must not be used again; what was under way may have been done.
    Lost,
    /// The connection must not be used again, and who waited has waited long enough.
    Silent,
    /// Nothing.
    None,
}

/// Says what can be done about a failure.
pub(super) fn remedy(error: &StoreError) -> Remedy {
    let StoreError::Unavailable(cause) = error else { return Remedy::None };
    if cause.is::<ReadOnly>() {
        return Remedy::Elsewhere;
    }
    if cause.is::<Silence>() {
        return Remedy::Silent;
    }
    let Some(Refusal { said, .. }) = cause.downcast_ref() else { return Remedy::None };
    match said.code() {
        Some(code) if is_conflict(code) => Remedy::Again,
        Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => Remedy::Elsewhere,
        Some(_) if is_stale(said) => Remedy::Stale,
        // Said by a server that is going away; the connection goes with it.
        Some(code) if code.code().starts_with("57P") => Remedy::Lost,
        Some(_) => Remedy::None,
        None => Remedy::Lost,
    }
}

/// Whether the database answered at all: what it refused was not done, not even where it refused a COMMIT.
pub(super) fn is_refused(error: &StoreError) -> bool {
    said(error).and_then(Error::code).is_some_and(|code| !code.code().starts_with("57P"))
}

/// What the database said, where it was the database that failed.
pub(super) fn said(error: &StoreError) -> Option<&Error> {
    let (StoreError::Unavailable(cause) | StoreError::Broken(cause)) = error else { return None };
    cause.downcast_ref::<Refusal>().map(|refusal| &refusal.said)
}

/// Sorts an error of PostgreSQL: away for now, or a bug or damage.
pub(super) fn store_error(statement: &'static str, source: Error) -> StoreError {
    let is_away = source.code().is_none_or(is_passing) || is_stale(&source);
    // What does not come from the server and not from the connection is a row or a parameter of another type.
    let is_ours = source.code().is_none() && !source.is_closed() && !is_connection(&source);
    let refusal = Refusal { statement, said: source };
    if is_away && !is_ours { unavailable(refusal) } else { broken(refusal) }
}

/// Whether it says nothing about the schema or the statement: another time, or from another server, it would be taken.
pub(super) fn is_passing(code: &SqlState) -> bool {
    let class = code.code().get(..2).unwrap_or_default();
    // A right that was taken away is given back by the operator, and nothing is lost until then.
    if is_conflict(code) || *code == SqlState::INSUFFICIENT_PRIVILEGE {
        return true;
    }
    // Connection, transaction, resources, operator and system errors, and what a configuration takes away.
    ["08", "25", "28", "3D", "40", "53", "55", "57", "58"].contains(&class)
}

/// Whether a prepared statement failed as such: its table was altered under it, or somebody forgot it for us.
fn is_stale(error: &Error) -> bool {
    let Some(refusal) = error.as_db_error() else { return false };
    match *refusal.code() {
        SqlState::INVALID_SQL_STATEMENT_NAME => true,
        // Much is not supported; the function's name is in no language.
        SqlState::FEATURE_NOT_SUPPORTED => {
            refusal.routine() == Some("RevalidateCachedQuery") || refusal.message().contains("cached plan")
        }
        _ => false,
    }
}

/// Whether the connection itself failed.
fn is_connection(error: &Error) -> bool {
    use std::error::Error as _;
    error.source().is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}

/// Whether it has the code of nearly everything that PgBouncer says by itself.
pub(super) fn is_of_pooler(error: &Error) -> bool {
    error.code() == Some(&SqlState::PROTOCOL_VIOLATION)
}

/// Whether the server, or a pooler before it, takes no further connection.
pub(super) fn is_full(error: &Error) -> bool {
    error.as_db_error().is_some_and(|refusal| {
        *refusal.code() == SqlState::TOO_MANY_CONNECTIONS
            || refusal.message().starts_with("no more connections")
    })
}

/// A transaction that lost against another one. Bodies look before they change a name, so a name that is taken was taken
/// in between: they see it when they look again.
fn is_conflict(code: &SqlState) -> bool {
    let lost =
        [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::UNIQUE_VIOLATION];
    lost.contains(code)
}

/// Waits for an answer, for at most `limit`.
pub(super) async fn within<R>(
    limit: Duration,
    answer: impl Future<Output = Result<R, StoreError>>,
) -> Result<R, StoreError> {
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| Err(unavailable(Silence(limit))))
}

/// Asks whether the server takes no writes.
pub(super) async fn is_read_only(client: &Client) -> Result<bool, StoreError> {
    const SHOW: &str = "SHOW transaction_read_only";
    let answer = client.simple_query(SHOW).await.map_err(|source| store_error(SHOW, source))?;
    Ok(answer.iter().any(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0) == Some("on"),
        _ => false,
    }))
}

/// An outage: nothing can be written.
pub(super) fn read_only() -> StoreError {
    unavailable(ReadOnly)
}

/// What went wrong, with the words of the server where it said any.
pub(super) fn told(error: &Error) -> String {
    use std::error::Error as _;
    match (error.as_db_error(), error.source()) {
        (Some(refusal), _) => format!("{} ({})", refusal.message(), refusal.code().code()),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn what_the_database_said_is_told_once() {
        let error = store_error("SELECT 1", Error::__private_api_timeout());
        let (StoreError::Unavailable(cause) | StoreError::Broken(cause)) = error else {
            panic!("it is one of the two");
        };
        assert_eq!(cause.to_string(), format!("SELECT 1: {}", Error::__private_api_timeout()));
        assert!(cause.source().is_none());
    }
}
