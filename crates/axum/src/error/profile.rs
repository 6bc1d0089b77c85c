//! How the failures of profiles leave the house.

use vestibule_core::{
    ports::profile::{MisfitKind, ProfileError, ProfileMisfit, ProfileRefusal},
    profile::ProfileChangeError,
};

use super::{ApiError, Code, FieldError};

impl From<ProfileMisfit> for FieldError {
    fn from(misfit: ProfileMisfit) -> Self {
        let (code, message) = match misfit.kind {
            MisfitKind::Missing => ("missing", "This field is missing"),
            MisfitKind::WrongType => ("wrong_type", "This field has the wrong type"),
            _ => ("invalid", "This field has a value that it cannot have"),
        };
        Self { field: misfit.field.into(), code, message: message.into() }
    }
}

impl From<ProfileRefusal> for ApiError {
    fn from(error: ProfileRefusal) -> Self {
        match error {
            ProfileRefusal::Misfit(misfit) => Self::new(Code::ValidationFailed).errors(vec![misfit.into()]),
            ProfileRefusal::Rules(violations) => violations.into(),
            other => Self::internal(other),
        }
    }
}

impl From<ProfileChangeError> for ApiError {
    fn from(error: ProfileChangeError) -> Self {
        match error {
            ProfileChangeError::Refused(refusal) => refusal.into(),
            ProfileChangeError::Unknown => Self::new(Code::NotFound),
            ProfileChangeError::Hook(error) => error.into(),
            ProfileChangeError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<ProfileError> for ApiError {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::Missing => Self::new(Code::ProfileMissing),
            other => Self::internal(other),
        }
    }
}
