//! The whole layer, driven through a router.

use std::time::Duration;

use axum::routing::{get, post};
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt;
use proptest::prelude::*;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::{json::JsonObject, testing};

fn policy() -> HttpPolicy {
    let origin = |text: &str| text.parse().unwrap();
    let mut policy = HttpPolicy::new(origin("https://id.example.org"));
    policy.origins = policy.origins.with_cors([origin("https://spa.example.net")]);
    policy
}

fn app(policy: HttpPolicy) -> Router {
    let inner = Router::new()
        .route("/ok", get(|| async { "hello" }))
        .route("/json", post(|_: JsonObject| async { "read" }))
        .route("/bytes", post(|_: Bytes| async { "read" }))
        .route("/panic", get(|| async { panic!("with a secret cause") as () }))
        .route("/stuck", get(std::future::pending::<()>))
        .route(
            "/own",
            get(|| async { [(header::CONTENT_SECURITY_POLICY, "x"), (header::CACHE_CONTROL, "max-age=1")] }),
        );
    with_policy(Router::new().nest("/in", inner.clone()).merge(inner), Arc::new(policy))
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn code(&self) -> String {
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        let problem: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["type"], format!("urn:vestibule:problem:{}", problem["code"].as_str().unwrap()));
        assert!(uuid::Uuid::parse_str(problem["id"].as_str().unwrap()).is_ok());
        problem["code"].as_str().unwrap().to_owned()
    }
}

