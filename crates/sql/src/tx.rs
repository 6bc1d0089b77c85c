//! The seam between the bodies and the engines: a transaction, its parameters and its rows.

mod rows;

use std::{fmt, future::Future};

use uuid::Uuid;
use vestibule_core::{
    ports::{clock::Timestamp, store::StoreError},
    values::{account::AccountId, device::DeviceId, session::SessionId},
};

#[cfg(test)]
pub(crate) use self::rows::ColumnType;
pub(crate) use self::rows::{Column, Field, FromRow, Row, row};
use crate::statement::Statement;

/// A transaction in which a body runs.
///
/// A body awaits nothing else: SQLite's futures are ready at once, and its engine polls a body exactly once. A body
/// may be run again from its start after a serialization failure, so it takes its arguments by reference.
pub(crate) trait Tx: Send {
    /// Runs a statement without an answer; says how many rows it touched.
    fn exec(
        &mut self,
        statement: &'static Statement<()>,
        params: &[Value<'_>],
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Runs a statement with at most one row in its answer.
    fn opt<R: FromRow>(
        &mut self,
        statement: &'static Statement<R>,
        params: &[Value<'_>],
    ) -> impl Future<Output = Result<Option<R>, StoreError>> + Send;

    /// Runs a statement with any number of rows in its answer.
    fn all<R: FromRow>(
        &mut self,
        statement: &'static Statement<R>,
        params: &[Value<'_>],
    ) -> impl Future<Output = Result<Vec<R>, StoreError>> + Send;

    /// Notes that other nodes are to hear of this transaction once it is committed.
    fn will_be_told(&mut self) {}
}

/// A parameter. `None` is a typed NULL: PostgreSQL wants to know what kind of nothing it is given.
///
/// # Security
/// Printing it shows its kind alone: drivers log the parameters of a statement, and these are hashes and addresses.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Integer(Option<i64>),
    Text(Option<&'a str>),
    Bytes(Option<&'a [u8]>),
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer(_) => "Integer",
            Self::Text(_) => "Text",
            Self::Bytes(_) => "Bytes",
        })
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Integer(Some(i64::from(value)))
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(value: Timestamp) -> Self {
        Self::Integer(Some(value.as_millis()))
    }
}

impl From<Option<Timestamp>> for Value<'_> {
    fn from(value: Option<Timestamp>) -> Self {
        Self::Integer(value.map(Timestamp::as_millis))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(Some(value))
    }
}

impl<'a> From<&'a DeviceId> for Value<'a> {
    fn from(value: &'a DeviceId) -> Self {
        Self::Bytes(Some(value.as_bytes()))
    }
}

impl<'a> From<Option<&'a DeviceId>> for Value<'a> {
    fn from(value: Option<&'a DeviceId>) -> Self {
        Self::Bytes(value.map(|device| device.as_bytes().as_slice()))
    }
}

impl<'a> From<&'a Uuid> for Value<'a> {
    fn from(value: &'a Uuid) -> Self {
        Self::Bytes(Some(value.as_bytes()))
    }
}

impl<'a> From<&'a AccountId> for Value<'a> {
    fn from(value: &'a AccountId) -> Self {
        value.as_uuid().into()
    }
}

impl<'a> From<&'a SessionId> for Value<'a> {
    fn from(value: &'a SessionId) -> Self {
        value.as_uuid().into()
    }
}

impl<'a> From<Option<&'a AccountId>> for Value<'a> {
    fn from(value: Option<&'a AccountId>) -> Self {
        Self::Bytes(value.map(|id| id.as_uuid().as_bytes().as_slice()))
    }
}

impl<'a> From<Option<&'a SessionId>> for Value<'a> {
    fn from(value: Option<&'a SessionId>) -> Self {
        Self::Bytes(value.map(|id| id.as_uuid().as_bytes().as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn printing_a_parameter_shows_its_kind_alone() {
        let parameters: [Value<'_>; 4] =
            [1234.into(), "canary".into(), b"canary".as_slice().into(), None::<&str>.into()];
        assert_eq!(format!("{parameters:?}"), "[Integer, Text, Bytes, Text]");
    }
}
