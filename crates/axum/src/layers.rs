//! What every request and every answer pass: correlation id, panics, body limit, time limit, headers, metrics.
//!
//! It is one hand-written service and not a tower of seven, since it runs on every request: one extension, one
//! future, and a timer only for requests that wait for something.

use std::{
    any::Any,
    convert::Infallible,
    error::Error,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, header};
use http_body::Body as _;
use http_body_util::Limited;
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower::{Layer, Service};

use crate::{
    correlation::CorrelationId,
    error::{ApiError, Code},
    policy::{HttpPolicy, RequestContext},
    routes::avatar,
};

mod exchange;
mod response_headers;
mod route_metrics;

pub use route_metrics::describe_metrics;

use exchange::Exchange;
use route_metrics::RouteMetrics;

/// Puts a router, complete with all its routes, under a policy.
///
/// Unknown paths become 404 problems, known ones asked with the wrong method 405 with `Allow`; `OPTIONS` is answered
/// 204 with `Allow`.
///
/// ```
/// use std::sync::Arc;
///
/// use axum::{Router, routing::get};
/// use vestibule_axum::{layers::with_policy, policy::HttpPolicy};
///
/// let policy = HttpPolicy::development("http://127.0.0.1:8000".parse()?);
/// let app: Router = with_policy(Router::new().route("/", get(|| async { "hello" })), Arc::new(policy));
/// # Ok::<(), vestibule_axum::same_origin::NoOrigin>(())
/// ```
pub fn with_policy(router: Router, policy: Arc<HttpPolicy>) -> Router {
    router.fallback(not_found).method_not_allowed_fallback(method_not_allowed).layer(HttpLayer { policy })
}

async fn not_found() -> ApiError {
    Code::NotFound.into()
}

/// Axum adds `Allow` to whatever this answers.
async fn method_not_allowed(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    ApiError::new(Code::MethodNotAllowed).into_response()
}

/// The layer behind [`with_policy`]; each route gets its own service.
#[derive(Clone, Debug)]
struct HttpLayer {
    policy: Arc<HttpPolicy>,
}

impl<S> Layer<S> for HttpLayer {
    type Service = HttpService<S>;

    fn layer(&self, inner: S) -> HttpService<S> {
        HttpService { inner, policy: Arc::clone(&self.policy), metrics: Arc::default() }
    }
}

#[derive(Clone)]
struct HttpService<S> {
    inner: S,
    policy: Arc<HttpPolicy>,
    metrics: Arc<RouteMetrics>,
}

impl<S> Service<Request> for HttpService<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = HttpFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let correlation_id = CorrelationId::of(request.headers());
        let exchange = Exchange::begin(&self.policy, &self.metrics, &correlation_id, &request);
        let policy = Arc::clone(&self.policy);
        request.extensions_mut().insert(RequestContext { correlation_id, policy });
        let limit = body_limit(&self.policy, &request);
        let (inner, refusal) = match start(&mut self.inner, request, limit) {
            Ok(inner) => (Some(inner), None),
            Err(refusal) => (None, Some(refusal)),
        };
        HttpFuture { inner, refusal, time_limit: None, exchange }
    }
}

/// The longest body that the route takes: pictures are larger than everything else.
fn body_limit(policy: &HttpPolicy, request: &Request) -> usize {
    let route = request.extensions().get::<MatchedPath>();
    let is_upload =
        request.method() == Method::POST && route.is_some_and(|route| route.as_str().ends_with(avatar::PATH));
    if is_upload { policy.body_limit_bytes.max(avatar::MAX_BODY) } else { policy.body_limit_bytes }
}

fn start<S: Service<Request>>(inner: &mut S, request: Request, limit: usize) -> Result<S::Future, ApiError> {
    let request = limit_body(request, limit)?;
    catch_unwind(AssertUnwindSafe(|| inner.call(request)))
        .map_err(|panic| ApiError::internal(Panic::of(&*panic)))
}

/// Refuses a body that says it is too long, and watches one that does not say how long it is.
fn limit_body(request: Request, limit: usize) -> Result<Request, ApiError> {
    let size = request.body().size_hint();
    let limit_u64 = u64::try_from(limit).unwrap_or(u64::MAX);
    if size.lower() > limit_u64 {
        return Err(Code::PayloadTooLarge.into());
    }
    match size.upper() {
        Some(upper) if upper <= limit_u64 => Ok(request),
        _ => Ok(request.map(|body| Body::new(Limited::new(body, limit)))),
    }
}

pin_project! {
    /// The way of one request; either `inner` or `refusal` is there.
    struct HttpFuture<F> {
        #[pin]
        inner: Option<F>,
        refusal: Option<ApiError>,
        time_limit: Option<Pin<Box<Sleep>>>,
        exchange: Exchange,
    }
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for HttpFuture<F> {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let _entered = this.exchange.enter();
        let answered = match (this.refusal.take(), this.inner.as_pin_mut()) {
            (None, Some(inner)) => poll_caught(inner, context),
            (refusal, _) => Poll::Ready(refusal.unwrap_or(Code::Internal.into()).into_response()),
        };
        let mut response = match answered {
            Poll::Ready(response) => response,
            Poll::Pending => {
                let limit = this.exchange.request_timeout();
                let timer = this.time_limit.get_or_insert_with(|| Box::pin(sleep(limit)));
                ready!(timer.as_mut().poll(context));
                ApiError::new(Code::RequestTimeout).into_response()
            }
        };
        end_with(&mut response);
        Poll::Ready(Ok(this.exchange.finish(response)))
    }
}

fn poll_caught<F: Future<Output = Result<Response, Infallible>>>(
    inner: Pin<&mut F>,
    context: &mut Context<'_>,
) -> Poll<Response> {
    match catch_unwind(AssertUnwindSafe(|| inner.poll(context))) {
        Ok(answered) => answered.map(|answer| match answer {
            Ok(response) => response,
            Err(never) => match never {},
        }),
        Err(panic) => Poll::Ready(ApiError::internal(Panic::of(&*panic)).into_response()),
    }
}

/// Ends the connection with an answer that gives its request up.
fn end_with(response: &mut Response) {
    // RFC 9110 §15.5.9 and §15.5.14: what the client still sends would be taken for its next request.
    if matches!(response.status(), StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

/// A panic as the cause of an error.
#[derive(Debug)]
struct Panic(String);

impl Panic {
    fn of(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self(text.unwrap_or("without a message").to_owned())
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a handler panicked: {}", self.0)
    }
}

impl Error for Panic {}

#[cfg(test)]
mod tests;
