//! What is remembered of a request until its answer.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, Request},
    response::Response,
};
use http::HeaderValue;
use tracing::{Span, span::Entered};
use vestibule_core::ports::Stopwatch;

use super::{
    response_headers::{CorsGrant, set_headers},
    route_metrics::{MethodLabel, RouteMetrics},
};
use crate::{correlation::CorrelationId, policy::HttpPolicy};

pub(super) struct Exchange {
    policy: Arc<HttpPolicy>,
    metrics: Arc<RouteMetrics>,
    correlation_id: HeaderValue,
    cors: Option<CorsGrant>,
    method: MethodLabel,
    route: Option<MatchedPath>,
    span: Span,
    stopwatch: Stopwatch,
}

impl Exchange {
    pub(super) fn begin(
        policy: &Arc<HttpPolicy>,
        metrics: &Arc<RouteMetrics>,
        correlation_id: &CorrelationId,
        request: &Request,
    ) -> Self {
        Self {
            policy: Arc::clone(policy),
            metrics: Arc::clone(metrics),
            correlation_id: correlation_id.as_header().clone(),
            cors: CorsGrant::of(&policy.origins, request),
            method: MethodLabel::of(request.method()),
            route: request.extensions().get::<MatchedPath>().cloned(),
            // At the level of errors, so that the id stands in every line that is logged at all.
            span: tracing::error_span!("request", correlation_id = correlation_id.as_str()),
            stopwatch: Stopwatch::start(),
        }
    }

    pub(super) fn enter(&self) -> Entered<'_> {
        self.span.enter()
    }

    pub(super) fn request_timeout(&self) -> Duration {
        self.policy.request_timeout
    }

    pub(super) fn finish(&self, mut response: Response) -> Response {
        set_headers(response.headers_mut(), &self.policy, &self.correlation_id, self.cors.as_ref());
        let route = self.route.as_ref().map_or("other", MatchedPath::as_str);
        self.metrics.record(route, self.method, response.status(), self.stopwatch.elapsed());
        response
    }
}
