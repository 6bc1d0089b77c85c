//! Failures on their way out: the one place that maps a failure to a status.
//!
//! Every error is an RFC 9457 problem. The cause of a technical one is logged here, once, under the error's id,
//! and never shown.

use std::{borrow::Cow, error::Error, fmt, time::Duration};

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use vestibule_core::{
    ports::{HashError, StoreError},
    values::{rule::RuleViolation, secret::random_bytes},
};

mod code;

pub use code::{Code, FIELD_CODES, RULE_CODES, errors_document};

/// The media type of every error.
pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What every error's `type` begins with; the code follows.
const TYPE_PREFIX: &str = "urn:vestibule:problem:";

type Cause = Box<dyn Error + Send + Sync>;

/// One field that is wrong, in a problem's `errors`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, as the request names it.
    #[schema(value_type = String, example = "username")]
    pub field: Cow<'static, str>,
    /// What is wrong, as a stable code.
    #[schema(value_type = String, example = "missing")]
    pub code: &'static str,
    /// What is wrong, as a sentence; it never repeats the value.
    #[schema(value_type = String)]
    pub message: Cow<'static, str>,
}

/// The body of an error, `application/problem+json` (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// A stable URI of the kind of error: `urn:vestibule:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:vestibule:problem:not_found")]
    pub type_uri: String,
    /// The status in words.
    #[schema(value_type = String, example = "Not Found")]
    pub title: &'static str,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What went wrong, as a sentence.
    #[schema(value_type = String)]
    pub detail: Cow<'static, str>,
    /// The stable code; `docs/errors.md` lists them.
    #[schema(value_type = String, example = "not_found")]
    pub code: &'static str,
    /// `functional`: the caller can do something about it. `technical`: the server is at fault.
    #[schema(value_type = String, example = "functional")]
    pub kind: &'static str,
    /// Names this one error in the server's log.
    pub id: Uuid,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// A failure with all that its answer needs.
pub struct ApiError(Box<Parts>);

struct Parts {
    id: Uuid,
    code: &'static str,
    status: StatusCode,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    headers: HeaderMap,
    cause: Option<Cause>,
}

impl ApiError {
    /// Makes the error of a code, with the code's own status and sentence.
    #[must_use]
    pub fn new(code: Code) -> Self {
        let mut error = Self::of(code.as_str(), code.status(), Cow::Borrowed(code.detail()));
        // RFC 9110 §15.5.2: a 401 names a way to authenticate.
        match code {
            Code::InvalidToken => error = error.challenge("Bearer error=\"invalid_token\""),
            Code::InvalidClient => error = error.challenge("Basic realm=\"vestibule\""),
            Code::InvalidCredentials | Code::NotAuthenticated => error = error.challenge("Bearer"),
            _ => {}
        }
        error
    }

    /// Makes a 500 whose cause goes to the log and nowhere else.
    #[must_use]
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::new(Code::Internal).cause(cause)
    }

    /// Makes the 403 of a route that needs more scopes than the token has (RFC 6750 §3.1).
    #[must_use]
    pub fn insufficient_scope(needed: &str) -> Self {
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\"");
        let error = Self::new(Code::InsufficientScope);
        match HeaderValue::try_from(challenge) {
            Ok(challenge) => error.header(header::WWW_AUTHENTICATE, challenge),
            Err(_) => error.challenge("Bearer error=\"insufficient_scope\""),
        }
    }

    fn of(code: &'static str, status: StatusCode, detail: Cow<'static, str>) -> Self {
        let id = uuid::Builder::from_random_bytes(random_bytes()).into_uuid();
        let headers = HeaderMap::new();
        Self(Box::new(Parts { id, code, status, detail, errors: Vec::new(), headers, cause: None }))
    }

    /// Replaces the sentence. It is public: it must neither repeat a value nor tell a cause.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = detail.into();
        self
    }

    /// Replaces the status, for example where a taken name is a conflict.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// Names the fields that are wrong.
    #[must_use]
    pub fn errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Adds a header to the answer, replacing one of the same name.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Sets `WWW-Authenticate`.
    #[must_use]
    pub fn challenge(self, challenge: &'static str) -> Self {
        self.header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    /// Sets `Retry-After`, in whole seconds rounded up and at least 1.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<Cause>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The status it is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Logs the cause, once, with the error's id; the request's span brings the correlation id.
    fn log(&self) {
        let Parts { id, code, status, cause, .. } = &*self.0;
        let cause = cause.as_deref().map(|error| tracing::field::display(CauseChain(error)));
        if *code == Code::Overloaded.as_str() {
            // Shedding load is intended, and there may be much of it: no alarm.
            tracing::warn!(error_id = %id, code, cause, "a request was refused");
        } else if status.is_server_error() {
            tracing::error!(error_id = %id, code, cause, "a request failed");
        } else {
            tracing::debug!(error_id = %id, code, cause, "a request was refused");
        }
    }
}

/// Prints an error and what it came from, in one line.
struct CauseChain<'a>(&'a (dyn Error + Send + Sync));

impl fmt::Display for CauseChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { id, code, status, cause, .. } = &*self.0;
        f.debug_struct("ApiError")
            .field("id", id)
            .field("code", code)
            .field("status", status)
            .field("cause", cause)
            .finish_non_exhaustive()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let Parts { id, code, status, detail, errors, headers, .. } = *self.0;
        let problem = Problem {
            type_uri: format!("{TYPE_PREFIX}{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail,
            code,
            kind: if status.is_server_error() { "technical" } else { "functional" },
            id,
            errors,
        };
        // Strings and numbers only: this does not fail.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        response.headers_mut().extend(headers);
        response.headers_mut().insert(header::CONTENT_TYPE, PROBLEM_JSON);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl From<Code> for ApiError {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

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

impl From<RuleViolation> for ApiError {
    fn from(violation: RuleViolation) -> Self {
        Self::from(vec![violation])
    }
}

impl From<Vec<RuleViolation>> for ApiError {
    /// The first broken rule is the answer's code and sentence; all are in `errors`.
    fn from(violations: Vec<RuleViolation>) -> Self {
        let Some(first) = violations.first() else {
            return Self::internal("an error about broken rules names none");
        };
        let error = Self::of(first.code, StatusCode::BAD_REQUEST, first.message.clone());
        let field_error = |RuleViolation { field, code, message }| FieldError {
            field: Cow::Borrowed(field),
            code,
            message,
        };
        error.errors(violations.into_iter().map(field_error).collect())
    }
}
