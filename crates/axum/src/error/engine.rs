//! How the engine's failures leave the house.

use http::StatusCode;
use vestibule_core::{
    login::LoginError, refresh::RefreshError, register::RegistrationError, token::TokenError,
    values::rule::RuleViolation,
};

use super::{ApiError, Code};

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::RateLimited { retry_after } => Self::new(Code::RateLimited).retry_after(retry_after),
            LoginError::InvalidCredentials => Self::new(Code::InvalidCredentials),
            LoginError::AccountDisabled => Self::new(Code::AccountDisabled),
            LoginError::Hash(error) => error.into(),
            LoginError::Store(error) => error.into(),
            other => Self::internal(other),
        }
        .with_internal_detail("Login failed")
    }
}

impl From<RegistrationError> for ApiError {
    fn from(error: RegistrationError) -> Self {
        match error {
            RegistrationError::Disabled => Self::new(Code::RegistrationDisabled),
            RegistrationError::Rules(violations) => violations.into(),
            RegistrationError::Taken { email, username } => {
                let email = email.then(|| RuleViolation::new("email", "email_taken", "Email already exists"));
                let username = username
                    .then(|| RuleViolation::new("username", "username_taken", "Username already exists"));
                email.into_iter().chain(username).collect::<Vec<_>>().into()
            }
            RegistrationError::Hash(error) => error.into(),
            RegistrationError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl ApiError {
    /// The error of a registration at a route where a taken name is a conflict (SPEC §1.3).
    pub(crate) fn of_conflicting(error: RegistrationError) -> Self {
        let is_taken = matches!(error, RegistrationError::Taken { .. });
        let error = Self::from(error);
        if is_taken { error.with_status(StatusCode::CONFLICT) } else { error }
    }
}

impl From<RefreshError> for ApiError {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Invalid | RefreshError::Reused => Self::new(Code::InvalidToken).cause(error),
            RefreshError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Store(error) => error.into(),
            refused => Self::new(Code::InvalidToken).cause(refused),
        }
    }
}
