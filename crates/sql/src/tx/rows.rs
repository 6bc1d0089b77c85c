//! What statements answer with: rows, read column by column.

use uuid::Uuid;
use vestibule_core::{
    ports::{clock::Timestamp, store::StoreError},
    values::{account::AccountId, session::SessionId},
};

use crate::failure::broken;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    Integer,
    Text,
    Bytes,
}

/// A column as its row type expects it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: ColumnType,
    pub(crate) is_nullable: bool,
}

/// A row of an engine's answer, read by position.
pub(crate) trait Row {
    fn integer(&self, position: usize) -> Result<Option<i64>, StoreError>;
    fn text(&self, position: usize) -> Result<Option<&str>, StoreError>;
    fn bytes(&self, position: usize) -> Result<Option<&[u8]>, StoreError>;
}

/// A value that a column can hold.
pub(crate) trait Field: Sized {
    const TYPE: ColumnType;
    const IS_NULLABLE: bool = false;

    /// Reads the value; `None` where the column is NULL.
    fn read_nullable(row: &impl Row, position: usize) -> Result<Option<Self>, StoreError>;

    /// Reads the value; NULL is an error unless the type has a place for it.
    fn read(row: &impl Row, position: usize) -> Result<Self, StoreError> {
        Self::read_nullable(row, position)?.ok_or_else(|| broken(format!("column {position} is NULL")))
    }
}

impl Field for i64 {
    const TYPE: ColumnType = ColumnType::Integer;

    fn read_nullable(row: &impl Row, position: usize) -> Result<Option<Self>, StoreError> {
        row.integer(position)
    }
}

impl Field for bool {
    const TYPE: ColumnType = ColumnType::Integer;

    fn read_nullable(row: &impl Row, position: usize) -> Result<Option<Self>, StoreError> {
        Ok(row.integer(position)?.map(|truth| truth != 0))
    }
}

impl Field for Timestamp {
    const TYPE: ColumnType = ColumnType::Integer;

    fn read_nullable(row: &impl Row, position: usize) -> Result<Option<Self>, StoreError> {
        Ok(row.integer(position)?.map(Self::from_millis))
    }
}

impl Field for String {
    const TYPE: ColumnType = ColumnType::Text;

    fn read_nullable(row: &impl Row, position: usize) -> Result<Option<Self>, StoreError> {
        Ok(row.text(position)?.map(str::to_owned))
    }
}

impl Field for Vec<u8> {
    const TYPE: ColumnType = ColumnType::Bytes;

    fn read_nullable(row: &impl Row, position: usize) -> Result<Option<Self>, StoreError> {
        Ok(row.bytes(position)?.map(<[u8]>::to_vec))
    }
}

impl Field for Uuid {
    const TYPE: ColumnType = ColumnType::Bytes;

    fn read_nullable(row: &impl Row, position: usize) -> Result<Option<Self>, StoreError> {
        row.bytes(position)?.map(Self::from_slice).transpose().map_err(broken)
    }
}

impl Field for AccountId {
    const TYPE: ColumnType = ColumnType::Bytes;

    fn read_nullable(row: &impl Row, position: usize) -> Result<Option<Self>, StoreError> {
        Ok(Uuid::read_nullable(row, position)?.map(Self::from_uuid))
    }
}

impl Field for SessionId {
    const TYPE: ColumnType = ColumnType::Bytes;

    fn read_nullable(row: &impl Row, position: usize) -> Result<Option<Self>, StoreError> {
        Ok(Uuid::read_nullable(row, position)?.map(Self::from_uuid))
    }
}

impl<F: Field> Field for Option<F> {
    const TYPE: ColumnType = F::TYPE;
    const IS_NULLABLE: bool = true;

    fn read_nullable(row: &impl Row, position: usize) -> Result<Option<Self>, StoreError> {
        F::read_nullable(row, position).map(Some)
    }
}

/// What a statement answers with.
pub(crate) trait FromRow: Sized + Send {
    /// How many columns it takes.
    const WIDTH: usize;

    /// The columns, in order.
    fn columns() -> Vec<Column>;

    /// Reads it from the columns that begin at `start`.
    fn from_row(row: &impl Row, start: usize) -> Result<Self, StoreError>;
}

/// No answer.
impl FromRow for () {
    const WIDTH: usize = 0;

    fn columns() -> Vec<Column> {
        Vec::new()
    }

    fn from_row(_: &impl Row, _: usize) -> Result<Self, StoreError> {
        Ok(())
    }
}

/// One answer after the other.
impl<A: FromRow, B: FromRow> FromRow for (A, B) {
    const WIDTH: usize = A::WIDTH + B::WIDTH;

    fn columns() -> Vec<Column> {
        let mut columns = A::columns();
        columns.extend(B::columns());
        columns
    }

    fn from_row(row: &impl Row, start: usize) -> Result<Self, StoreError> {
        Ok((A::from_row(row, start)?, B::from_row(row, start + A::WIDTH)?))
    }
}

/// Declares a row: a struct whose fields are the columns, in order.
macro_rules! row {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $kind:ty),+ $(,)? }) => {
        $(#[$meta])*
        pub(crate) struct $name {
            $(pub(crate) $field: $kind),+
        }

        impl $crate::tx::FromRow for $name {
            const WIDTH: usize = [$(stringify!($field)),+].len();

            fn columns() -> Vec<$crate::tx::Column> {
                vec![$($crate::tx::Column {
                    name: stringify!($field),
                    kind: <$kind as $crate::tx::Field>::TYPE,
                    is_nullable: <$kind as $crate::tx::Field>::IS_NULLABLE,
                }),+]
            }

            fn from_row(
                row: &impl $crate::tx::Row,
                start: usize,
            ) -> Result<Self, vestibule_core::ports::store::StoreError> {
                let mut positions = start..;
                let mut next = || positions.next().unwrap_or(usize::MAX);
                Ok(Self { $($field: <$kind as $crate::tx::Field>::read(row, next())?),+ })
            }
        }
    };
}
pub(crate) use row;
