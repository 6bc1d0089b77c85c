//! Failures of what is done with an account one has: its password, names, picture, data, end.

use vestibule_core::{
    access::AccessError, administration::AdministrationError, avatar::AvatarError, deletion::DeletionError,
    email_change::EmailChangeError, export::ExportError, password_change::PasswordChangeError,
    username_change::UsernameChangeError, values::rule::RuleViolation,
};

use super::{ApiError, Code, failed_logins};

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
