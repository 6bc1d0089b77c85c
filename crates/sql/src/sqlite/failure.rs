//! What SQLite's errors mean for the store.

use rusqlite::{Error, ErrorCode};
use vestibule_core::ports::store::StoreError;

use crate::failure::{broken, unavailable};

/// Sorts an error of SQLite: away for now, or a bug or damage.
pub(super) fn store_error(error: Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OperationInterrupted
            | ErrorCode::OperationAborted,
        ) => unavailable(error),
        _ => broken(error),
    }
}
