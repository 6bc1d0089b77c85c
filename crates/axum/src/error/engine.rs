//! How the engine's failures leave the house.

mod account;

use std::time::Duration;

use http::StatusCode;
use vestibule_core::{
    administration::{AdministrationError, NotAdministrator},
    captcha::CaptchaError,
    confirmation::{ConfirmationError, ConfirmationRequestError},
    gate::Limit,
    login::LoginError,
    password_reset::{ForgottenPasswordError, PasswordResetError},
    ports::hooks::HookError,
    refresh::RefreshError,
    register::RegistrationError,
    setup::SetupError,
    token::TokenError,
    values::rule::RuleViolation,
};

use super::{ApiError, Code, whole_seconds};

/// Of a mailed link or code: why, nobody is told.
const NOT_GOOD: &str = "The link or code is unknown, used, expired or replaced by a newer one";

/// Of the limits on logins, which passwords that are asked again count towards. What is said of a name holds for each,
/// whether or not it is anybody's.
const fn failed_logins(limit: Limit) -> &'static str {
    match limit {
        Limit::Strangers => "failed logins with this name",
        Limit::Device => "failed logins from this device",
        _ => "failed logins from your network",
    }
}

/// Of a name that nobody has, where strangers may be told so.
const UNKNOWN: &str = "There is no such account";

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::RateLimited { limit, retry_after } => {
                Self::limited(failed_logins(limit), retry_after)
            }
            LoginError::Captcha(error) => error.into(),
            LoginError::InvalidCredentials => Self::new(Code::InvalidCredentials),
            LoginError::UnknownAccount => Self::new(Code::NotFound).detail(UNKNOWN),
            LoginError::AccountDisabled { is_revealed: false } => Self::new(Code::AccountDisabled),
            LoginError::AccountDisabled { is_revealed: true } => {
                Self::new(Code::AccountDisabled).with_status(StatusCode::BAD_REQUEST).detail("User is banned")
            }
            LoginError::DeletionPending { at } => {
                let at = at.to_rfc3339();
                Self::new(Code::DeletionPending).detail(format!("The account is to be deleted at {at}"))
            }
            LoginError::EmailNotConfirmed => Self::new(Code::EmailNotConfirmed),
            LoginError::Hook(error) => error.into(),
            LoginError::Hash(error) => error.into(),
            LoginError::Store(error) => error.into(),
            other => Self::internal(other),
        }
        .with_internal_detail("Login failed")
    }
}

impl From<HookError> for ApiError {
    fn from(error: HookError) -> Self {
        match error {
            HookError::Vetoed(veto) => Self::new(Code::Vetoed).detail(veto.message().to_owned()),
            other => Self::internal(other),
        }
    }
}

