//! Failures on their way out: the one place that maps a failure to a status.
//!
//! Every error is an RFC 9457 problem. The cause of a technical one is logged, once, under the error's id, and never
//! shown.

use std::{borrow::Cow, error::Error, fmt, time::Duration};

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use uuid::Uuid;
use vestibule_core::values::{rule::RuleViolation, secret::random_bytes};

mod code;
mod engine;
mod log;
mod outage;
mod problem;
mod profile;

pub use code::{Code, FIELD_CODES, RULE_CODES, errors_document};
pub use problem::{CaptchaBody, FieldError, Problem};

/// The media type of every error.
pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What every error's `type` begins with; the code follows.
const TYPE_PREFIX: &str = "urn:vestibule:problem:";

type Cause = Box<dyn Error + Send + Sync>;

/// A failure with all that its answer needs.
pub struct ApiError(Box<Parts>);

struct Parts {
    id: Uuid,
    code: &'static str,
    status: StatusCode,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    captcha: Option<CaptchaBody>,
    headers: HeaderMap,
    cause: Option<Cause>,
    is_expected: bool,
}

impl ApiError {
    /// Makes the error of a code, with the code's own status and sentence.
    #[must_use]
    pub fn new(code: Code) -> Self {
        let mut error = Self::of(code.as_str(), code.status(), Cow::Borrowed(code.detail()));
        // RFC 9110 §15.5.2: a 401 names a way to authenticate.
        match code {
            Code::InvalidToken => error = error.challenge("Bearer error=\"invalid_token\""),
            Code::FreshLoginRequired => {
                error = error.challenge("Bearer error=\"insufficient_user_authentication\"");
            }
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
        Self(Box::new(Parts {
            id,
            code,
            status,
            detail,
            errors: Vec::new(),
            captcha: None,
            headers,
            cause: None,
            is_expected: false,
        }))
    }

    /// Replaces the sentence. It is public: it must neither repeat a value nor tell a cause.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = detail.into();
        self
    }

    /// Replaces the sentence of a 500, and of nothing else.
    #[must_use]
    pub(crate) fn with_internal_detail(self, detail: &'static str) -> Self {
        if self.0.code == Code::Internal.as_str() { self.detail(detail) } else { self }
    }

    /// Replaces the status, for example where a taken name is a conflict.
    #[must_use]
    fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// Names the fields that are wrong.
    #[must_use]
    pub fn errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Names the captcha to solve.
    #[must_use]
    pub fn captcha(mut self, captcha: CaptchaBody) -> Self {
        self.0.captcha = Some(captcha);
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
        self.header(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)))
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<Cause>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Says that an answer like this is intended at this moment, whatever its status: no alarm in the log.
    #[must_use]
    pub(crate) fn expected(mut self) -> Self {
        self.0.is_expected = true;
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
}

/// Rounded up, at least 1.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
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
        let Parts { id, code, status, detail, errors, captcha, headers, .. } = *self.0;
        let problem = Problem {
            type_uri: format!("{TYPE_PREFIX}{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail,
            code,
            kind: if status.is_server_error() { "technical" } else { "functional" },
            id,
            errors,
            captcha,
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
        let field_error = |RuleViolation { field, code, message }| FieldError { field, code, message };
        error.errors(violations.into_iter().map(field_error).collect())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::Value;
    use vestibule_core::ports::{HashError, StoreError};

    use super::*;

    async fn answer(error: impl Into<ApiError>) -> (StatusCode, HeaderMap, Value) {
        let (parts, body) = error.into().into_response().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status, parts.headers, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn every_code_is_a_problem() {
        for code in Code::ALL {
            let (status, headers, problem) = answer(*code).await;
            assert_eq!(status, code.status());
            assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
            assert_eq!(headers[header::CACHE_CONTROL], "no-store");
            assert_eq!(problem["type"], format!("urn:vestibule:problem:{}", code.as_str()));
            assert_eq!(problem["code"], code.as_str());
            assert_eq!(problem["status"], status.as_u16());
            assert_eq!(problem["kind"], if status.as_u16() < 500 { "functional" } else { "technical" });
            assert!(problem.get("errors").is_none());
            // RFC 9110 §15.5.2.
            let is_unauthorized = status == StatusCode::UNAUTHORIZED;
            assert_eq!(headers.contains_key(header::WWW_AUTHENTICATE), is_unauthorized, "{code:?}");
        }
    }

    #[tokio::test]
    async fn each_error_has_an_id_of_its_own() {
        let ((_, _, one), (_, _, two)) = (answer(Code::NotFound).await, answer(Code::NotFound).await);
        assert_ne!(one["id"], two["id"]);
    }

    #[tokio::test]
    async fn t58_outages_are_never_a_success_and_never_tell_why() {
        let away = || StoreError::Unavailable("the disk of zuul is full".into());
        let broken = || StoreError::Broken("column x is a cat".into());
        let busy = |millis| HashError::Overloaded { retry_after: Duration::from_millis(millis) };
        for (error, status, code, retry_after) in [
            (ApiError::from(away()), 503, "unavailable", Some("1")),
            (broken().into(), 500, "internal", None),
            (busy(0).into(), 503, "overloaded", Some("1")),
            (busy(1001).into(), 503, "overloaded", Some("2")),
            (HashError::Stopped.into(), 503, "unavailable", Some("1")),
            (ApiError::internal("a cat").detail("Login failed"), 500, "internal", None),
        ] {
            let (found, headers, problem) = answer(error).await;
            assert_eq!((found.as_u16(), problem["code"].as_str()), (status, Some(code)));
            let waits = headers.get(header::RETRY_AFTER).map(|value| value.to_str().unwrap());
            assert_eq!(waits, retry_after, "{code}");
            let text = problem.to_string();
            assert!(!text.contains("zuul") && !text.contains("cat"), "{text}");
        }
    }

    #[tokio::test]
    async fn the_first_broken_rule_is_the_answer_and_all_are_listed() {
        let rules = vec![
            RuleViolation::new("email", "email_taken", "Email already exists"),
            RuleViolation::new("username", "username_taken", "Username already exists"),
        ];
        let (status, _, problem) = answer(rules.clone()).await;
        assert_eq!((status.as_u16(), &problem["code"]), (400, &"email_taken".into()));
        assert_eq!(problem["detail"], "Email already exists");
        let listed = problem["errors"].as_array().unwrap();
        assert_eq!(listed.len(), 2);
        assert_eq!(listed[1]["field"], "username");
        let (status, ..) = answer(ApiError::from(rules).with_status(StatusCode::CONFLICT)).await;
        assert_eq!(status.as_u16(), 409);
        assert_eq!(answer(Vec::new()).await.0.as_u16(), 500);
    }

    #[test]
    fn a_scope_is_named_in_the_challenge() {
        let error = ApiError::insufficient_scope("a b");
        let challenge = &error.0.headers[header::WWW_AUTHENTICATE];
        assert_eq!(challenge, "Bearer error=\"insufficient_scope\", scope=\"a b\"");
        let odd = ApiError::insufficient_scope("a\r\nSet-Cookie: x");
        assert_eq!(odd.0.headers[header::WWW_AUTHENTICATE], "Bearer error=\"insufficient_scope\"");
    }
}
