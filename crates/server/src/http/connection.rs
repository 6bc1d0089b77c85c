//! One connection: hyper around a timed stream, and the routers behind it.

use std::{
    convert::Infallible,
    future::ready,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use axum::{Router, body::Body, response::IntoResponse as _};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Version, header, uri::Authority};
use http_body::Body as _;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt as _;
use vestibule::http::{
    client::PeerAddress,
    correlation::{CorrelationId, X_CORRELATION_ID},
    error::{ApiError, Code},
};

use super::{
    Bounds, Stop,
    timed_stream::{Activity, Answering, TimedStream},
};

/// The largest head of a request, in bytes, from its first to the empty line at its end.
const MAX_HEAD: usize = 64 * 1024;

pub(super) async fn serve<S>(stream: S, peer: SocketAddr, router: Router, bounds: Bounds, mut stop: Stop)
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let activity = Arc::new(Activity::new());
    let io = TokioIo::new(TimedStream::new(stream, bounds, Arc::clone(&activity)));
    let service = Routes { router, peer, activity: Arc::clone(&activity) };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The stream has its own time-outs, which tell an idle connection from a slow head.
        .header_read_timeout(None)
        // The buffer alone would take what a last read brings beyond it.
        .max_header_size(MAX_HEAD)
        .max_buf_size(MAX_HEAD)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    tokio::select! {
        // What goes wrong on a connection is its peer's affair.
        _ = connection.as_mut() => return,
        () = stop.told() => {}
    }
    // hyper closes a connection between requests, and one that has seen none, at once.
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// The routers as hyper calls them.
struct Routes {
    router: Router,
    peer: SocketAddr,
    activity: Arc<Activity>,
}

impl hyper::service::Service<Request<Incoming>> for Routes {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let has_body = !request.body().is_end_stream();
        let answering = self.activity.answering(has_body);
        if !names_its_host(&request) {
            let answer = no_host(request.headers()).map(|body| AnswerBody { body, _answering: answering });
            return Box::pin(ready(Ok(answer)));
        }
        let activity = Arc::clone(&self.activity);
        let wrap = |body| if has_body { Body::new(RequestBody { body, activity }) } else { Body::empty() };
        let mut request = request.map(wrap);
        request.extensions_mut().insert(PeerAddress(self.peer));
        let answer = self.router.clone().oneshot(request);
        Box::pin(async move { Ok(answer.await?.map(|body| AnswerBody { body, _answering: answering })) })
    }
}

/// Whether a request has the one `Host` it must have (RFC 9112 §3.2).
///
/// Of two, a proxy may have believed the other one.
fn names_its_host<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_host(host),
        (None, _) => request.version() < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    }
}

/// A name with or without a port, or nothing; RFC 9110 §7.2.
fn is_host(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    bytes.is_empty() || (!bytes.contains(&b'@') && Authority::try_from(bytes).is_ok())
}

/// The routers never see such a request, so what their layer adds to an answer is added here.
fn no_host(headers: &HeaderMap) -> Response<Body> {
    let correlation_id = CorrelationId::of(headers);
    ApiError::from(Code::BadRequest)
        .detail("The request must have one Host header")
        .header(header::CONNECTION, HeaderValue::from_static("close"))
        .header(X_CORRELATION_ID, correlation_id.as_header().clone())
        .into_response()
}

/// A body that tells when it has been read to its end.
struct RequestBody {
    body: Incoming,
    activity: Arc<Activity>,
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.activity.body_is_read();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

/// A body that knows when its answer is at its end: hyper drops it then.
struct AnswerBody {
    body: Body,
    _answering: Answering,
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
