//! What refused requests are answered with: problems (RFC 9457), unless the application has answers of its own.

use std::{fmt, sync::Arc};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use serde_json::{Value, json};
use uuid::Uuid;
use vestibule_token::random::random_bytes;

use crate::{alarm::Alarm, next::Next, refusal::Refusal};

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const TYPE_PREFIX: &str = "urn:vestibule:problem:";

type Custom = Arc<dyn Fn(&Refusal, &Parts) -> Response + Send + Sync>;

/// How an application answers a request that goes no further.
///
/// ```
/// use http::StatusCode;
/// use serde_json::json;
/// use vestibule_login::{Answer, LoginManager};
///
/// # let secret = "a secret of thirty-two bytes or more";
/// let login = LoginManager::from_secret(secret)
///     // Whoever is not logged in goes to the login page, which sends them on to `next` afterwards.
///     .unauthenticated(Answer::redirect("/login"))
///     // fastapi-login answers a missing scope with 400.
///     .out_of_scope(Answer::json(StatusCode::BAD_REQUEST, &json!({"detail": "Not enough scopes"})))
///     .user_loader(async |name: String| Ok::<_, std::io::Error>(Some(name)))
///     .build()?;
/// # Ok::<_, vestibule_login::LoginConfigError>(())
/// ```
#[derive(Clone)]
pub struct Answer(Kind);

#[derive(Clone)]
enum Kind {
    Problem(Option<StatusCode>),
    Fixed { status: StatusCode, media_type: HeaderValue, body: Bytes },
    Redirect { page: String, only_pages: bool },
    Custom(Custom),
}

impl Answer {
    /// The problem of the refusal, with its own status.
    #[must_use]
    pub const fn problem() -> Self {
        Self(Kind::Problem(None))
    }

    /// The problem of the refusal under another status.
    #[must_use]
    pub const fn status(status: StatusCode) -> Self {
        Self(Kind::Problem(Some(status)))
    }

    /// A status and a JSON body.
    #[must_use]
    pub fn json(status: StatusCode, body: &Value) -> Self {
        Self::body(status, HeaderValue::from_static("application/json"), body.to_string())
    }

    /// A status and a body of any media type.
    #[must_use]
    pub fn body(status: StatusCode, media_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        Self(Kind::Fixed { status, media_type, body: body.into() })
    }

    /// 303 to a page of this application, with the place that was asked for as `next` where one can come back to it. The
    /// page itself answers with the problem, should it refuse anybody.
    ///
    /// Read it there with [`Next`].
    #[must_use]
    pub fn redirect(page: impl Into<String>) -> Self {
        Self(Kind::Redirect { page: page.into(), only_pages: false })
    }

    /// As [`Answer::redirect`], but only for requests that ask for a page (`Accept: text/html`); scripts and programs
    /// get the problem.
    #[must_use]
    pub fn redirect_pages(page: impl Into<String>) -> Self {
        Self(Kind::Redirect { page: page.into(), only_pages: true })
    }

    /// Whatever the application makes of it.
    #[must_use]
    pub fn custom<R: IntoResponse>(answer: impl Fn(&Refusal, &Parts) -> R + Send + Sync + 'static) -> Self {
        Self(Kind::Custom(Arc::new(move |refusal, parts| answer(refusal, parts).into_response())))
    }

    /// The page of a redirect; for the configuration to look at.
    pub(crate) fn page(&self) -> Option<&str> {
        match &self.0 {
            Kind::Redirect { page, .. } => Some(page),
            _ => None,
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Problem(status) => f.debug_tuple("Problem").field(status).finish(),
            Kind::Fixed { status, .. } => f.debug_tuple("Fixed").field(status).finish(),
            Kind::Redirect { page, .. } => f.debug_tuple("Redirect").field(page).finish(),
            Kind::Custom(_) => f.write_str("Custom"),
        }
    }
}

/// The application's answers.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    pub(crate) unauthenticated: Answer,
    pub(crate) out_of_scope: Answer,
    /// Parameters of the query that hold tokens.
    pub(crate) token_parameters: Vec<String>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            unauthenticated: Answer::problem(),
            out_of_scope: Answer::problem(),
            token_parameters: Vec::new(),
        }
    }
}

