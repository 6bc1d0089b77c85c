//! The two ways in which a store fails.

use std::error::Error;

use vestibule_core::ports::store::StoreError;

/// The store is away; asking again may help.
pub(crate) fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable(cause.into())
}

/// The store said what it must not say; asking again does not help.
pub(crate) fn broken(cause: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::Broken(cause.into())
}
