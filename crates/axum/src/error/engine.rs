//! How the engine's failures leave the house.

use std::time::Duration;

use http::StatusCode;
use vestibule_core::{
    access::AccessError,
    administration::{AdministrationError, NotAdministrator},
    avatar::AvatarError,
    captcha::CaptchaError,
    confirmation::{ConfirmationError, ConfirmationRequestError},
    deletion::DeletionError,
    email_change::EmailChangeError,
    export::ExportError,
    gate::Limit,
    login::LoginError,
    password_change::PasswordChangeError,
    password_reset::{ForgottenPasswordError, PasswordResetError},
    ports::hooks::HookError,
    refresh::RefreshError,
    register::RegistrationError,
    setup::SetupError,
    token::TokenError,
    username_change::UsernameChangeError,
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

impl From<PasswordChangeError> for ApiError {
    fn from(error: PasswordChangeError) -> Self {
        let rule = |field, code, message: &'static str| vec![RuleViolation::new(field, code, message)].into();
        match error {
            PasswordChangeError::Wrong => rule("old_password", "password_wrong", "Wrong password!"),
            PasswordChangeError::Exists => rule("password1", "password_exists", "Password exists"),
            PasswordChangeError::RateLimited { limit, retry_after } => {
                Self::limited(failed_logins(limit), retry_after)
            }
            PasswordChangeError::Rules(violations) => violations.into(),
            PasswordChangeError::Hook(error) => error.into(),
            PasswordChangeError::Hash(error) => error.into(),
            PasswordChangeError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<DeletionError> for ApiError {
    fn from(error: DeletionError) -> Self {
        let rule = |code, message: &'static str| vec![RuleViolation::new("password", code, message)].into();
        match error {
            DeletionError::NoPassword => rule("password_missing", "Set a password first"),
            DeletionError::Password(PasswordChangeError::Wrong) => rule("password_wrong", "Wrong password!"),
            DeletionError::Password(error) => error.into(),
            DeletionError::LastAdmin => AdministrationError::LastAdmin.into(),
            DeletionError::Hook(error) => error.into(),
            DeletionError::Token(error) => error.into(),
            DeletionError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<AvatarError> for ApiError {
    fn from(error: AvatarError) -> Self {
        match error {
            AvatarError::Invalid(_) => Self::new(Code::InvalidImage).cause(error),
            // A decoder gave up on a file that was made for it: the file is to blame, and we want to know.
            AvatarError::Failed => {
                tracing::warn!("a picture could not be drawn: a decoder failed");
                Self::new(Code::InvalidImage).cause(error)
            }
            AvatarError::Overloaded { retry_after } => Self::new(Code::Overloaded).retry_after(retry_after),
            AvatarError::Unknown => Self::new(Code::NotFound),
            AvatarError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<ExportError> for ApiError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::RateLimited { retry_after } => Self::limited("exports of this account", retry_after),
            ExportError::Token(error) => error.into(),
            ExportError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<AccessError> for ApiError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Forbidden => Self::new(Code::Forbidden),
            AccessError::Unknown => Self::new(Code::NotFound),
            AccessError::Token(error) => error.into(),
            AccessError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<UsernameChangeError> for ApiError {
    fn from(error: UsernameChangeError) -> Self {
        let rule = |code, message: &'static str| vec![RuleViolation::new("username", code, message)].into();
        match error {
            UsernameChangeError::Same => rule("username_unchanged", "Enter NEW username"),
            UsernameChangeError::Taken => rule("username_taken", "Username already exists"),
            UsernameChangeError::Rule(violation) => vec![violation].into(),
            UsernameChangeError::Unknown => Self::new(Code::NotFound),
            UsernameChangeError::Hook(error) => error.into(),
            UsernameChangeError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<EmailChangeError> for ApiError {
    fn from(error: EmailChangeError) -> Self {
        let rule = |field, code, message: &'static str| vec![RuleViolation::new(field, code, message)].into();
        match error {
            EmailChangeError::Rule(violation) => vec![violation].into(),
            EmailChangeError::Same => rule("email", "email_unchanged", "Enter NEW e-mail address"),
            EmailChangeError::Taken => rule("email", "email_taken", "Email already exists"),
            EmailChangeError::Password(PasswordChangeError::Wrong) => {
                rule("password", "password_wrong", "Wrong password!")
            }
            EmailChangeError::Password(error) => error.into(),
            EmailChangeError::RateLimited { retry_after } => {
                Self::limited("mails to confirm an address", retry_after)
            }
            EmailChangeError::NoMail => {
                Self::new(Code::Unavailable).detail("No mail is sent here, so no address can be confirmed")
            }
            EmailChangeError::Unknown => Self::new(Code::NotFound),
            EmailChangeError::Hook(error) => error.into(),
            EmailChangeError::Store(error) => error.into(),
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