impl Answers {
    /// Answers a refusal; logs it, once.
    pub(crate) fn answer(&self, refusal: &Refusal, parts: &Parts) -> Response {
        let id = uuid::Builder::from_random_bytes(random_bytes()).into_uuid();
        log(refusal, id);
        let mut response = match self.kind(refusal) {
            Kind::Fixed { status, media_type, body } => {
                (*status, [(header::CONTENT_TYPE, media_type.clone())], body.clone()).into_response()
            }
            Kind::Redirect { page, only_pages }
                if !is_page_itself(page, parts) && (!only_pages || wants_page(parts)) =>
            {
                self.redirect(page, parts)
            }
            Kind::Redirect { .. } => problem(refusal, None, id),
            Kind::Problem(status) => problem(refusal, *status, id),
            Kind::Custom(answer) => answer(refusal, parts),
        };
        let is_refused = response.status().is_client_error();
        let challenge = refusal.challenge().and_then(|text| HeaderValue::try_from(text).ok());
        let headers = response.headers_mut();
        if let Some(challenge) = challenge.filter(|_| is_refused) {
            headers.entry(header::WWW_AUTHENTICATE).or_insert(challenge);
        }
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        response
    }

    fn kind(&self, refusal: &Refusal) -> &Kind {
        const AS_IT_IS: &Kind = &Kind::Problem(None);
        match refusal {
            Refusal::InsufficientScope(_) => &self.out_of_scope.0,
            _ if refusal.is_unauthenticated() => &self.unauthenticated.0,
            _ => AS_IT_IS,
        }
    }

    /// RFC 9110 §15.4.4: whatever the method was, the login page is asked for with GET.
    fn redirect(&self, page: &str, parts: &Parts) -> Response {
        // Only what can be asked for again: the body of a POST is gone.
        let is_repeatable = matches!(parts.method, Method::GET);
        let next = || Next::of_request(asked_uri(parts), &self.token_parameters);
        let next = is_repeatable.then(next).flatten();
        let place = next.map_or_else(|| page.to_owned(), |next| next.append_to(page));
        match HeaderValue::try_from(place) {
            Ok(place) => (StatusCode::SEE_OTHER, [(header::LOCATION, place)], Body::empty()).into_response(),
            Err(_) => (StatusCode::SEE_OTHER, [(header::LOCATION, "/")], Body::empty()).into_response(),
        }
    }
}

fn problem(refusal: &Refusal, status: Option<StatusCode>, id: Uuid) -> Response {
    let status = status.unwrap_or_else(|| refusal.status());
    let body = json!({
        "type": format!("{TYPE_PREFIX}{}", refusal.code()),
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": refusal.detail(),
        "code": refusal.code(),
        "kind": if status.is_server_error() { "technical" } else { "functional" },
        "id": id,
    });
    let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body.to_string()).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Whether the page that others are sent to is what was asked for: sent to itself, a browser would go round for ever.
fn is_page_itself(page: &str, parts: &Parts) -> bool {
    page.split(['?', '#']).next() == Some(asked_uri(parts).path())
}

/// The address that was asked for, also inside of a nested router.
fn asked_uri(parts: &Parts) -> &http::Uri {
    parts.extensions.get::<axum::extract::OriginalUri>().map_or(&parts.uri, |original| &original.0)
}

fn wants_page(parts: &Parts) -> bool {
    let accepts = parts.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepts
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/html"))
}

/// A cause is written down here and nowhere else, under the id that the client is shown.
fn log(refusal: &Refusal, id: Uuid) {
    static OUTAGE: Alarm = Alarm::new();
    let code = refusal.code();
    match refusal {
        Refusal::Failed(failure) if failure.is_outage => {
            if let Some(kept_back) = OUTAGE.raise() {
                tracing::error!(error_id = %id, code, cause = %failure, kept_back, "a request failed");
            } else {
                tracing::debug!(error_id = %id, code, cause = %failure, "a request failed");
            }
        }
        Refusal::Failed(failure) => {
            tracing::error!(error_id = %id, code, cause = %failure, "a request failed");
        }
        Refusal::InvalidToken(bad) => {
            tracing::debug!(error_id = %id, code, cause = %bad, "a request was refused");
        }
        _ => tracing::debug!(error_id = %id, code, "a request was refused"),
    }
}
