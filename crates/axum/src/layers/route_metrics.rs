//! Requests counted and timed by route template, never by path: a stranger must not be able to make new series.

use std::{
    sync::{PoisonError, RwLock},
    time::Duration,
};

use http::{Method, StatusCode};
use metrics::{Counter, Histogram, Unit, describe_counter, describe_histogram};

const REQUESTS: &str = "vestibule_http_requests_total";
const SECONDS: &str = "vestibule_http_request_duration_seconds";

/// Tells the metrics recorder what the HTTP metrics mean.
pub fn describe_metrics() {
    describe_counter!(REQUESTS, "Requests answered, by method, route template and status");
    describe_histogram!(SECONDS, Unit::Seconds, "Time from a request's head to its answer's head");
}

/// A method as a label; those HTTP does not define are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MethodLabel(&'static str);

impl MethodLabel {
    pub(super) fn of(method: &Method) -> Self {
        Self(match *method {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::POST => "POST",
            Method::PUT => "PUT",
            Method::PATCH => "PATCH",
            Method::DELETE => "DELETE",
            Method::OPTIONS => "OPTIONS",
            _ => "other",
        })
    }
}

/// The handles of one route's series, looked up in the recorder once each.
///
/// There are few: a route has some methods and statuses, so a list is searched faster than a map.
#[derive(Default)]
pub(super) struct RouteMetrics {
    series: RwLock<Vec<Series>>,
}

struct Series {
    route: String,
    method: MethodLabel,
    status: StatusCode,
    requests: Counter,
    seconds: Histogram,
}

impl Series {
    fn register(route: &str, method: MethodLabel, status: StatusCode) -> Self {
        let route = route.to_owned();
        let requests = metrics::counter!(
            REQUESTS, "method" => method.0, "route" => route.clone(), "status" => status.as_str().to_owned()
        );
        let seconds = metrics::histogram!(SECONDS, "method" => method.0, "route" => route.clone());
        Self { route, method, status, requests, seconds }
    }

    fn is_of(&self, route: &str, method: MethodLabel, status: StatusCode) -> bool {
        self.status == status && self.method == method && self.route == route
    }

    fn record(&self, elapsed: Duration) {
        self.requests.increment(1);
        self.seconds.record(elapsed.as_secs_f64());
    }
}

impl RouteMetrics {
    pub(super) fn record(&self, route: &str, method: MethodLabel, status: StatusCode, elapsed: Duration) {
        {
            let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = series.iter().find(|series| series.is_of(route, method, status)) {
                return known.record(elapsed);
            }
        }
        let new = Series::register(route, method, status);
        new.record(elapsed);
        // Two requests at once may both add it; the handles count into the same series.
        self.series.write().unwrap_or_else(PoisonError::into_inner).push(new);
    }
}