impl From<RegistrationError> for ApiError {
    fn from(error: RegistrationError) -> Self {
        match error {
            RegistrationError::Disabled => Self::new(Code::RegistrationDisabled),
            RegistrationError::RateLimited { retry_after } => {
                Self::limited("registrations from your network", retry_after)
            }
            RegistrationError::Rules(violations) => violations.into(),
            RegistrationError::Profile(error) => error.into(),
            RegistrationError::Captcha(error) => error.into(),
            RegistrationError::Taken { email, username } => taken(email, username),
            RegistrationError::Hook(error) => error.into(),
            RegistrationError::Hash(error) => error.into(),
            RegistrationError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<SetupError> for ApiError {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Refused => Self::new(Code::NotFound).detail(NOT_GOOD),
            SetupError::RateLimited { retry_after } => {
                Self::limited(failed_logins(Limit::Network), retry_after)
            }
            SetupError::Rules(violations) => violations.into(),
            SetupError::Taken { email, username } => taken(email, username),
            SetupError::Hash(error) => error.into(),
            SetupError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<CaptchaError> for ApiError {
    fn from(error: CaptchaError) -> Self {
        match error {
            CaptchaError::Failed { challenge, .. } => {
                Self::new(Code::CaptchaFailed).captcha(challenge.into())
            }
            CaptchaError::Unavailable { retry_after, .. } => {
                Self::new(Code::CaptchaUnavailable).retry_after(retry_after).cause(error)
            }
            other => Self::internal(other),
        }
    }
}

fn taken(email: bool, username: bool) -> ApiError {
    let email = email.then(|| RuleViolation::new("email", "email_taken", "Email already exists"));
    let username =
        username.then(|| RuleViolation::new("username", "username_taken", "Username already exists"));
    email.into_iter().chain(username).collect::<Vec<_>>().into()
}

impl From<NotAdministrator> for ApiError {
    fn from(error: NotAdministrator) -> Self {
        match error {
            NotAdministrator::Forbidden => Self::new(Code::Forbidden),
            NotAdministrator::Token(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<AdministrationError> for ApiError {
    fn from(error: AdministrationError) -> Self {
        match error {
            AdministrationError::Unknown => Self::new(Code::NotFound),
            AdministrationError::LastAdmin => {
                Self::new(Code::Conflict).detail("This is the last active administrator")
            }
            AdministrationError::Rules(violations) => violations.into(),
            AdministrationError::Profile(error) => error.into(),
            // SPEC §1.3: where administrators change accounts, a taken name is a conflict.
            AdministrationError::Taken { email, username } => {
                taken(email, username).with_status(StatusCode::CONFLICT)
            }
            AdministrationError::Hook(error) => error.into(),
            AdministrationError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl ApiError {
    /// The 429 that names its limit and says when it ends. What is counted is nothing that exists or not.
    fn limited(what: &'static str, retry_after: Duration) -> Self {
        let seconds = whole_seconds(retry_after);
        Self::new(Code::RateLimited)
            .detail(format!("Too many {what}, try again in {seconds} s"))
            .retry_after(retry_after)
    }

    /// The error of a registration at a route where a taken name is a conflict (SPEC §1.3).
    pub(crate) fn of_conflicting(error: RegistrationError) -> Self {
        let is_taken = matches!(error, RegistrationError::Taken { .. });
        let error = Self::from(error);
        if is_taken { error.with_status(StatusCode::CONFLICT) } else { error }
    }
}

impl From<ConfirmationRequestError> for ApiError {
    fn from(error: ConfirmationRequestError) -> Self {
        match error {
            ConfirmationRequestError::AlreadyConfirmed => {
                vec![RuleViolation::new("email", "email_already_confirmed", "Email already confirmed")].into()
            }
            ConfirmationRequestError::RateLimited { retry_after } => {
                Self::limited("mails to confirm this address", retry_after)
            }
            ConfirmationRequestError::Gone => Self::new(Code::InvalidToken),
            ConfirmationRequestError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<ConfirmationError> for ApiError {
    fn from(error: ConfirmationError) -> Self {
        match error {
            ConfirmationError::Refused => Self::new(Code::Forbidden).detail(NOT_GOOD),
            ConfirmationError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<ForgottenPasswordError> for ApiError {
    fn from(error: ForgottenPasswordError) -> Self {
        match error {
            ForgottenPasswordError::Rules(violations) => {
                Self::from(violations).with_status(StatusCode::UNPROCESSABLE_ENTITY)
            }
            ForgottenPasswordError::RateLimited { retry_after } => {
                Self::limited("forgotten passwords from your network", retry_after)
            }
            ForgottenPasswordError::UnknownAccount => Self::new(Code::NotFound).detail(UNKNOWN),
            ForgottenPasswordError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<PasswordResetError> for ApiError {
    fn from(error: PasswordResetError) -> Self {
        match error {
            PasswordResetError::Refused => Self::new(Code::NotFound).detail(NOT_GOOD),
            PasswordResetError::Rules(violations) => violations.into(),
            PasswordResetError::Hook(error) => error.into(),
            PasswordResetError::Hash(error) => error.into(),
            PasswordResetError::Store(error) => error.into(),
            other => Self::internal(other),
        }
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
