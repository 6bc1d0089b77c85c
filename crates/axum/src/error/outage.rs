//! Outages: what is answered while the store or the hasher cannot be asked.

use std::time::Duration;

use vestibule_core::ports::{HashError, StoreError};

use super::{ApiError, Code};

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => {
                Self::new(Code::Unavailable).retry_after(Duration::from_secs(1)).cause(error)
            }
            _ => Self::internal(error),
        }
    }
}

impl From<HashError> for ApiError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Overloaded { retry_after } => {
                Self::new(Code::Overloaded).retry_after(retry_after).cause(error)
            }
            HashError::Stopped => {
                Self::new(Code::Unavailable).retry_after(Duration::from_secs(1)).cause(error)
            }
            _ => Self::internal(error),
        }
    }
}