async fn ask_under(policy: HttpPolicy, request: http::request::Builder, body: Body) -> Answer {
    let response = app(policy).oneshot(request.body(body).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

async fn ask(method: &str, path: &str) -> Answer {
    ask_under(policy(), Request::builder().method(method).uri(path), Body::empty()).await
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    for (method, path) in
        [("GET", "/ok"), ("GET", "/nowhere"), ("POST", "/ok"), ("GET", "/panic"), ("OPTIONS", "/ok")]
    {
        let answer = ask(method, path).await;
        for (name, expected) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000"),
            ("cache-control", "no-store"),
            ("vary", "origin"),
        ] {
            assert_eq!(answer.headers[name], expected, "{method} {path}");
        }
        assert_eq!(answer.headers["x-correlation-id"].len(), 32);
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
    }
    let own = ask("GET", "/own").await;
    assert_eq!(
        (&own.headers["content-security-policy"], &own.headers["cache-control"]),
        (&HeaderValue::from_static("x"), &HeaderValue::from_static("max-age=1"))
    );
    let plain = ask_under(
        HttpPolicy::new("http://localhost".parse().unwrap()),
        Request::builder().uri("/ok"),
        Body::empty(),
    )
    .await;
    assert!(!plain.headers.contains_key("strict-transport-security") && !plain.headers.contains_key("vary"));
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_problems() {
    for prefix in ["", "/in"] {
        for (method, path, status, code, allow) in [
            ("GET", "/nowhere", 404, "not_found", None),
            ("OPTIONS", "/nowhere", 404, "not_found", None),
            ("POST", "/ok", 405, "method_not_allowed", Some("GET,HEAD")),
            ("BREW", "/ok", 405, "method_not_allowed", Some("GET,HEAD")),
            ("GET", "/json", 405, "method_not_allowed", Some("POST")),
            ("HEAD", "/json", 405, "", Some("POST")),
        ] {
            let answer = ask(method, &format!("{prefix}{path}")).await;
            assert_eq!(answer.status, status, "{method} {path}");
            assert_eq!(
                answer.headers.get("allow").map(|value| value.to_str().unwrap()),
                allow,
                "{method} {path}"
            );
            if code.is_empty() {
                assert!(answer.body.is_empty());
            } else {
                assert_eq!(answer.code(), code, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn head_is_get_without_a_body_and_options_lists_methods() {
    let head = ask("HEAD", "/ok").await;
    assert_eq!(
        (head.status, head.body.len(), &head.headers["content-length"]),
        (200, 0, &HeaderValue::from_static("5"))
    );
    let options = ask("OPTIONS", "/ok").await;
    assert_eq!(
        (options.status, options.body.len(), &options.headers["allow"]),
        (204, 0, &HeaderValue::from_static("GET,HEAD"))
    );
}

#[tokio::test]
async fn a_panic_is_a_500_that_tells_nothing() {
    let answer = ask("GET", "/panic").await;
    assert_eq!((answer.status, answer.code().as_str()), (500, "internal"));
    let body = String::from_utf8_lossy(&answer.body);
    assert!(!body.contains("secret") && body.contains("\"kind\":\"technical\""), "{body}");
}

#[tokio::test]
async fn t35_long_bodies_are_413_whatever_reads_them() {
    for path in ["/json", "/bytes"] {
        let request =
            || Request::builder().method("POST").uri(path).header("content-type", "application/json");
        let said = ask_under(policy(), request(), Body::from("x".repeat(64 * 1024 + 1))).await;
        assert_eq!((said.status, said.code().as_str()), (413, "payload_too_large"));
        let endless = ask_under(policy(), request(), testing::endless_body()).await;
        assert_eq!(endless.status, 413);
        // The rest of the body stays unread, so the connection cannot carry another request.
        for answer in [said, endless] {
            assert_eq!(answer.headers["connection"], "close");
        }
        let fits = ask_under(
            policy(),
            request(),
            Body::from(format!("{{\"a\":\"{}\"}}", "x".repeat(64 * 1024 - 8))),
        )
        .await;
        assert_eq!(fits.status, 200);
        let mut wider = policy();
        wider.body_limit_bytes = 128 * 1024;
        let fits =
            ask_under(wider, request(), Body::from(format!("{{\"a\":\"{}\"}}", "x".repeat(100_000)))).await;
        assert_eq!(fits.status, 200);
    }
}

#[tokio::test]
async fn t35_a_body_of_untold_length_is_watched_for_any_handler() {
    for (kib, status) in [(64, 200), (65, 413)] {
        let request = Request::builder().method("POST").uri("/bytes");
        assert_eq!(ask_under(policy(), request, testing::chunked_body(kib)).await.status, status);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_408() {
    let mut policy = policy();
    policy.request_timeout = Duration::from_secs(7);
    let stuck = ask_under(policy.clone(), Request::builder().uri("/stuck"), Body::empty()).await;
    assert_eq!(
        (stuck.code().as_str(), &stuck.headers["connection"]),
        ("request_timeout", &HeaderValue::from_static("close"))
    );
    let slow = Request::builder().method("POST").uri("/json").header("content-type", "application/json");
    assert_eq!(ask_under(policy, slow, testing::silent_body()).await.code(), "request_timeout");
}

#[tokio::test]
async fn cors_is_for_listed_origins_and_never_with_cookies() {
    let request = |method: &str, origin: &str| {
        Request::builder()
            .method(method)
            .uri("/ok")
            .header("origin", origin)
            .header("access-control-request-method", "GET")
    };
    let preflight = ask_under(policy(), request("OPTIONS", "https://spa.example.net"), Body::empty()).await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.headers["access-control-allow-origin"], "https://spa.example.net");
    assert!(preflight.headers["access-control-allow-headers"].to_str().unwrap().contains("authorization"));
    let real = ask_under(policy(), request("GET", "https://spa.example.net"), Body::empty()).await;
    assert_eq!(real.headers["access-control-allow-origin"], "https://spa.example.net");
    assert!(!real.headers.contains_key("access-control-allow-methods"));
    for answer in [preflight, real] {
        assert!(!answer.headers.contains_key("access-control-allow-credentials"));
    }
    for origin in ["https://evil.example", "null", "https://spa.example.net.evil.example"] {
        let foreign = ask_under(policy(), request("OPTIONS", origin), Body::empty()).await;
        assert!(!foreign.headers.keys().any(|name| name.as_str().starts_with("access-control")), "{origin}");
    }
}

#[tokio::test]
async fn a_technical_error_is_logged_once_with_both_ids() {
    let log = testing::Log::default();
    let guards = log.collect();
    let request = Request::builder().uri("/panic").header("x-request-id", "corr-1");
    let answer = ask_under(policy(), request, Body::empty()).await;
    drop(guards);
    assert_eq!(answer.headers["x-correlation-id"], "corr-1");
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    for needle in ["ERROR", "corr-1", "internal", "with a secret cause", problem["id"].as_str().unwrap()] {
        assert!(lines[0].contains(needle), "{needle}: {lines:?}");
    }
}

#[test]
fn requests_are_counted_by_template_and_strangers_make_no_series() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        let inner = Router::new().route("/things/{id}", get(|| async { "hello" }));
        let app = with_policy(Router::new().nest("/in", inner), Arc::new(policy()));
        for (method, path) in [
            ("GET", "/in/things/1"),
            ("GET", "/in/things/2"),
            ("BREW", "/in/things/1"),
            ("GET", "/a"),
            ("GET", "/b"),
        ] {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            runtime.block_on(app.clone().oneshot(request)).unwrap();
        }
    });
    let text = handle.render();
    let mut counted: Vec<_> =
        text.lines().filter(|line| line.starts_with("vestibule_http_requests_total{")).collect();
    counted.sort_unstable();
    let expected = [
        "vestibule_http_requests_total{method=\"GET\",route=\"/in/things/{id}\",status=\"200\"} 2",
        "vestibule_http_requests_total{method=\"GET\",route=\"other\",status=\"404\"} 2",
        "vestibule_http_requests_total{method=\"other\",route=\"/in/things/{id}\",status=\"405\"} 1",
    ];
    assert_eq!(counted, expected);
    assert!(text.contains("vestibule_http_request_duration_seconds"));
}

#[tokio::test]
async fn odd_targets_are_answered() {
    for target in ["*", "//", "/%ff", "/%2e%2e/", "/ok/", "http://elsewhere.example/nowhere"] {
        let answer = ask("OPTIONS", target).await;
        assert_eq!(answer.code(), "not_found", "{target}");
    }
}

proptest! {
    #[test]
    fn t08_t28_no_header_makes_a_5xx(name in "(cookie|origin|authorization|content-type|x-forwarded-for|x-request-id|sec-fetch-site|range|expect|[a-z-]{1,12})", value: Vec<u8>) {
        let value: Vec<u8> = value.into_iter().filter(|byte| *byte >= 0x20 && *byte != 0x7f).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        for path in ["/ok", "/json"] {
            let request = Request::builder().method("POST").uri(path).header(name.as_str(), value.as_slice());
            let answer = runtime.block_on(ask_under(policy(), request, Body::from("{}")));
            prop_assert!(answer.status < 500);
        }
    }
}
