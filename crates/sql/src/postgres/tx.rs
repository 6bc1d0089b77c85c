//! The seam over a PostgreSQL connection.

use std::{future::Future, time::Duration};

use deadpool_postgres::StatementCache;
use tokio_postgres::{
    Client,
    types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};
use vestibule_core::ports::store::StoreError;

use super::failure::{self, within};
use crate::{
    failure::broken,
    statement::Statement,
    tx::{FromRow, Row, Tx, Value},
};

type BoxError = Box<dyn std::error::Error + Sync + Send>;

/// A connection, in whatever transaction its owner has begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PostgresTx<'c> {
    client: &'c Client,
    /// Where statements stay prepared; none behind a pooler that gives each transaction another connection.
    prepared: Option<&'c StatementCache>,
    /// How long a statement may take.
    limit: Duration,
    /// Whether other nodes are to hear of it.
    is_to_be_told: bool,
}

impl<'c> PostgresTx<'c> {
    pub(super) fn new(client: &'c Client, prepared: Option<&'c StatementCache>, limit: Duration) -> Self {
        Self { client, prepared, limit, is_to_be_told: false }
    }

    /// Whether other nodes are to hear of what was done.
    pub(super) fn is_to_be_told(&self) -> bool {
        self.is_to_be_told
    }

    /// An outage where the database takes no writes.
    pub(super) async fn assert_writable(&self) -> Result<(), StoreError> {
        within(self.limit, async {
            let is_read_only = failure::is_read_only(self.client).await?;
            if is_read_only { Err(failure::read_only()) } else { Ok(()) }
        })
        .await
    }

    async fn rows<R: FromRow>(
        &self,
        statement: &'static Statement<R>,
        params: &[Value<'_>],
    ) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let types: Vec<Type> = params.iter().map(Value::kind).collect();
        let answer = async {
            match self.prepared {
                Some(cache) => {
                    let prepared = cache.prepare_typed(self.client, statement.sql(), &types).await?;
                    self.client.query(&prepared, &bound(params)).await
                }
                None => self.client.query_typed(statement.sql(), &typed(params, types)).await,
            }
        };
        within(self.limit, async {
            answer.await.map_err(|cause| failure::store_error(statement.name(), cause))
        })
        .await
    }

    async fn touched(
        &self,
        statement: &'static Statement<()>,
        params: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        let types: Vec<Type> = params.iter().map(Value::kind).collect();
        let answer = async {
            match self.prepared {
                Some(cache) => {
                    let prepared = cache.prepare_typed(self.client, statement.sql(), &types).await?;
                    self.client.execute(&prepared, &bound(params)).await
                }
                None => self.client.execute_typed(statement.sql(), &typed(params, types)).await,
            }
        };
        within(self.limit, async {
            answer.await.map_err(|cause| failure::store_error(statement.name(), cause))
        })
        .await
    }
}

fn bound<'a>(params: &'a [Value<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn typed<'a>(params: &'a [Value<'_>], types: Vec<Type>) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    bound(params).into_iter().zip(types).collect()
}

impl Tx for PostgresTx<'_> {
    fn exec(
        &mut self,
        statement: &'static Statement<()>,
        params: &[Value<'_>],
    ) -> impl Future<Output = Result<u64, StoreError>> + Send {
        self.touched(statement, params)
    }

    async fn opt<R: FromRow>(
        &mut self,
        statement: &'static Statement<R>,
        params: &[Value<'_>],
    ) -> Result<Option<R>, StoreError> {
        let rows = self.rows(statement, params).await?;
        rows.last().map(|row| R::from_row(row, 0)).transpose()
    }

    async fn all<R: FromRow>(
        &mut self,
        statement: &'static Statement<R>,
        params: &[Value<'_>],
    ) -> Result<Vec<R>, StoreError> {
        let rows = self.rows(statement, params).await?;
        rows.iter().map(|row| R::from_row(row, 0)).collect()
    }

    fn will_be_told(&mut self) {
        self.is_to_be_told = true;
    }
}

impl Row for tokio_postgres::Row {
    fn integer(&self, position: usize) -> Result<Option<i64>, StoreError> {
        self.try_get(position).map_err(broken)
    }

    fn text(&self, position: usize) -> Result<Option<&str>, StoreError> {
        self.try_get(position).map_err(broken)
    }

    fn bytes(&self, position: usize) -> Result<Option<&[u8]>, StoreError> {
        self.try_get(position).map_err(broken)
    }
}

impl Value<'_> {
    /// Said with every statement, so that nothing is left to be guessed.
    fn kind(&self) -> Type {
        match self {
            Self::Integer(_) => Type::INT8,
            Self::Text(_) => Type::TEXT,
            Self::Bytes(_) => Type::BYTEA,
        }
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        match self {
            Self::Integer(value) => value.to_sql(kind, out),
            Self::Text(value) => value.to_sql(kind, out),
            Self::Bytes(value) => value.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}
