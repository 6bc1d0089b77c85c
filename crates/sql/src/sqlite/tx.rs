//! The seam over a SQLite connection: every future is ready at once.

use std::{
    future::{Future, ready},
    pin::pin,
    task::{Context, Poll, Waker},
};

use rusqlite::{CachedStatement, Connection, ToSql, types::ToSqlOutput, types::ValueRef};
use vestibule_core::ports::store::StoreError;

use super::failure::store_error;
use crate::{
    failure::broken,
    statement::Statement,
    tx::{FromRow, Row, Tx, Value},
};

/// A connection, in whatever transaction its owner has begun.
#[derive(Debug)]
pub(crate) struct SqliteTx<'c> {
    connection: &'c mut Connection,
}

impl<'c> SqliteTx<'c> {
    pub(crate) fn new(connection: &'c mut Connection) -> Self {
        Self { connection }
    }

    /// The connection itself, to break it in tests.
    #[cfg(test)]
    pub(super) fn connection(&mut self) -> &mut Connection {
        self.connection
    }

    fn prepare<R: FromRow>(
        &self,
        statement: &Statement<R>,
        params: &[Value<'_>],
    ) -> Result<CachedStatement<'_>, StoreError> {
        let mut prepared = self.connection.prepare_cached(statement.numbered()).map_err(store_error)?;
        if prepared.parameter_count() != params.len() {
            return Err(broken(format!("{} parameters for {}", params.len(), statement.numbered())));
        }
        for (position, value) in params.iter().enumerate() {
            prepared.raw_bind_parameter(position + 1, value).map_err(store_error)?;
        }
        Ok(prepared)
    }

    fn run<R: FromRow>(
        &self,
        statement: &Statement<R>,
        params: &[Value<'_>],
        mut take: impl FnMut(R),
    ) -> Result<(), StoreError> {
        let mut prepared = self.prepare(statement, params)?;
        let mut rows = prepared.raw_query();
        while let Some(row) = rows.next().map_err(store_error)? {
            take(R::from_row(row, 0)?);
        }
        Ok(())
    }
}

impl Tx for SqliteTx<'_> {
    fn exec(
        &mut self,
        statement: &'static Statement<()>,
        params: &[Value<'_>],
    ) -> impl Future<Output = Result<u64, StoreError>> + Send {
        let touched = self
            .prepare(statement, params)
            .and_then(|mut prepared| prepared.raw_execute().map_err(store_error))
            .and_then(|touched| u64::try_from(touched).map_err(broken));
        ready(touched)
    }

    fn opt<R: FromRow>(
        &mut self,
        statement: &'static Statement<R>,
        params: &[Value<'_>],
    ) -> impl Future<Output = Result<Option<R>, StoreError>> + Send {
        let mut found = None;
        // To the end, although one row is enough: a statement that writes is not done before its last row.
        let result = self.run(statement, params, |row| found = Some(row));
        ready(result.map(|()| found))
    }

    fn all<R: FromRow>(
        &mut self,
        statement: &'static Statement<R>,
        params: &[Value<'_>],
    ) -> impl Future<Output = Result<Vec<R>, StoreError>> + Send {
        let mut found = Vec::new();
        let result = self.run(statement, params, |row| found.push(row));
        ready(result.map(|()| found))
    }
}

impl Row for rusqlite::Row<'_> {
    fn integer(&self, position: usize) -> Result<Option<i64>, StoreError> {
        match self.get_ref(position).map_err(broken)? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(value) => Ok(Some(value)),
            other => Err(unexpected(position, "an integer", other)),
        }
    }

    fn text(&self, position: usize) -> Result<Option<&str>, StoreError> {
        match self.get_ref(position).map_err(broken)? {
            ValueRef::Null => Ok(None),
            ValueRef::Text(text) => Ok(Some(str::from_utf8(text).map_err(broken)?)),
            other => Err(unexpected(position, "text", other)),
        }
    }

    fn bytes(&self, position: usize) -> Result<Option<&[u8]>, StoreError> {
        match self.get_ref(position).map_err(broken)? {
            ValueRef::Null => Ok(None),
            ValueRef::Blob(bytes) => Ok(Some(bytes)),
            other => Err(unexpected(position, "bytes", other)),
        }
    }
}

fn unexpected(position: usize, expected: &str, found: ValueRef<'_>) -> StoreError {
    broken(format!("column {position} is no {expected} but {}", found.data_type()))
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Integer(value) => value.map_or(ValueRef::Null, ValueRef::Integer),
            Value::Text(value) => value.map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes())),
            Value::Bytes(value) => value.map_or(ValueRef::Null, ValueRef::Blob),
        }))
    }
}

/// Runs a body to its end, which is where its first poll gets it: nothing it awaits is ever pending.
pub(crate) fn run_now<R>(body: impl Future<Output = Result<R, StoreError>>) -> Result<R, StoreError> {
    match pin!(body).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(broken("a body awaits something else than its transaction")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tx::row;

    row! { PairRow { first: i64, second: i64 } }

    static SECOND_BEFORE_FIRST: Statement<PairRow> =
        Statement::new("SECOND_BEFORE_FIRST", "SELECT $2 - 1 AS first, $1 + 1 AS second WHERE $2 > $1");

    #[test]
    fn parameters_are_bound_by_number_not_by_first_appearance() {
        let mut connection = Connection::open_in_memory().unwrap();
        let mut tx = SqliteTx::new(&mut connection);
        let row = run_now(tx.opt(&SECOND_BEFORE_FIRST, &[10.into(), 20.into()])).unwrap().unwrap();
        assert_eq!((row.first, row.second), (19, 11));
    }

    #[test]
    fn a_wrong_number_of_parameters_is_an_error() {
        let mut connection = Connection::open_in_memory().unwrap();
        let mut tx = SqliteTx::new(&mut connection);
        assert!(run_now(tx.opt(&SECOND_BEFORE_FIRST, &[10.into()])).is_err());
    }

    #[test]
    fn a_body_that_awaits_something_else_is_an_error() {
        assert!(run_now(std::future::pending::<Result<(), StoreError>>()).is_err());
    }
}
